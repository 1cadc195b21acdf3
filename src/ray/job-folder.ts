// The folder of a job, shared with all nodes of the cluster: what is to be done, how far it is, how it ended. Its other
// side: engines/ray/rlaif_ray/job.py.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { progressSchema, type Progress } from '../contracts/status'
import { writeJsonl } from '../json-lines'

/** The Python package, which travels with the job: it is always that of the worker's version. */
const PACKAGE = join(__dirname, '..', '..', 'engines', 'ray', 'rlaif_ray')

/** A job as the program reads it. */
export interface JobFile {
  stage: string
  seed: number
  is_local: boolean
  engine: object
  model: ModelFolders & { stopIds: readonly number[] }
  settings: object
  /** What only this stage has. */
  more: object
}

/** A model as the program loads it: a Hugging Face folder, and adapters that it merges. */
export interface ModelFolders {
  folder: string
  adapters: readonly string[]
}

/** Rows of a job by the name of their file. */
export type JobRows = Record<string, Iterable<unknown>>

const outcomeSchema = z.union([
  z.object({ done: z.literal(true) }),
  z.object({ failed: z.object({ name: z.string(), message: z.string(), final: z.boolean().optional() }) }),
])
export type Outcome = z.infer<typeof outcomeSchema>

/** The folder that Python's module path must have for this job. */
export const codeFolder = (folder: string): string => join(folder, 'code')
export const resultFolder = (folder: string): string => join(folder, 'result')

/** Writes what a job reads; what an earlier one has computed stays. */
export function writeJob(folder: string, job: JobFile, rows: JobRows): void {
  mkdirSync(folder, { recursive: true })
  rmSync(join(folder, 'outcome.json'), { force: true })
  rmSync(join(folder, 'progress.json'), { force: true })
  cpSync(PACKAGE, join(codeFolder(folder), 'rlaif_ray'), {
    recursive: true,
    filter: (name) => basename(name) !== '__pycache__',
  })
  for (const [name, lines] of Object.entries(rows)) writeJsonl(join(folder, name), lines)
  writeWhole(join(folder, 'job.json'), JSON.stringify(job))
}

export const isWritten = (folder: string): boolean => existsSync(join(folder, 'job.json'))

function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.partial`, text)
  renameSync(`${file}.partial`, file)
}

/** How far the job is, if it has said so. */
export const readProgress = (folder: string): Progress | undefined =>
  readJson(join(folder, 'progress.json'), progressSchema)

/** How the job ended; undefined while it runs, or when its process was killed. */
export const readOutcome = (folder: string): Outcome | undefined =>
  readJson(join(folder, 'outcome.json'), outcomeSchema)

function readJson<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return existsSync(file) ? schema.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined
  } catch {
    return undefined // a shared file system shows a file that is being replaced as empty
  }
}
