// The files with rows that stages pass to each other inside artifacts: data, pairs, candidates.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { BLOCK_ROWS, type Shard } from '../contracts/shard'
import { CANDIDATES_FILE, VALIDATIONS_FILE } from '../contracts/validation-scores'
import { countJsonl, readJsonl, readJsonlInParts, writeJsonl } from '../json-lines'
import { rowSchema, type Row } from '../data/row'
import { readJsonFile, taskSchema, type Task } from '../data/task'
import type { LoadedModel } from '../model/loaded'
import type { Prompts } from '../training/rollout'
import { rangeOf } from './shards'

const responseSchema = z.object({ text: z.string(), ids: z.array(z.number().int()), stopped: z.boolean() })
export const sampledPairSchema = z.object({
  id: z.string(),
  messages: rowSchema.shape.messages,
  context: z.string(),
  first: responseSchema,
  second: responseSchema,
})
export type SampledPair = z.infer<typeof sampledPairSchema>

const labelFields = {
  preferFirst: z.number().min(0).max(1),
  slotOne: z.array(z.number()),
  bounded: z.literal(true).exactOptional(),
  counted: z.number().exactOptional(),
  rationales: z.array(z.string()).exactOptional(),
  /** Indices of the principles that its questions showed. */
  principles: z.array(z.number().int()).exactOptional(),
  /** By a rubric: the preference by each criterion, null where it does not differ. */
  criteria: z.record(z.string(), z.number().nullable()).exactOptional(),
}
/** What a member of a jury said of a pair, or why it gave no label. */
const memberLabelSchema = z.union([
  z.object({ labeler: z.string(), ...labelFields }),
  z.object({
    labeler: z.string(),
    failed: z.string(),
    tooLong: z.literal(true).exactOptional(),
    tied: z.literal(true).exactOptional(),
  }),
])

export const labelledPairSchema = sampledPairSchema.extend({
  ...labelFields,
  labeler: z.string(),
  /** Of a jury: how far its members are apart, and what each said. */
  disagreement: z.number().exactOptional(),
  members: z.array(memberLabelSchema).exactOptional(),
})
export type LabelledPair = z.infer<typeof labelledPairSchema>

interface DataArtifact {
  task: Task
  train: Row[]
  evaluation: Row[]
}
export function readData(folder: string): DataArtifact {
  const rows = (name: string) => readJsonl(join(folder, `${name}.jsonl`), rowSchema)
  return { task: readDataTask(folder), train: rows('train'), evaluation: rows('evaluation') }
}

/** The task of a `data` artifact, without its rows. */
export const readDataTask = (folder: string): Task => taskSchema.parse(readJsonFile(join(folder, 'task.json')))

/** Rows that are read together where only their tokens stay: with more, the heap grows before it is cleared of them. */
export const TOKENIZED_AT_ONCE = 64

/** The training rows of a `data` artifact, which may be more than memory. */
export const trainRowsInParts = (folder: string): Generator<Row[]> =>
  readJsonlInParts(join(folder, 'train.jsonl'), rowSchema, TOKENIZED_AT_ONCE)

/** Rows of a dataset that follow each other. */
export interface RowRange {
  rows: readonly Row[]
  /** Number of the first of them in the dataset. */
  first: number
}

/** The rows that a shard of a stage works on; without a shard, all. */
export function readShardRows(folder: string, split: 'train' | 'evaluation', shard?: Shard): RowRange {
  const file = join(folder, `${split}.jsonl`)
  const range = rangeOf(shard ? countJsonl(file) : 0, BLOCK_ROWS, shard)
  return { rows: readJsonl(file, rowSchema, shard && range), first: range.from }
}

/** The prompt that the policy gets for a row, as token ids. @throws TemplateRefusal */
export const promptIds = ({ tokenizer }: Pick<LoadedModel, 'tokenizer'>, row: Pick<Row, 'messages'>): number[] =>
  tokenizer.chatIds(row.messages)

/** The prompts of very many rows, each made when it is first asked for: RL answers few of them. */
export function promptsOf(loaded: Pick<LoadedModel, 'tokenizer'>, rows: readonly Pick<Row, 'messages'>[]): Prompts {
  const made = new Map<number, number[]>()
  return {
    length: rows.length,
    at(i) {
      const row = rows.at(i)
      if (row && !made.has(i)) made.set(i, promptIds(loaded, row))
      return made.get(i)
    },
  }
}

const candidateSchema = z.object({
  step: z.number().int(),
  reward: z.number(),
  responses: z.array(z.string()),
  /** The reward of each response and what the watch gives it, null for no answer; only where there is a watch. */
  rewards: z.array(z.number()).exactOptional(),
  watched: z.array(z.number().nullable()).exactOptional(),
})
export type CandidateText = z.infer<typeof candidateSchema>
const candidatesSchema = z.object({
  /** The validation prompts. */
  rows: z.array(z.object({ id: z.string(), context: z.string() })),
  /** The SFT model's responses to them. */
  initial: candidateSchema,
  /** Best validation reward first. */
  candidates: z.array(candidateSchema),
})
type CandidatesFile = z.infer<typeof candidatesSchema>

/** The folder of a candidate's model inside the artifact of stage `rl`. */
export const candidateFolder = (step: number): string => join('candidates', `step-${step}`)

export function writeCandidates(folder: string, file: CandidatesFile): void {
  writeFileSync(join(folder, CANDIDATES_FILE), JSON.stringify(file))
}

export const readCandidates = (folder: string): CandidatesFile =>
  candidatesSchema.parse(readJsonFile(join(folder, CANDIDATES_FILE)))

/** The policy's responses to the validation prompts at every validation, the SFT model's first. */
export const writeValidations = (folder: string, validations: readonly CandidateText[]): void =>
  writeJsonl(join(folder, VALIDATIONS_FILE), validations)

/** Empty for a run without validation prompts. */
export const readValidations = (folder: string): CandidateText[] =>
  existsSync(join(folder, VALIDATIONS_FILE)) ? readJsonl(join(folder, VALIDATIONS_FILE), candidateSchema) : []
