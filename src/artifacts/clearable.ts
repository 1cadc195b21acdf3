// The stores that garbage collection searches and clears: a folder, or a bucket with this machine's copies of it. What may
// be removed: gc.ts.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import type { Bucket } from './bucket'
import { ANSWERS_FOLDER } from './answers'
import { ANSWERS, UNFINISHED, type Clearable, type Stored } from './gc'
import { LOCKS_FOLDER } from './lock'
import { MANIFEST } from './store'
import { largest } from '../extremes'

const inputsIn = (manifest: string): string[] =>
  [...manifest.matchAll(/"uri": ?"((?:file|s3):[^"]+)"/g)].map(([, uri]) => uri!)

const foldersIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
    : []
const uriOf = (folder: string) => pathToFileURL(folder).href
const sizeAndTime = (folder: string) => {
  const files = (readdirSync(folder, { recursive: true }) as string[]).map((name) => statSync(join(folder, name)))
  return {
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    time: largest(
      files.map((file) => file.mtimeMs),
      statSync(folder).mtimeMs,
    ),
  }
}

/** The folders in a folder. @param leftover what they are */
export const leftoversIn = (folder: string, leftover: string): Stored[] =>
  foldersIn(folder).map((name) => ({ uri: uriOf(join(folder, name)), ...sizeAndTime(join(folder, name)), leftover }))

/** @param root of a file store */
export function clearableFolder(root: string): Clearable {
  const base = resolve(root)
  const leftovers = (kind: string, leftover: string) => leftoversIn(join(base, kind), leftover)
  return {
    async contents() {
      const stages = foldersIn(base).filter(
        (name) => !['work', ANSWERS_FOLDER, LOCKS_FOLDER, 'texts', PINS_FOLDER].includes(name),
      )
      const artifacts = stages.flatMap((stage) =>
        foldersIn(join(base, stage)).map((name) => storedIn(join(base, stage, name), stage)),
      )
      return [
        ...artifacts,
        ...leftovers('work', UNFINISHED),
        ...leftovers('texts', 'a copy for reports'),
        ...leftovers(ANSWERS_FOLDER, ANSWERS),
      ]
    },
    async remove(uris) {
      for (const uri of uris) rmSync(new URL(uri), { recursive: true, force: true })
    },
    async pins() {
      const folder = join(base, PINS_FOLDER)
      return existsSync(folder) ? readdirSync(folder).map((name) => uriOf(join(base, placeOfPin(name)))) : []
    },
    async pin(uri) {
      mkdirSync(join(base, PINS_FOLDER), { recursive: true })
      writeFileSync(join(base, PINS_FOLDER, pinOf(uri)), uri)
    },
    async unpin(uri) {
      rmSync(join(base, PINS_FOLDER, pinOf(uri)), { force: true })
    },
  }
}

/** A file or object for each pinned artifact, named after its stage and key. */
const PINS_FOLDER = 'pins'
const pinOf = (uri: string) => uri.replace(/\/$/, '').split('/').slice(-2).join('.')
const placeOfPin = (name: string) => name.replace('.', '/')

/** What a report on a sweep is about. */
function sweepOf(manifest: string): Pick<Stored, 'sweep'> {
  const read = sweepReportSchema.safeParse(JSON.parse(manifest)).data
  return read ? { sweep: { name: read.input.settings.name, night: read.input.night ?? read.created } } : {}
}
const sweepReportSchema = z.object({
  stage: z.literal('sweep-report'),
  created: z.string(),
  input: z.object({ night: z.string().optional(), settings: z.object({ name: z.string() }) }),
})

function storedIn(folder: string, stage: string): Stored {
  const manifest = join(folder, MANIFEST)
  const uri = uriOf(folder)
  if (/\.(damaged|replaced)-\d+$/.test(folder))
    return { uri, ...sizeAndTime(folder), leftover: 'set aside: damaged or computed again' }
  if (!existsSync(manifest)) return { uri, stage, ...sizeAndTime(folder) }
  return {
    uri,
    stage,
    ...sizeAndTime(folder),
    time: statSync(manifest).mtimeMs,
    inputs: inputsIn(readFileSync(manifest, 'utf8')),
    ...(stage === 'sweep-report' && sweepOf(readFileSync(manifest, 'utf8'))),
  }
}

/** A bucket, and this machine's copies of what is in it. @param root of the file store of this machine */
export function clearableBucket(bucket: Bucket, root: string): Clearable {
  const local = clearableFolder(root)
  return {
    async contents() {
      const remote = await contentsOf(bucket)
      const inBucket = new Set(remote.map(({ uri }) => uri.slice(bucket.uri.length)))
      const copies = (await local.contents()).filter(
        ({ uri, leftover }) => leftover !== undefined || inBucket.has(uri.slice(uriOf(resolve(root)).length)),
      )
      return [
        ...remote,
        ...copies.map((copy): Stored => ({
          uri: copy.uri,
          bytes: copy.bytes,
          time: copy.time,
          leftover: copy.leftover ?? 'a copy of what is in the bucket',
        })),
      ]
    },
    async remove(uris) {
      await local.remove(uris.filter((uri) => uri.startsWith('file:')))
      for (const uri of uris.filter((uri) => uri.startsWith('s3:'))) {
        const keys = (await bucket.list(`${uri.slice(bucket.uri.length + 1)}/`)).map(({ key }) => key)
        // the manifest first: what is half removed is not an artifact any more
        await bucket.remove(keys.filter((key) => key.endsWith(`/${MANIFEST}`)))
        await bucket.remove(keys)
      }
    },
    pins: async () =>
      (await bucket.list(`${PINS_FOLDER}/`)).map(
        ({ key }) => `${bucket.uri}/${placeOfPin(key.slice(PINS_FOLDER.length + 1))}`,
      ),
    pin: async (uri) => void (await bucket.write(`${PINS_FOLDER}/${pinOf(uri)}`, uri)),
    unpin: (uri) => bucket.remove([`${PINS_FOLDER}/${pinOf(uri)}`]),
  }
}

function leftoverOf(name: string): string {
  if (name.startsWith('work/')) return UNFINISHED
  if (name.startsWith(`${ANSWERS_FOLDER}/`)) return ANSWERS
  return 'files without a manifest: damaged, computed again, or never finished'
}

interface Group {
  bytes: number
  time: number
  manifest: boolean
}

/** Objects by what they belong to: an artifact, one of its uploads, or the work of an unfinished stage. */
async function contentsOf(bucket: Bucket): Promise<Stored[]> {
  const groups = new Map<string, Group>()
  for (const { key, bytes, modified } of await bucket.list('')) {
    const parts = key.split('/')
    if (parts.length < 3) continue // locks, pins, and answers of earlier versions
    const name =
      ['work', ANSWERS_FOLDER].includes(parts[0]!) || parts.length === 3
        ? parts.slice(0, 2).join('/')
        : parts.slice(0, 3).join('/')
    const group = groups.get(name) ?? { bytes: 0, time: 0, manifest: false }
    groups.set(name, {
      bytes: group.bytes + bytes,
      time: Math.max(group.time, modified.getTime()),
      manifest: group.manifest || key === `${name}/${MANIFEST}`,
    })
  }
  const artifacts = await Promise.all(
    [...groups].filter(([, { manifest }]) => manifest).map(([name, group]) => artifactIn(bucket, name, group, groups)),
  )
  const used = new Set(artifacts.flatMap(({ uri, upload }) => [uri, `${uri}/${upload}`]))
  const others = [...groups].map(([name, { bytes, time }]): Stored => ({
    uri: `${bucket.uri}/${name}`,
    bytes,
    time,
    leftover: leftoverOf(name),
  }))
  return [...artifacts.map(({ upload: _, ...stored }): Stored => stored), ...others.filter(({ uri }) => !used.has(uri))]
}

async function artifactIn(
  bucket: Bucket,
  name: string,
  group: Group,
  groups: ReadonlyMap<string, Group>,
): Promise<Stored & { upload: string }> {
  const text = (await bucket.read(`${name}/${MANIFEST}`))?.text ?? ''
  const upload = /"upload": ?"([\w-]+)"/.exec(text)?.[1] ?? ''
  const bytes = group.bytes + (groups.get(`${name}/${upload}`)?.bytes ?? 0)
  return {
    uri: `${bucket.uri}/${name}`,
    stage: name.split('/')[0]!,
    bytes,
    time: group.time,
    inputs: inputsIn(text),
    ...(name.startsWith('sweep-report/') && sweepOf(text)),
    upload,
  }
}
