// What a stage keeps between attempts, copied to a bucket: a worker on another machine continues from it. Checkpoints are
// here, labelers' answers in answer-mirror.ts.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { linkOrCopy } from '../link-or-copy'
import type { Bucket } from './bucket'

export interface Mirror {
  /** Copies what is new on this machine to the bucket. */
  push(): Promise<void>
  /** The same for the last time. */
  close(): Promise<void>
}

export interface CheckpointMirror extends Mirror {
  /** Copies what is missing on this machine from the bucket. */
  pull(): Promise<void>
}

const PARTIAL = '.partial-'
/** Not copied: files that are not whole yet, and what is of this machine alone: the token of a server, merged weights. */
const isKeptHere = (name: string) => name.includes('.partial') || name.startsWith('.')
const INDEX = '.index.json'
const fileName = z.string().regex(/^(?!\.)[\w.-]+$/)
/** `created`: of the folder, by the clock of the machine that it was copied from. */
const indexSchema = z.object({ at: z.uuid(), files: z.array(fileName), created: z.number().optional() })
/** A relative path that cannot lead out of its root. */
const PATH = /^(?!.*\.\.)[\w-][\w.-]*(\/[\w-][\w.-]*)*$/
/** Folders that appear whole, by a rename: those of a training step. */
const WHOLE = /^step-\d+$/
const WITHIN_WHOLE = /(^|\/)step-\d+\//

/** What is copied as one: a folder that appears whole, with its files, or a single file. */
interface Unit {
  created: number
  files?: string[]
}

/**
 * Folders of steps, which appear whole and may vanish again, and other files, each of which appears whole by a rename. In
 * the bucket
 *
 *   <prefix>/<folder of a step>/<upload>/<file>
 *   <prefix>/<folder of a step>.index.json      written last: which upload is complete
 *   <prefix>/<other file>
 *
 * What is older is copied first: a checkpoint rests on what was kept before it.
 */
export function checkpointMirror(bucket: Bucket, prefix: string, root: string): CheckpointMirror {
  /** What is in the bucket, and when each was created on this machine. */
  const pushed = new Map<string, number>()
  const indexOf = (folder: string) => `${prefix}/${folder}${INDEX}`
  const createdAt = (path: string) => statSync(join(root, path)).mtimeMs

  async function pushFolder(folder: string, { created, files = [] }: Unit): Promise<void> {
    const at = randomUUID()
    const held = hold(join(root, folder), files)
    try {
      for (const name of files) await bucket.upload(`${prefix}/${folder}/${at}/${name}`, join(held, name))
    } finally {
      rmSync(held, { recursive: true, force: true })
    }
    await bucket.write(indexOf(folder), JSON.stringify({ at, files, created }))
    await bucket.remove(
      (await bucket.list(`${prefix}/${folder}/`))
        .map(({ key }) => key)
        .filter((key) => !key.startsWith(`${prefix}/${folder}/${at}/`)),
    )
  }

  async function pushUnit(path: string, unit: Unit): Promise<void> {
    if (unit.files) await pushFolder(path, unit)
    else await bucket.upload(`${prefix}/${path}`, join(root, path))
    pushed.set(path, unit.created)
  }

  async function pullFolder(folder: string): Promise<void> {
    const { at, files, created } = indexSchema.parse(JSON.parse((await bucket.read(indexOf(folder)))!.text))
    // of this machine, and possibly damaged since: what is in the bucket is left as it is
    if (existsSync(join(root, folder))) return void (created !== undefined && pushed.set(folder, created))
    await appearWhole(folder, async (staging) => {
      for (const name of files) await bucket.download(`${prefix}/${folder}/${at}/${name}`, join(staging, name))
    })
  }

  async function appearWhole(path: string, fill: (staging: string) => Promise<void>): Promise<void> {
    const staging = `${join(root, path)}${PARTIAL}${randomUUID()}`
    mkdirSync(dirname(staging), { recursive: true })
    try {
      await fill(staging)
      if (!existsSync(join(root, path))) renameSync(staging, join(root, path))
    } finally {
      rmSync(staging, { recursive: true, force: true })
    }
    pushed.set(path, createdAt(path))
  }

  async function removeFromBucket(path: string): Promise<void> {
    await bucket.remove([indexOf(path), `${prefix}/${path}`])
    await bucket.remove((await bucket.list(`${prefix}/${path}/`)).map(({ key }) => key))
    pushed.delete(path)
  }

  async function push(): Promise<void> {
    const local = unitsIn(root)
    for (const [path, unit] of local)
      if (pushed.get(path) !== unit.created) await pushUnit(path, unit).catch(unlessGone(join(root, path)))
    for (const path of [...pushed.keys()]) if (!local.has(path)) await removeFromBucket(path)
  }

  return {
    async pull() {
      for (const { key } of await bucket.list(`${prefix}/`)) {
        const name = key.slice(prefix.length + 1)
        const folder = name.endsWith(INDEX) ? name.slice(0, -INDEX.length) : undefined
        if (!PATH.test(folder ?? name)) continue
        if (folder !== undefined) await pullFolder(folder)
        else if (!WITHIN_WHOLE.test(name) && !existsSync(join(root, name)))
          await appearWhole(name, (staging) => bucket.download(key, staging))
      }
    },
    push,
    close: push,
  }
}

/** What a folder holds, by its path below the root: oldest first. */
function unitsIn(root: string, below = ''): Map<string, Unit> {
  const found: [string, Unit][] = []
  const entries = existsSync(join(root, below)) ? readdirSync(join(root, below), { withFileTypes: true }) : []
  for (const entry of entries.filter(({ name }) => !isKeptHere(name))) {
    const path = below ? `${below}/${entry.name}` : entry.name
    if (entry.isDirectory() && !WHOLE.test(basename(path))) for (const inner of unitsIn(root, path)) found.push(inner)
    else if (existsSync(join(root, path))) found.push([path, unitAt(join(root, path))])
  }
  return new Map(found.sort(([, a], [, b]) => a.created - b.created))
}

function unitAt(path: string): Unit {
  const stat = statSync(path)
  return { created: stat.mtimeMs, ...(stat.isDirectory() && { files: readdirSync(path) }) }
}

/**
 * Holds the files of a folder that training may delete for a newer one, by second names: where checkpoints are made faster
 * than a bucket takes them, each would be gone before it had arrived.
 * @returns the folder of the second names
 */
function hold(folder: string, files: readonly string[]): string {
  const held = `${folder}${PARTIAL}${randomUUID()}`
  mkdirSync(held)
  try {
    for (const name of files) linkOrCopy(join(folder, name), join(held, name))
  } catch (error) {
    rmSync(held, { recursive: true, force: true })
    throw error
  }
  return held
}

/** A checkpoint may be deleted for a newer one before it is held: that is no error. */
const unlessGone = (path: string) => (error: unknown) => {
  if (existsSync(path)) throw error
}
