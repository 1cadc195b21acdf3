// From a file to the rows of a run: read, dropped with a reason, rows of one prompt joined, drawn by the seed, and split by prompt.
import { createHash } from 'node:crypto'
import { InvalidInput } from '../contracts/parse'
import type { DataSettings } from '../contracts/settings'
import { permutation } from '../random'
import { formatOf, type Draft } from './formats'
import type { HumanPair, Row } from './row'
import { readRows, type MadeRows } from './source'
import type { Task } from './task'

export interface Dataset {
  train: Row[]
  evaluation: Row[]
  /** How many rows were left out, by reason. */
  dropped: Record<string, number>
  /** Rows in the file. */
  read: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

export interface DatasetOptions {
  seed: number
  /** Prompts that take more tokens are left out. */
  promptTokens: number
  /** How many tokens the policy's prompt of a row takes. */
  tokensOf(row: Row): number
  /** Rows that are made and not read, by the beginning of their paths. */
  made?: MadeRows
}

/** @throws InvalidInput naming file, row and field */
export async function readDataset(
  settings: DataSettings,
  task: Task,
  { seed, promptTokens, tokensOf, made }: DatasetOptions,
): Promise<Dataset> {
  const path = settings.path ?? task.prompts
  const raw = await readRows(path, { seed, instruction: task.instruction ?? '', made })
  if (raw.length === 0) throw new InvalidInput(`data: ${path} holds no rows`)
  const format = formatOf(settings, raw[0]!.value)
  const dropped: Record<string, number> = {}
  const drop = (reason: string, rows = 1) => (dropped[reason] = (dropped[reason] ?? 0) + rows)
  const rows = new Map<string, Row>() // by prompt, so that none is on two sides of the split
  const ids = new Set<string>()
  for (const { value, where } of raw) {
    const draft = format.read(value, where, task, settings)
    if ('dropped' in draft) {
      drop(draft.dropped)
      continue
    }
    const prompt = digest(JSON.stringify(draft.messages))
    const id = draft.id ?? prompt
    const known = rows.get(prompt)
    if (known) {
      if (!addTo(known, draft, seed)) drop('same prompt as an earlier row, and nothing new')
    } else if (ids.has(id)) drop('same id as an earlier row')
    else {
      const { pair, ...row } = draft
      rows.set(prompt, { ...row, id, ...(pair && { pairs: [orderPair(pair, `${seed} ${id}`)] }) })
      ids.add(id)
    }
  }
  const drawn = draw([...rows.values()], settings.limit ?? rows.size, seed, (row) => {
    const fits = tokensOf(row) <= promptTokens
    if (!fits) drop(`longer than limits.promptTokens = ${promptTokens}`, Math.max(1, row.pairs?.length ?? 0))
    return fits
  })
  if (drawn.length < 2)
    throw new InvalidInput(
      `data: ${path}: ${drawn.length} of ${raw.length} rows can be used, at least 2 are needed; left out: ${JSON.stringify(dropped)}`,
    )
  const held = Math.min(settings.evaluationPrompts, Math.floor(drawn.length / 2))
  return { train: drawn.slice(held), evaluation: drawn.slice(0, held), dropped, read: raw.length }
}

/** The first `limit` rows that fit, in an order drawn by the seed. */
function draw(rows: readonly Row[], limit: number, seed: number, fits: (row: Row) => boolean): Row[] {
  const drawn: Row[] = []
  for (const i of permutation(rows.length, [seed, 'data'])) {
    if (drawn.length === limit) break
    if (fits(rows[i]!)) drawn.push(rows[i]!)
  }
  return drawn
}

/** What a further row with the same prompt brings: another pair, or the first reference. @returns whether it brought anything */
function addTo(row: Row, { pair, reference }: Draft, seed: number): boolean {
  const isNewPair =
    pair !== undefined &&
    !row.pairs?.some(({ responses }) => [...responses].sort().join('\0') === [...pair.responses].sort().join('\0'))
  const isNewReference = reference !== undefined && row.reference === undefined
  if (isNewPair) row.pairs = [...(row.pairs ?? []), orderPair(pair, `${seed} ${row.id} ${row.pairs?.length ?? 0}`)]
  if (isNewReference) row.reference = reference
  return isNewPair || isNewReference
}

/** Files that name the better response first would let a labeler that likes a slot look right: half of the pairs are turned round. */
function orderPair(pair: HumanPair, key: string): HumanPair {
  if (parseInt(digest(key).slice(0, 8), 16) % 2 === 0) return pair
  const { responses, preferred } = pair
  return { responses: [responses[1], responses[0]], preferred: preferred === 0 ? 0 : preferred === 1 ? 2 : 1 }
}
