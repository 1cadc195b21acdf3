// The raw rows of a file: JSON, JSON lines, either gzipped, or Parquet; on this machine or in a dataset repository of the Hugging Face Hub.
// Or rows that are made and not read, by whoever knows how (world/named.ts).
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { InvalidInput } from '../contracts/parse'
import { downloadDatasetFile } from '../hub/datasets'

/** Unpacked size up to which a file is read; larger ones would not fit in memory. */
const MAX_BYTES = 2 ** 31 - 1

export interface RawRow {
  value: unknown
  /** Names file and line in messages. */
  where: string
}

/** Rows that are made and not read. */
export interface MadeRows {
  /** What their paths begin with, e.g. "world:". */
  prefix: string
  /** @param of what rows depend on beside the path @throws InvalidInput when the path asks for what there is not */
  rows(path: string, of: MadeOf): Iterable<unknown>
}

export interface MadeOf {
  /** Of the run; a path may name another. */
  seed: number
  /** Of the task; empty where it has none. */
  instruction: string
}

/** How paths are looked up. */
export interface RowSources extends Partial<MadeOf> {
  made?: MadeRows | undefined
}

/** @param path a file, hf:datasets/owner/name[@revision]/path/to/file, or one that `made` knows */
export async function readRows(path: string, { made, seed = 1, instruction = '' }: RowSources = {}): Promise<RawRow[]> {
  if (made && path.startsWith(made.prefix)) return numbered(made.rows(path, { seed, instruction }), path)
  const file = path.startsWith('hf:') ? await downloadDatasetFile(path) : existing(path)
  if (path.endsWith('.parquet')) return readParquet(file, path)
  return parseRows(readText(file), path)
}

const numbered = (rows: Iterable<unknown>, path: string): RawRow[] =>
  [...rows].map((value, i) => ({ value, where: `data: ${path} row ${i + 1}` }))

function existing(path: string): string {
  const file = resolve(path)
  if (!existsSync(file))
    throw new InvalidInput(`data: field "data.path" got "${path}"; ${file} does not exist on the worker`)
  if (!statSync(file).isFile())
    throw new InvalidInput(
      `data: field "data.path" got "${path}", which is not a file; give a .jsonl, .json, .parquet or .gz file`,
    )
  return file
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file)
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
    return (isGzip ? gunzipSync(bytes, { maxOutputLength: MAX_BYTES }) : bytes).toString('utf8')
  } catch (error) {
    throw new InvalidInput(`data: ${file} cannot be read: ${(error as Error).message}; is the file complete?`, {
      cause: error,
    })
  }
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

async function readParquet(file: string, path: string): Promise<RawRow[]> {
  const { asyncBufferFromFile, parquetReadObjects } = await import('hyparquet')
  const { compressors } = await import('hyparquet-compressors')
  try {
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors })
    return rows.map((value, i) => ({ value: plain(value), where: `data: ${path} row ${i + 1}` }))
  } catch (error) {
    throw new InvalidInput(
      `data: ${path} cannot be read as Parquet: ${(error as Error).message}; is the file complete?`,
      { cause: error },
    )
  }
}

/** Parquet's whole numbers may be bigints, which JSON does not have. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]))
}
