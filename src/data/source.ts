// The raw rows of a file: JSON, JSON lines, either gzipped, or Parquet; on this machine or in a dataset repository of the Hugging Face Hub.
// Or rows of the miniature world, which are made and not read.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { InvalidInput } from '../contracts/parse'
import { parseWorldPath, worldRows } from '../world/data'
import { downloadDatasetFile } from './hub'

/** Unpacked size up to which a file is read; larger ones would not fit in memory. */
const MAX_BYTES = 2 ** 31 - 1

export interface RawRow {
  value: unknown
  /** Names file and line in messages. */
  where: string
}

/** @param path a file, hf:datasets/owner/name[@revision]/path/to/file, or world:summaries?rows=… @param made what rows that are made depend on */
export async function readRows(path: string, made: Made = {}): Promise<RawRow[]> {
  if (path.startsWith('world:')) return generated(path, made)
  const file = path.startsWith('hf:') ? await downloadDatasetFile(path) : existing(path)
  if (path.endsWith('.parquet')) return readParquet(file, path)
  return parseRows(readText(file), path)
}

interface Made {
  /** Of the run; a path may name another. */
  seed?: number
  /** Of the task, if it has one. */
  instruction?: string | undefined
}

/** Rows of the miniature world. */
function generated(path: string, made: Made): RawRow[] {
  const { kind, rows, seed = made.seed ?? 1 } = parseWorldPath(path)
  return [...worldRows(kind, rows, seed, made.instruction ?? '')].map((value, i) => ({
    value,
    where: `data: ${path} row ${i + 1}`,
  }))
}

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
