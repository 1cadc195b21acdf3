// Artifacts on a file system that all workers share.
//
//   <root>/<stage>/<key>/            the finished artifact: its files and, written last, manifest.json; it appears by one rename
//   <root>/claims/<stage>-<key>      who computes it now (lock.ts)
//   <root>/work/<stage>-<key>/       what an unfinished stage keeps between attempts: checkpoints, and output of each attempt
import { createHash, randomUUID } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { fileDigest } from '../digest'
import { InvalidInput } from '../contracts/parse'
import type { Artifact } from '../contracts/artifact'
import { fileLock, takeLock } from './lock'
import { LOG_FILE, MANIFEST, TENSORBOARD, manifestSchema, type ArtifactStore, type Manifest } from './store'

/** Of a folder and those in it, sorted. */
function listFiles(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory() ? listFiles(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
    )
    .sort()
}

export function readManifest(folder: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')))
  } catch (error) {
    throw new Error(`artifacts: ${join(folder, MANIFEST)} cannot be used: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

export const writeManifest = (folder: string, manifest: Manifest) =>
  writeFileSync(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)

const reference = (folder: string, { sha256, bytes, summary }: Manifest): Artifact => ({
  uri: pathToFileURL(folder).href,
  sha256,
  bytes,
  summary,
})

/** What is wrong with a finished folder, or undefined. */
export async function damage(folder: string): Promise<string | undefined> {
  try {
    for (const file of readManifest(folder).files) {
      if (!existsSync(join(folder, file.name))) return `${file.name} is missing`
      if ((await fileDigest(join(folder, file.name))) !== file.sha256) return `${file.name} has changed`
    }
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** @returns where the folder is now */
export function setAside(folder: string, as: 'damaged' | 'replaced' = 'damaged'): string {
  const aside = `${folder}.${as}-${Date.now()}`
  renameSync(folder, aside)
  return aside
}

export function fileStore(root: string): ArtifactStore {
  const base = resolve(root)
  const place = (stage: string, key: string) => join(base, stage, key)

  const folderOf = (uri: string): string => {
    const folder = uri.startsWith('file:') ? resolve(fileURLToPath(uri)) : uri
    if (!folder.startsWith(base + sep))
      throw new InvalidInput(
        `artifacts: ${uri} is not inside this worker's store ${base}; set RLAIF_HOME, or RLAIF_STORE for a bucket, so that all workers share one`,
      )
    if (!existsSync(join(folder, MANIFEST)))
      throw new InvalidInput(
        `artifacts: ${uri} is not a finished artifact (no ${MANIFEST}); run the stage that makes it again`,
      )
    return folder
  }

  return {
    async find(stage, key) {
      const folder = place(stage, key)
      if (!existsSync(folder)) return undefined
      const wrong = await damage(folder)
      if (!wrong) {
        utimesSync(join(folder, MANIFEST), new Date(), new Date()) // in use again: young for the garbage collection
        return reference(folder, readManifest(folder))
      }
      process.stderr.write(`artifacts: ${folder}: ${wrong}; moved to ${setAside(folder)}, the stage is done again\n`)
      return undefined
    },

    async verify({ uri }) {
      const folder = folderOf(uri)
      const wrong = await damage(folder)
      if (wrong)
        throw new InvalidInput(
          `artifacts: ${folder}: ${wrong}; it was moved to ${setAside(folder)}. Start the run again, or reset it to the stage that makes it: only what is missing is done again`,
        )
    },

    lock: (stage, key, signal, onWait) => takeLock(fileLock(join(base, 'claims', `${stage}-${key}`)), signal, onWait),

    async begin(stage, key) {
      const work = join(base, 'work', `${stage}-${key}`)
      const output = join(work, `output-${randomUUID()}`)
      mkdirSync(output, { recursive: true })
      return { output, checkpoints: join(work, 'checkpoints') }
    },

    keepSafe: () => () => Promise.resolve(),

    discard({ output }) {
      rmSync(output, { recursive: true, force: true })
    },

    async commit(work, made) {
      const files = []
      for (const name of listFiles(work.output))
        files.push({
          name,
          bytes: statSync(join(work.output, name)).size,
          sha256: await fileDigest(join(work.output, name)),
        })
      const content = files
        .filter(({ name }) => name !== LOG_FILE && !name.startsWith(`${TENSORBOARD}/`))
        .map(({ name, sha256 }) => `${name} ${sha256}`)
      const manifest: Manifest = {
        ...made,
        created: new Date().toISOString(),
        sha256: createHash('sha256')
          .update([made.stage, ...content].join('\n'))
          .digest('hex'),
        bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
        files,
      }
      writeManifest(work.output, manifest)
      const folder = place(made.stage, made.key)
      mkdirSync(join(base, made.stage), { recursive: true })
      const before = existsSync(folder) ? readManifest(folder) : undefined
      if (before?.sha256 !== manifest.sha256) {
        if (before) setAside(folder, 'replaced')
        renameSync(work.output, folder)
      }
      rmSync(dirname(work.output), { recursive: true, force: true })
      return reference(folder, readManifest(folder))
    },

    async open(artifact) {
      const folder = folderOf(artifact.uri)
      const manifest = readManifest(folder)
      if (manifest.sha256 !== artifact.sha256)
        throw new InvalidInput(
          `artifacts: ${artifact.uri} holds ${manifest.sha256}, the run asks for ${artifact.sha256}; it was made again since: start the run again`,
        )
      for (const { name, bytes } of manifest.files) {
        const file = join(folder, name)
        if (!existsSync(file) || statSync(file).size !== bytes)
          throw new Error(
            `artifacts: ${file} is missing or cut short (${bytes} bytes are recorded); remove ${folder} and run the stage again`,
          )
      }
      return { folder, manifest }
    },

    async describe(uri) {
      const folder = folderOf(uri)
      return reference(folder, readManifest(folder))
    },
  }
}
