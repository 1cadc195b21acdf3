// From a file to the rows of a run: rows are read, dropped with a reason, merged if they have the same prompt, sampled
// by the seed, and split by prompt.
import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { InvalidInput } from '../contracts/parse'
import type { DataSettings } from '../contracts/settings'
import { permutation } from '../random'
import { formatOf, type Draft, type Format } from './formats'
import type { HumanPair, Row } from './row'
import { forEachRow, type GeneratedRows } from './source'
import type { Task } from './task'

export interface Dataset {
  train: Row[]
  evaluation: Row[]
  /** Number of rows that were dropped, by reason. */
  dropped: Record<string, number>
  /** Number of rows in the file. */
  read: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

export interface DatasetOptions {
  seed: number
  /** Longer prompts are dropped. */
  promptTokens: number
  /** Length of the policy's prompt for a row, in tokens; or why there is no such prompt. */
  tokensOf(row: Row): number | { refused: string }
  /** What the path of the rows stood for when the stage looked for finished work. */
  source?: string | undefined
  /** Rows that are generated instead of read, selected by the beginning of the path. */
  generated?: GeneratedRows
}

/** @throws InvalidInput naming file, row and field */
export async function readDataset(settings: DataSettings, task: Task, options: DatasetOptions): Promise<Dataset> {
  const { seed, promptTokens, tokensOf, generated, source } = options
  const path = settings.path ?? task.prompts
  const within = settings.path === undefined ? dirname(path) : undefined
  const dropped: Record<string, number> = {}
  const drop = (reason: string, rows = 1) => (dropped[reason] = (dropped[reason] ?? 0) + rows)

  const merged = new MergedRows(seed)
  let format: Format | undefined
  let read = 0
  await forEachRow(
    path,
    { seed, instruction: task.instruction ?? '', generated, source, within },
    ({ value, where }) => {
      read++
      format ??= formatOf(settings, value)
      const draft = format.read(value, where, task, settings)
      const reason = 'dropped' in draft ? draft.dropped : merged.add(draft)
      if (reason !== undefined) drop(reason)
    },
  )
  if (read === 0) throw new InvalidInput(`data: ${path} holds no rows`)
  const rows = sample(merged.rows(), settings.limit ?? Infinity, seed, (row) => {
    const tokens = tokensOf(row)
    const reason =
      typeof tokens !== 'number'
        ? tokens.refused
        : tokens > promptTokens && `longer than limits.promptTokens = ${promptTokens}`
    if (reason) drop(reason, Math.max(1, row.pairs?.length ?? 0))
    return !reason
  })
  if (rows.length < 2)
    throw new InvalidInput(
      `data: ${path}: ${rows.length} of ${read} rows can be used, at least 2 are needed; ` +
        `dropped: ${JSON.stringify(dropped)}`,
    )
  const evaluationRows = Math.min(settings.evaluationPrompts, Math.floor(rows.length / 2))
  return { train: rows.slice(evaluationRows), evaluation: rows.slice(0, evaluationRows), dropped, read }
}

/** Rows by prompt: each prompt is in one row, so that it cannot be on both sides of the split. */
class MergedRows {
  private readonly byPrompt = new Map<string, Row>()
  private readonly ids = new Set<string>()

  constructor(private readonly seed: number) {}

  rows(): Row[] {
    return [...this.byPrompt.values()]
  }

  /** @returns why the draft is dropped, if it is */
  add(draft: Draft): string | undefined {
    const prompt = digest(JSON.stringify(draft.messages))
    const earlier = this.byPrompt.get(prompt)
    if (earlier) return extend(earlier, draft, this.seed) ? undefined : 'same prompt as an earlier row, and nothing new'
    const id = draft.id ?? prompt
    if (this.ids.has(id)) return 'same id as an earlier row'
    const { pair, ...row } = draft
    this.byPrompt.set(prompt, { ...row, id, ...(pair && { pairs: [inRandomOrder(pair, `${this.seed} ${id}`)] }) })
    this.ids.add(id)
    return undefined
  }
}

/** Up to `limit` of the rows that fit, in an order drawn by the seed. */
function sample(rows: readonly Row[], limit: number, seed: number, fits: (row: Row) => boolean): Row[] {
  const sampled: Row[] = []
  for (const i of permutation(rows.length, [seed, 'data'])) {
    if (sampled.length === limit) break
    if (fits(rows[i]!)) sampled.push(rows[i]!)
  }
  return sampled
}

/**
 * Adds what another row with the same prompt brings: a new pair, or the first reference.
 * @returns whether it has any
 */
function extend(row: Row, { pair, reference }: Draft, seed: number): boolean {
  const isNewPair =
    pair !== undefined &&
    !row.pairs?.some(({ responses }) => [...responses].sort().join('\0') === [...pair.responses].sort().join('\0'))
  const isNewReference = reference !== undefined && row.reference === undefined
  if (isNewPair) row.pairs = [...(row.pairs ?? []), inRandomOrder(pair, `${seed} ${row.id} ${row.pairs?.length ?? 0}`)]
  if (isNewReference) row.reference = reference
  return isNewPair || isNewReference
}

/** Swaps half of the pairs: in files that name the better response first, position bias would look like accuracy. */
function inRandomOrder(pair: HumanPair, key: string): HumanPair {
  if (parseInt(digest(key).slice(0, 8), 16) % 2 === 0) return pair
  const { responses, preferred } = pair
  return { responses: [responses[1], responses[0]], preferred: preferred === 0 ? 0 : preferred === 1 ? 2 : 1 }
}
