// What nobody needs in the store any more. Young things stay, reports and studies, and all that they were made from.
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Bucket } from './bucket'
import { LOCKS_FOLDER } from './lock'
import { MANIFEST } from './store'
import { largest } from '../extremes'

/** Something in a store, known by its URI. */
export interface Stored {
  uri: string
  bytes: number
  /** When it was last written or found again. */
  time: number
  /** Stage of a finished artifact, and the artifacts it was made from. */
  stage?: string
  inputs?: string[]
  /** What it is, if it is not a finished artifact. */
  leftover?: string
}

export interface Garbage extends Stored {
  why: string
}

/** A store that can be searched and cleared. */
export interface Clearable {
  contents(): Promise<Stored[]>
  remove(uris: readonly string[]): Promise<void>
}

/** What people read: these stay, and everything they were made from. */
const ROOTS = new Set(['report', 'study', 'comparison', 'human-results', 'sweep-report'])
const DAY_MS = 86_400_000
const UNFINISHED = 'an unfinished stage that nothing has touched since'

/** What may be removed. @param days everything younger stays */
export function findGarbage(contents: readonly Stored[], days: number, now = Date.now()): Garbage[] {
  const isOld = ({ time }: Stored) => now - time > days * DAY_MS
  const needed = reachable(
    contents,
    (stored) => !isOld(stored) || (stored.stage !== undefined && ROOTS.has(stored.stage)),
  )
  return contents.filter(isOld).flatMap((stored): Garbage[] => {
    if (stored.leftover !== undefined) return [{ ...stored, why: stored.leftover }]
    return needed.has(stored.uri) ? [] : [{ ...stored, why: 'no report needs it' }]
  })
}

function reachable(contents: readonly Stored[], isRoot: (stored: Stored) => boolean): Set<string> {
  const byUri = new Map(contents.map((stored) => [stored.uri, stored]))
  const seen = new Set<string>()
  const visit = (uri: string) => {
    if (seen.has(uri)) return
    seen.add(uri)
    byUri.get(uri)?.inputs?.forEach(visit)
  }
  contents.filter(isRoot).forEach(({ uri }) => visit(uri))
  return seen
}

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

/** @param root of a file store */
export function clearableFolder(root: string): Clearable {
  const base = resolve(root)
  const leftovers = (kind: string, leftover: string): Stored[] =>
    foldersIn(join(base, kind)).map((name) => ({
      uri: uriOf(join(base, kind, name)),
      ...sizeAndTime(join(base, kind, name)),
      leftover,
    }))
  return {
    async contents() {
      const stages = foldersIn(base).filter((name) => !['work', 'answers', LOCKS_FOLDER, 'texts'].includes(name))
      const artifacts = stages.flatMap((stage) =>
        foldersIn(join(base, stage)).map((name) => storedIn(join(base, stage, name), stage)),
      )
      return [...artifacts, ...leftovers('work', UNFINISHED), ...leftovers('texts', 'a copy for reports')]
    },
    async remove(uris) {
      for (const uri of uris) rmSync(new URL(uri), { recursive: true, force: true })
    },
  }
}

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
  }
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
    if (parts.length < 3 || parts[0] === 'answers') continue // locks and answers
    const name = parts[0] === 'work' || parts.length === 3 ? parts.slice(0, 2).join('/') : parts.slice(0, 3).join('/')
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
    leftover: name.startsWith('work/')
      ? UNFINISHED
      : 'files without a manifest: damaged, computed again, or never finished',
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
    upload,
  }
}
