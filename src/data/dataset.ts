// From a file to the rows of a run: read, dropped with a reason, de-duplicated, drawn by the seed, and split by prompt.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { InvalidInput } from '../contracts/parse'
import type { DataSettings } from '../contracts/settings'
import { permutation } from '../random'
import { formatOf } from './formats'
import type { Row } from './row'
import type { Task } from './task'

/** Unpacked size up to which a file is read; larger ones would not fit in memory. */
const MAX_BYTES = 2 ** 31 - 1

export interface Dataset {
  train: Row[]
  evaluation: Row[]
  /** How many rows were left out, by reason. */
  dropped: Record<string, number>
  /** Rows in the file. */
  read: number
}

function readFileText(path: string): string {
  const file = resolve(path)
  if (!existsSync(file)) throw new InvalidInput(`data: field "data.path" got "${path}"; ${file} does not exist on the worker`)
  if (!statSync(file).isFile()) throw new InvalidInput(`data: field "data.path" got "${path}", which is not a file; give a .jsonl, .json or .gz file`)
  try {
    const bytes = readFileSync(file)
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
    return (isGzip ? gunzipSync(bytes, { maxOutputLength: MAX_BYTES }) : bytes).toString('utf8')
  } catch (error) {
    throw new InvalidInput(`data: ${file} cannot be read: ${(error as Error).message}; is the file complete?`, { cause: error })
  }
}

interface RawRow {
  value: unknown
  where: string
}

/** JSON lines, or one JSON array. */
function parseRows(text: string, path: string): RawRow[] {
  const json = (source: string, where: string): unknown => {
    try {
      return JSON.parse(source)
    } catch (error) {
      throw new InvalidInput(`data: ${where} is not JSON: ${(error as Error).message}`, { cause: error })
    }
  }
  if (text.trimStart().startsWith('[')) {
    const rows = json(text, path)
    return (rows as unknown[]).map((value, i) => ({ value, where: `data: ${path} row ${i + 1}` }))
  }
  return text
    .split('\n')
    .map((line, i) => ({ line, where: `${path} line ${i + 1}` }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, where }) => ({ value: json(line, where), where: `data: ${where}` }))
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

/**
 * @param tokensOf how many tokens the policy's prompt of a row takes
 * @throws InvalidInput naming file, row and field
 */
export function readDataset(settings: DataSettings, task: Task, seed: number, promptTokens: number, tokensOf: (row: Row) => number): Dataset {
  const path = settings.path ?? task.prompts
  const raw = parseRows(readFileText(path), path)
  if (raw.length === 0) throw new InvalidInput(`data: ${path} holds no rows`)
  const format = formatOf(settings.format, raw[0]!.value)
  const dropped: Record<string, number> = {}
  const drop = (reason: string) => (dropped[reason] = (dropped[reason] ?? 0) + 1)
  const rows = new Map<string, Row>()
  for (const { value, where } of raw) {
    const draft = format.read(value, where, task)
    if ('dropped' in draft) {
      drop(draft.dropped)
      continue
    }
    const row = orderPair({ ...draft, id: draft.id ?? digest(JSON.stringify(draft.messages)) }, seed)
    if (rows.has(row.id)) drop(draft.id === undefined ? 'same prompt as an earlier row' : 'same id as an earlier row')
    else rows.set(row.id, row)
  }
  const drawn = draw([...rows.values()], settings.limit ?? rows.size, seed, (row) => {
    const fits = tokensOf(row) <= promptTokens
    if (!fits) drop(`longer than limits.promptTokens = ${promptTokens}`)
    return fits
  })
  if (drawn.length < 2) throw new InvalidInput(`data: ${path}: ${drawn.length} of ${raw.length} rows can be used, at least 2 are needed; left out: ${JSON.stringify(dropped)}`)
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

/** Files that name the better response first would let a labeler that likes a slot look right: half of the pairs are turned round. */
function orderPair(row: Row, seed: number): Row {
  if (!row.pair || parseInt(digest(`${seed} ${row.id}`).slice(0, 8), 16) % 2 === 0) return row
  const { responses, preferred } = row.pair
  return { ...row, pair: { responses: [responses[1], responses[0]], preferred: preferred === 0 ? 0 : preferred === 1 ? 2 : 1 } }
}
