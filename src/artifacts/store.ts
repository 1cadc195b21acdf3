// Content-addressed artifacts on a file system (design decision 3).
//
//   <root>/<stage>/<key>/            the finished artifact: its files and, written last, manifest.json
//   <root>/claims/<stage>-<key>      who computes it now (claim.ts)
//   <root>/work/<stage>-<key>/       what an unfinished stage keeps between attempts: checkpoints, and output of each attempt
//
// A key names the work (stage, code version, settings, input digests); a finished folder appears by one rename.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { z } from 'zod'
import { fileDigest } from '../digest'
import { InvalidInput } from '../contracts/parse'
import { summarySchema, type Artifact } from '../contracts/artifact'
import { takeClaim, type Claim } from './claim'

/** Curves with timings: kept and verified, but no part of the content's digest, so that equal results have equal digests. */
export const LOG_FILE = 'metrics.jsonl'
/** Event files of TensorBoard, with the time of writing in them: kept likewise. */
export const TENSORBOARD = 'tensorboard'
const MANIFEST = 'manifest.json'

const manifestSchema = z.object({
  stage: z.string(),
  version: z.number(),
  key: z.string(),
  created: z.string(),
  seconds: z.number(),
  /** The stage's input as it was parsed: settings, and its input artifacts by reference. */
  input: z.unknown(),
  summary: summarySchema,
  sha256: z.string(),
  bytes: z.number(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
})
export type Manifest = z.infer<typeof manifestSchema>

export interface Work {
  /** Empty; what is put here becomes the artifact. */
  output: string
  /** Survives failed attempts. */
  checkpoints: string
}

export interface ArtifactStore {
  /** The finished artifact of this work, if its bytes are there and match. A damaged one is moved away and told of. */
  find(stage: string, key: string): Promise<Artifact | undefined>
  /** The right to compute this work; waits while another process has it. @param onWait called once when it does */
  claim(stage: string, key: string, signal: AbortSignal, onWait: () => void): Promise<Claim>
  begin(stage: string, key: string): Work
  /** Removes the output of an attempt that failed; what it keeps for the next one stays. */
  discard(work: Work): void
  commit(work: Work, made: Pick<Manifest, 'stage' | 'version' | 'key' | 'seconds' | 'input' | 'summary'>): Promise<Artifact>
  /** Reads every byte of an artifact that a stage is about to use. @throws InvalidInput when one is not what was written; the folder is then moved away, so that the stage that makes it does it again */
  verify(artifact: Artifact): Promise<void>
  /** The folder of an artifact, after a look at its manifest and the size of its files. */
  open(artifact: Artifact): { folder: string; manifest: Manifest }
  /** The reference of an artifact that a person named by its URI. */
  describe(uri: string): Artifact
}

/** JSON with sorted keys, so that equal values have equal text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined)
    return `{${entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`
  }
  return JSON.stringify(value ?? null)
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** The artifacts that an input refers to. */
export function artifactsIn(value: unknown): Artifact[] {
  if (typeof value !== 'object' || value === null) return []
  if ('uri' in value && 'sha256' in value) return [value as Artifact]
  return Object.values(value).flatMap(artifactsIn)
}

/** The key of a piece of work. Artifacts inside `input` count by their content alone, not by where they lie. */
export function keyOf(stage: string, version: number, input: unknown): string {
  return sha256(canonical({ stage, version, input: contentOnly(input) })).slice(0, 32)
}

function contentOnly(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(contentOnly)
  if (typeof value !== 'object' || value === null) return value
  if ('uri' in value && 'sha256' in value) return value.sha256
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, contentOnly(v)]))
}

function listFiles(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? listFiles(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`]))
    .sort()
}

function readManifest(folder: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')))
  } catch (error) {
    throw new Error(`artifacts: ${join(folder, MANIFEST)} cannot be used: ${(error as Error).message}`, { cause: error })
  }
}

const reference = (folder: string, { sha256, bytes, summary }: Manifest): Artifact => ({ uri: pathToFileURL(folder).href, sha256, bytes, summary })

/** What is wrong with a finished folder, or undefined. */
async function damage(folder: string): Promise<string | undefined> {
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

/** @returns where a damaged folder is now */
function setAside(folder: string): string {
  const aside = `${folder}.damaged-${Date.now()}`
  renameSync(folder, aside)
  return aside
}

export function fileStore(root: string): ArtifactStore {
  const base = resolve(root)
  const place = (stage: string, key: string) => join(base, stage, key)

  const folderOf = (uri: string): string => {
    const folder = resolve(fileURLToPath(uri))
    if (!folder.startsWith(base + sep)) throw new InvalidInput(`artifacts: ${uri} is not inside this worker's store ${base}; set RLAIF_HOME so that all workers share one`)
    if (!existsSync(join(folder, MANIFEST))) throw new InvalidInput(`artifacts: ${uri} is not a finished artifact (no ${MANIFEST}); run the stage that makes it again`)
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
      if (wrong) throw new InvalidInput(`artifacts: ${folder}: ${wrong}; it was moved to ${setAside(folder)}. Start the run again, or reset it to the stage that makes it: only what is missing is done again`)
    },

    claim: (stage, key, signal, onWait) => takeClaim(join(base, 'claims', `${stage}-${key}`), signal, onWait),

    begin(stage, key) {
      const work = join(base, 'work', `${stage}-${key}`)
      const output = join(work, `output-${randomUUID()}`)
      mkdirSync(output, { recursive: true })
      return { output, checkpoints: join(work, 'checkpoints') }
    },

    discard({ output }) {
      rmSync(output, { recursive: true, force: true })
    },

    async commit(work, made) {
      const files = []
      for (const name of listFiles(work.output)) files.push({ name, bytes: statSync(join(work.output, name)).size, sha256: await fileDigest(join(work.output, name)) })
      const content = files.filter(({ name }) => name !== LOG_FILE && !name.startsWith(`${TENSORBOARD}/`)).map(({ name, sha256 }) => `${name} ${sha256}`)
      const manifest: Manifest = {
        ...made,
        created: new Date().toISOString(),
        sha256: sha256([made.stage, ...content].join('\n')),
        bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
        files,
      }
      writeFileSync(join(work.output, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
      const folder = place(made.stage, made.key)
      mkdirSync(join(base, made.stage), { recursive: true })
      const before = existsSync(folder) ? readManifest(folder) : undefined
      if (before?.sha256 !== manifest.sha256) {
        if (before) renameSync(folder, `${folder}.replaced-${Date.now()}`)
        renameSync(work.output, folder)
      }
      rmSync(dirname(work.output), { recursive: true, force: true })
      return reference(folder, readManifest(folder))
    },

    open(artifact) {
      const folder = folderOf(artifact.uri)
      const manifest = readManifest(folder)
      if (manifest.sha256 !== artifact.sha256) throw new InvalidInput(`artifacts: ${artifact.uri} holds ${manifest.sha256}, the run asks for ${artifact.sha256}; it was made again since: start the run again`)
      for (const { name, bytes } of manifest.files) {
        const file = join(folder, name)
        if (!existsSync(file) || statSync(file).size !== bytes) throw new Error(`artifacts: ${file} is missing or cut short (${bytes} bytes are recorded); remove ${folder} and run the stage again`)
      }
      return { folder, manifest }
    },

    describe(uri) {
      const folder = folderOf(uri)
      return reference(folder, readManifest(folder))
    },
  }
}

