// From a file to the rows of a run: rows are read, left out with a reason, merged if they have the same prompt, sampled
// by the seed, and split by prompt.
import { dirname } from 'node:path'
import { InvalidInput } from '../contracts/parse'
import type { DataSettings } from '../contracts/settings'
import { permutation } from '../random'
import { DraftReader } from './drafts'
import { MergedRows } from './merged-rows'
import type { Row } from './row'
import { forEachRow, type GeneratedRows } from './source'
import type { Task } from './task'
import { LeftOut, type LeftOutRow } from './unusable'
import { counted } from '../number-format'

/** Rows of which one at a time is in memory, in the order in which they were drawn. */
export interface DrawnRows extends Iterable<Row> {
  length: number
}

interface Figures {
  /** Number of rows that were left out, by reason. */
  dropped: Record<string, number>
  /** The first row that was left out, by reason. */
  examples: Record<string, LeftOutRow>
  /** Number of rows in the file. */
  read: number
  /** Name of the format that the rows were read as. */
  format: string
  /** Names of fields of the rows that were not read, in our own format and in TRL's. */
  unread: string[]
}

/** A dataset that may be larger than memory, as long as it is open. */
export interface OpenDataset extends Figures {
  train: DrawnRows
  evaluation: DrawnRows
  /** The first usable rows in the order of the file, and where they are in it. */
  first(count: number): { row: Row; where: string }[]
}

export interface Dataset extends Figures {
  train: Row[]
  evaluation: Row[]
}

const LEAST = 2

export interface DatasetOptions {
  seed: number
  /** Longer prompts are left out. */
  promptTokens: number
  /** Rows without which the dataset is refused. Default: 2, one for each split. */
  least?: number
  /** Length of the policy's prompt for a row, in tokens; or why there is no such prompt. */
  tokensOf(row: Row): number | { refused: string }
  /** What the path of the rows stood for when the stage looked for finished work. */
  source?: string | undefined
  /** Rows that are generated instead of read, selected by the beginning of the path. */
  generated?: GeneratedRows
}

/** All rows of a dataset. @throws InvalidInput naming the file, and the reasons why too few rows can be used */
export const readDataset = (settings: DataSettings, task: Task, options: DatasetOptions): Promise<Dataset> =>
  withDataset(settings, task, options, ({ first: _, train, evaluation, ...figures }) => ({
    ...figures,
    train: [...train],
    evaluation: [...evaluation],
  }))

/** Reads a dataset and calls `use` while it is open. @throws InvalidInput like `readDataset` */
export async function withDataset<T>(
  settings: DataSettings,
  task: Task,
  options: DatasetOptions,
  use: (dataset: OpenDataset) => T,
): Promise<T> {
  const merged = new MergedRows(options.seed)
  try {
    return use(await drawn(merged, settings, task, options))
  } finally {
    merged.close()
  }
}

async function drawn(
  merged: MergedRows,
  settings: DataSettings,
  task: Task,
  options: DatasetOptions,
): Promise<OpenDataset> {
  const { seed, generated, source } = options
  const path = settings.path ?? task.prompts
  const within = settings.path === undefined ? dirname(path) : undefined
  const leftOut = new LeftOut()
  const reader = new DraftReader({ settings, task, leftOut, onDraft: (draft, at) => merged.add(draft, at) }, path)
  const from = { seed, instruction: task.instruction ?? '', generated, source, within }
  await forEachRow(path, from, (row) => reader.push(row))
  reader.end()
  if (reader.read === 0) throw new InvalidInput(`data: ${path} holds no rows`)

  const numbers = sample(merged, settings.limit ?? Infinity, leftOut, options)
  if (numbers.length < (options.least ?? LEAST)) throw tooFew(path, numbers.length, reader, leftOut)
  const held = Math.min(settings.evaluationPrompts, Math.floor(numbers.length / 2))
  return {
    train: rowsOf(merged, numbers.slice(held)),
    evaluation: rowsOf(merged, numbers.slice(0, held)),
    first: (count) =>
      [...numbers]
        .sort((a, b) => a - b)
        .slice(0, count)
        .map((number) => ({ row: merged.row(number), where: merged.whereOf(number) })),
    dropped: leftOut.counts,
    examples: leftOut.examples,
    read: reader.read,
    format: reader.formatName,
    unread: [...reader.unread],
  }
}

const rowsOf = (merged: MergedRows, numbers: readonly number[]): DrawnRows => ({
  length: numbers.length,
  *[Symbol.iterator]() {
    for (const number of numbers) yield merged.row(number)
  },
})

/** Numbers of up to `limit` of the rows that the policy can be asked, in an order drawn by the seed. */
function sample(merged: MergedRows, limit: number, leftOut: LeftOut, options: DatasetOptions): number[] {
  const sampled: number[] = []
  for (const number of permutation(merged.length, [options.seed, 'data'])) {
    if (sampled.length === limit) break
    const row = merged.row(number)
    const reason = unaskable(row, options)
    if (reason === undefined) sampled.push(number)
    else leftOut.add(reason, merged.whereOf(number), row, Math.max(1, row.pairs?.length ?? 0))
  }
  return sampled
}

/** Why the policy cannot be asked for a response to a row, if it cannot. */
function unaskable(row: Row, { tokensOf, promptTokens }: DatasetOptions): string | undefined {
  const tokens = tokensOf(row)
  if (typeof tokens !== 'number') return tokens.refused
  return tokens > promptTokens ? `longer than limits.promptTokens = ${promptTokens}` : undefined
}

/** Rows with the same prompt are one row: a file of many may have few prompts. */
function tooFew(path: string, prompts: number, reader: DraftReader, { counts }: LeftOut): InvalidInput {
  const leftOut = Object.values(counts).reduce((sum, rows) => sum + rows, 0)
  const usable = Math.max(prompts, reader.read - leftOut)
  const shared = usable > prompts ? `, with ${counted(prompts, 'different prompt')}` : ''
  return new InvalidInput(
    `data: ${path}: ${usable} of ${counted(reader.read, 'row')} can be used${shared}, at least ${LEAST} are needed:` +
      `${reader.leftOutLines()}\n  - \`rlaif data show ${path}\` shows the rows`,
  )
}
