// What a stage keeps between attempts, copied to a bucket: a worker on another machine continues from it.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Bucket } from './bucket'

export interface Mirror {
  /** Copies what is missing on this machine from the bucket. */
  pull(): Promise<void>
  /** Copies what is new on this machine to the bucket. */
  push(): Promise<void>
}

const PARTIAL = '.partial-'
const fileName = z.string().regex(/^(?!\.)[\w.-]+$/)
const indexSchema = z.object({ at: z.uuid(), files: z.array(fileName) })
/** A relative path that cannot lead out of its root. */
const FOLDER = /^(?!.*\.\.)[\w-][\w.-]*(\/[\w-][\w.-]*)*$/

/**
 * Folders that appear whole, by a rename, and may vanish again: checkpoints. In the bucket
 *
 *   <prefix>/<folder>/<upload>/<file>
 *   <prefix>/<folder>.index.json      written last: which upload is complete
 */
export function checkpointMirror(bucket: Bucket, prefix: string, root: string): Mirror {
  const INDEX = '.index.json'
  /** Folders that are in the bucket, and when each was created on this machine. */
  const pushed = new Map<string, number>()
  const indexOf = (folder: string) => `${prefix}/${folder}${INDEX}`

  async function pushFolder(folder: string, created: number): Promise<void> {
    const at = randomUUID()
    const files = readdirSync(join(root, folder))
    for (const name of files) await bucket.upload(`${prefix}/${folder}/${at}/${name}`, join(root, folder, name))
    await bucket.write(indexOf(folder), JSON.stringify({ at, files }))
    pushed.set(folder, created)
    await bucket.remove(
      (await bucket.list(`${prefix}/${folder}/`))
        .map(({ key }) => key)
        .filter((key) => !key.startsWith(`${prefix}/${folder}/${at}/`)),
    )
  }

  async function pullFolder(folder: string): Promise<void> {
    const { at, files } = indexSchema.parse(JSON.parse((await bucket.read(indexOf(folder)))!.text))
    const staging = `${join(root, folder)}${PARTIAL}${randomUUID()}`
    try {
      for (const name of files) await bucket.download(`${prefix}/${folder}/${at}/${name}`, join(staging, name))
      if (!existsSync(join(root, folder))) renameSync(staging, join(root, folder))
    } finally {
      rmSync(staging, { recursive: true, force: true })
    }
    pushed.set(folder, statSync(join(root, folder)).mtimeMs)
  }

  return {
    async pull() {
      for (const { key } of await bucket.list(`${prefix}/`)) {
        const folder = key.endsWith(INDEX) ? key.slice(prefix.length + 1, -INDEX.length) : ''
        if (FOLDER.test(folder) && !existsSync(join(root, folder))) await pullFolder(folder)
      }
    },
    async push() {
      const local = wholeFolders(root)
      for (const [folder, created] of local) {
        if (pushed.get(folder) !== created) await pushFolder(folder, created).catch(unlessGone(join(root, folder)))
      }
      for (const folder of pushed.keys()) {
        if (local.has(folder)) continue
        await bucket.remove([indexOf(folder)])
        await bucket.remove((await bucket.list(`${prefix}/${folder}/`)).map(({ key }) => key))
        pushed.delete(folder)
      }
    },
  }
}

/** Folders with files in them, relative to the root, and when each was created: oldest first. */
function wholeFolders(root: string, below = ''): Map<string, number> {
  const found: [string, number][] = []
  if (!existsSync(join(root, below))) return new Map()
  const entries = readdirSync(join(root, below), { withFileTypes: true }).filter(({ name }) => !name.includes(PARTIAL))
  for (const { name } of entries.filter((entry) => entry.isDirectory()))
    for (const folder of wholeFolders(root, below ? `${below}/${name}` : name)) found.push(folder)
  if (below && entries.some((entry) => entry.isFile())) found.push([below, statSync(join(root, below)).mtimeMs])
  return new Map(found.sort(([, a], [, b]) => a - b))
}

/** A checkpoint may be deleted for a newer one while it is uploaded: that is no error. */
const unlessGone = (folder: string) => (error: unknown) => {
  if (existsSync(folder)) throw error
}

/** Files that only grow, each written by one process: labelers' answers. In the bucket <prefix>/<file>. */
export function answerMirror(bucket: Bucket, prefix: string, folder: string): Mirror {
  /** How many bytes of each file are in the bucket. */
  const uploaded = new Map<string, number>()
  const localSize = (name: string) => (existsSync(join(folder, name)) ? statSync(join(folder, name)).size : -1)

  return {
    async pull() {
      for (const { key, bytes } of await bucket.list(`${prefix}/`)) {
        const name = key.slice(prefix.length + 1)
        if (!fileName.safeParse(name).success) continue
        if (bytes > localSize(name)) await downloadWhole(bucket, key, join(folder, name))
        uploaded.set(name, bytes)
      }
    },
    async push() {
      for (const name of existsSync(folder) ? readdirSync(folder) : []) {
        const bytes = localSize(name)
        if (name.includes(PARTIAL) || bytes <= (uploaded.get(name) ?? 0)) continue
        await bucket.upload(`${prefix}/${name}`, join(folder, name))
        uploaded.set(name, bytes)
      }
    },
  }
}

async function downloadWhole(bucket: Bucket, key: string, target: string): Promise<void> {
  const staging = `${target}${PARTIAL}${randomUUID()}`
  mkdirSync(dirname(target), { recursive: true })
  try {
    await bucket.download(key, staging)
    renameSync(staging, target)
  } finally {
    rmSync(staging, { force: true })
  }
}
