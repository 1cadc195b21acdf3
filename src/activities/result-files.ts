// The files that stages `data`, `reward-model`, `choose`, `evaluate` and `contest` leave for reports: their formats,
// and how they are read.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { parse } from '../contracts/parse'
import type { Dataset } from '../data/dataset'
import { readJsonFile } from '../data/task'
import type { Calibration } from '../evaluation/calibration'
import type { Bout, Prompted } from '../evaluation/comparison'
import type { JudgedContest } from '../evaluation/win-rate'
import { readJsonl } from '../json-lines'
import type { Choice, DroppedRows, Evaluation } from '../report/report'

export const RESULT_FILE = 'result.json'
export const CONTESTS_FILE = 'contests.jsonl'
export const CHOICE_FILE = 'choice.json'
export const CALIBRATION_FILE = 'calibration.json'
const DROPPED_FILE = 'dropped.json'
export const PROMPTS_FILE = 'prompts.jsonl'
export const BOUTS_FILE = 'bouts.jsonl'

// ---- What several of them contain

const count = z.number().int().nonnegative()
const probability = z.number().min(0).max(1)
const orNaN = (value: number | null) => value ?? NaN
/** JSON writes NaN, the share of nothing, as null. */
const undefinedShare = probability.nullable().transform(orNaN)
const shareSchema = z.object({ value: undefinedShare, low: undefinedShare, high: undefinedShare, n: count })
const alignmentSchema = z.object({
  agreement: shareSchema,
  sameSlot: shareSchema,
  orders: count.exactOptional(), // missing from artifacts of earlier versions, and of a jury
  ties: count,
  failed: count,
  members: z
    .array(
      z.object({
        labeler: z.string(),
        agreement: shareSchema,
        calibrationError: z.number().exactOptional(),
        failed: count,
      }),
    )
    .exactOptional(), // of a jury
})

const readJson = <T extends z.ZodType>(folder: string, file: string, schema: T): z.output<T> =>
  parse(schema, readJsonFile(join(folder, file)), `artifacts: ${join(folder, file)}`)

// ---- Stage `evaluate`

const meanLength = z.number().nonnegative().nullable().transform(orNaN)
const evaluationSchema = z.object({
  judge: z.string(),
  winRate: shareSchema,
  controlled: shareSchema.exactOptional(), // missing from artifacts of earlier versions
  equal: count,
  failed: count,
  alignment: alignmentSchema.exactOptional(),
  length: z.object({ policy: meanLength, baseline: meanLength }),
  verdict: z.object({ policy: shareSchema, baseline: shareSchema }).exactOptional(), // of tasks that ask for one
})
const judgedContestSchema = z.object({
  id: z.string(),
  context: z.string(),
  baseline: z.string(),
  policy: z.string(),
  preferPolicy: probability.exactOptional(),
  failed: z.string().exactOptional(),
  disagreement: z.number().exactOptional(),
  good: z.object({ policy: probability, baseline: probability }).exactOptional(),
})

export const readEvaluation = (folder: string): Evaluation => readJson(folder, RESULT_FILE, evaluationSchema)
export const readJudgedContests = (folder: string): JudgedContest[] =>
  readJsonl(join(folder, CONTESTS_FILE), judgedContestSchema)

// ---- Stage `choose`

const choiceSchema = z.object({
  judge: z.string(),
  initialReward: z.number(),
  candidates: z.array(
    z.object({ step: count, validationReward: z.number(), winRate: shareSchema, chosen: z.boolean() }),
  ),
})

export const readChoice = (folder: string): Choice => readJson(folder, CHOICE_FILE, choiceSchema)

// ---- Stage `reward-model`

const calibrationSchema = z.object({
  bins: z.array(z.object({ predicted: probability, observed: probability, pairs: count })),
  error: probability,
})

export const readCalibration = (folder: string): Calibration => readJson(folder, CALIBRATION_FILE, calibrationSchema)

// ---- Stage `data`

const droppedRowsSchema = z.union([
  z.object({ rows: count, where: z.string(), row: z.string() }),
  count.transform((rows) => ({ rows })), // in artifacts of earlier versions
])

/** Writes how many rows were left out, by reason, with the first of each. */
export function writeDropped(folder: string, { dropped, examples }: Pick<Dataset, 'dropped' | 'examples'>): void {
  const byReason = Object.entries(dropped).map(([reason, rows]) => {
    const { where, row } = examples[reason]!
    return [reason, { rows, where, row }]
  })
  writeFileSync(join(folder, DROPPED_FILE), JSON.stringify(Object.fromEntries(byReason), null, 2))
}

export const readDropped = (folder: string): Record<string, DroppedRows> =>
  readJson(folder, DROPPED_FILE, z.record(z.string(), droppedRowsSchema))

// ---- Stage `contest`

const promptedSchema = z.object({
  id: z.string(),
  context: z.string(),
  responses: z.record(z.string(), z.string()),
  good: z.record(z.string(), probability).exactOptional(),
})
const boutSchema = z.object({
  id: z.string(),
  first: z.string(),
  second: z.string(),
  preferFirst: probability.exactOptional(),
  failed: z.string().exactOptional(),
  disagreement: z.number().exactOptional(),
})
const contestResultSchema = z.object({
  task: z.string(),
  judge: z.string(),
  alignment: alignmentSchema.exactOptional(),
})

export interface ContestArtifact extends z.infer<typeof contestResultSchema> {
  prompts: Prompted[]
  bouts: Bout[]
}

export const readContest = (folder: string): ContestArtifact => ({
  ...readJson(folder, RESULT_FILE, contestResultSchema),
  prompts: readJsonl(join(folder, PROMPTS_FILE), promptedSchema),
  bouts: readJsonl(join(folder, BOUTS_FILE), boutSchema),
})
