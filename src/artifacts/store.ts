// What an artifact store is: content-addressed artifacts, wherever they are (design decision 3). On a file system:
// file-store.ts; in a bucket: s3-store.ts; which one: open-store.ts.
//
// A key names the work (stage, code version, settings, input digests); a finished artifact appears at once and whole.
import { createHash } from 'node:crypto'
import { isAbsolute, normalize } from 'node:path'
import { z } from 'zod'
import { summarySchema, type Artifact } from '../contracts/artifact'
import { SCORES_FILE } from '../contracts/validation-scores'
import type { Lock } from '../file-lock'
import { isPlace } from './place'

/**
 * Training curves with timings: kept and verified, but not part of the digest, so that equal results have equal
 * digests.
 */
export const LOG_FILE = 'metrics.jsonl'
/** Event files of TensorBoard, which contain the time of writing: not part of the digest either. */
export const TENSORBOARD = 'tensorboard'
/** Nor what only people read: an artifact of before it was written is the same artifact. */
export const isLog = (name: string): boolean =>
  name === LOG_FILE || name === SCORES_FILE || name.startsWith(`${TENSORBOARD}/`)
export const MANIFEST = 'manifest.json'

const isInside = (name: string) =>
  name !== '' && !isAbsolute(name) && normalize(name) === name && !name.startsWith('..') && !name.includes('\0')
const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256')
const bytesSchema = z.number().int().nonnegative()

const manifestFields = z.object({
  stage: z.string(),
  version: z.number(),
  key: z.string(),
  created: z.string(),
  seconds: z.number(),
  /** The stage's input as it was parsed: settings, and its input artifacts by reference. */
  input: z.unknown(),
  summary: summarySchema,
  /** What the stage read from outside the store: digests and commits, by what they are for. */
  sources: z.record(z.string(), z.string()).exactOptional(),
  sha256: sha256Schema,
  bytes: bytesSchema,
  files: z.array(
    z.object({
      name: z.string().refine(isInside, 'leads out of the artifact'),
      bytes: bytesSchema,
      sha256: sha256Schema,
    }),
  ),
})
const NO_PLACE = 'stage and key are not those of an artifact'
/** Whoever may write to a shared store writes manifests: what becomes a path or a key of a bucket is checked. */
export const manifestSchema = manifestFields.refine(isPlace, NO_PLACE)
/** A manifest in a bucket, and which upload its files are in. */
export const remoteManifestSchema = manifestFields.extend({ upload: z.uuid() }).refine(isPlace, NO_PLACE)
export type Manifest = z.infer<typeof manifestSchema>
export type Sources = NonNullable<Manifest['sources']>

/** Where an artifact comes from: what a stage adds to its files when it commits them. */
export type Provenance = Pick<Manifest, 'stage' | 'version' | 'key' | 'seconds' | 'input' | 'summary' | 'sources'>

export interface Work {
  /** Empty; what is written here becomes the artifact. */
  output: string
  /** Survives failed attempts. */
  checkpoints: string
  /** Name of the files of labelers' answers that this attempt writes (answers.ts). */
  writer: string
}

/** Which files of an artifact to fetch: all, or all but the weights, which reports do not read. */
export type FileSelection = 'all' | 'text'

export interface OpenedArtifact {
  /** On this machine. */
  folder: string
  manifest: Manifest
}

export interface ArtifactStore {
  /** The finished artifact of this work, if its files exist and match. A damaged one is moved aside and reported. */
  find(stage: string, key: string): Promise<Artifact | undefined>
  /** The right to compute this work; waits while another process has it. @param onWait called once when it does */
  lock(stage: string, key: string, signal: AbortSignal, onWait: () => void): Promise<Lock>
  begin(stage: string, key: string): Promise<Work>
  /** Copies to this machine what other machines have stored of a labeler's answers (`shelfOf`). */
  fetchAnswers(shelf: string): Promise<void>
  /**
   * While a stage computes: copies its checkpoints and labelers' answers to where other machines find them.
   * @returns a function to call when the stage ends
   */
  startBackup(work: Work): () => Promise<void>
  /** Removes the output of an attempt that failed; its checkpoints stay for the next one. */
  discard(work: Work): void
  commit(work: Work, provenance: Provenance): Promise<Artifact>
  /**
   * Reads every byte of an artifact that a stage is about to use, but for files that it has just read (recent-digests.ts).
   * @throws InvalidInput when a file has changed; the artifact is then moved aside, so that its stage computes it again
   */
  verify(artifact: Pick<Artifact, 'uri' | 'sha256'>): Promise<void>
  /** An artifact's files in a folder of this machine, after a check of its manifest and the size of its files. */
  open(artifact: Pick<Artifact, 'uri' | 'sha256'>, selection?: FileSelection): Promise<OpenedArtifact>
  /** The reference of an artifact that a person named by its URI. */
  describe(uri: string): Promise<Artifact>
}

/** JSON with sorted keys, so that equal values have equal text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined)
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`)
      .join(',')}}`
  }
  return JSON.stringify(value ?? null)
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** The artifacts that an input refers to. */
export function artifactsIn(value: unknown): Artifact[] {
  if (typeof value !== 'object' || value === null) return []
  if ('uri' in value && 'sha256' in value && typeof value.uri === 'string') return [value as Artifact]
  return Object.values(value).flatMap(artifactsIn)
}

/** The key of a piece of work. Artifacts inside `input` count by their content alone, not by where they are. */
export function keyOf(stage: string, version: number, input: unknown): string {
  return sha256(canonical({ stage, version, input: contentOnly(input) })).slice(0, 32)
}

function contentOnly(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(contentOnly)
  if (typeof value !== 'object' || value === null) return value
  if ('uri' in value && 'sha256' in value) return value.sha256
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, contentOnly(v)]))
}
