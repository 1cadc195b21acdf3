// The raw rows of a file: JSON, JSON lines (gzipped or not) or Parquet, on this machine or in a dataset repository of
// the Hugging Face Hub; or rows that are generated instead of read (world/named.ts).
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { InvalidInput } from '../contracts/parse'
import { digestOf, refuseChanged, sha256Name } from '../digest'
import { checkGivenPath, withFile } from '../given-path'
import { downloadDatasetFile, pinnedDatasetPath } from '../hub/datasets'
import { currentDigest } from '../kept-digest'

/** Largest uncompressed size of a file; larger ones would not fit in memory. */
const MAX_BYTES = 2 ** 31 - 1

interface RawRow {
  value: unknown
  /** File and line, for messages. */
  where: string
}

/** Rows that are generated instead of read. */
export interface GeneratedRows {
  /** What their paths begin with, e.g. "world:". */
  prefix: string
  /** What a path stands for: equal for equal rows, other once they are made otherwise. @throws like `rows` */
  source(path: string, options: GenerationOptions): string
  /** @throws InvalidInput if the path asks for something that does not exist */
  rows(path: string, options: GenerationOptions): Iterable<unknown>
}

interface GenerationOptions {
  /** Seed of the run; the path may name another. */
  seed: number
  /** Instruction of the task; empty if it has none. */
  instruction: string
}

interface ReadOptions extends Partial<GenerationOptions> {
  generated?: GeneratedRows | undefined
  /** What the path stood for when the stage looked for finished work (`rowsSource`). */
  source?: string | undefined
  /** The folder of the task whose file this is; undefined for a path that an input names. */
  within?: string | undefined
}

/**
 * What a path of rows stands for at this moment: the commit of a file on the Hub, the digest of any other, or what
 * generated rows are made of.
 * @throws when there is no such file, or its commit cannot be looked up
 */
export async function rowsSource(
  path: string,
  { generated, seed = 1, instruction = '', within }: ReadOptions = {},
): Promise<string> {
  if (generated && path.startsWith(generated.prefix)) return generated.source(path, { seed, instruction })
  if (path.startsWith('hf:')) return pinnedDatasetPath(path)
  const file = existingFile(path, within)
  return withFile(file, within, async (opened) => sha256Name(await currentDigest(opened.path, file)))
}

/** @param path a file, hf:datasets/owner/name[@revision]/path/to/file, or a path of generated rows */
export async function readRows(
  path: string,
  { generated, seed = 1, instruction = '', source, within }: ReadOptions = {},
): Promise<RawRow[]> {
  if (generated && path.startsWith(generated.prefix)) return numbered(generated.rows(path, { seed, instruction }), path)
  if (path.startsWith('hf:')) return readFile(await downloadDatasetFile(source ?? path), path)
  const file = existingFile(path, within)
  return withFile(file, within, async (opened) => {
    const rows = await readFile(opened.path, path, (found) => refuseChanged(`data: ${path}`, source, sha256Name(found)))
    if (isParquet(path)) refuseChanged(`data: ${path}`, source, sha256Name(await currentDigest(opened.path, file)))
    return rows
  })
}

/** Parquet is read in parts, every other file as a whole. */
export const isParquet = (path: string): boolean => path.endsWith('.parquet')

/** @param check gets the digest of the bytes, where they are read as a whole */
const readFile = async (file: string, path: string, check?: (digest: string) => void): Promise<RawRow[]> =>
  isParquet(path) ? readParquet(file, path) : parseRows(readText(file, path, check), path)

const numbered = (rows: Iterable<unknown>, path: string): RawRow[] =>
  [...rows].map((value, i) => ({ value, where: `data: ${path} row ${i + 1}` }))

function existingFile(path: string, within?: string): string {
  const file = within === undefined ? checkGivenPath(path, 'data: field "data.path"') : resolve(path)
  if (!existsSync(file))
    throw new InvalidInput(`data: field "data.path" got "${path}"; ${file} does not exist on the worker`)
  if (!statSync(file).isFile())
    throw new InvalidInput(
      `data: field "data.path" got "${path}", which is not a file; give a .jsonl, .json, .parquet or .gz file`,
    )
  return file
}

function readText(file: string, path: string, check?: (digest: string) => void): string {
  const readable = <T>(read: () => T): T => {
    try {
      return read()
    } catch (error) {
      throw new InvalidInput(`data: ${path} cannot be read: ${(error as Error).message}; is the file complete?`, {
        cause: error,
      })
    }
  }
  const bytes = readable(() => readFileSync(file))
  check?.(digestOf(bytes))
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  return readable(() => (isGzip ? gunzipSync(bytes, { maxOutputLength: MAX_BYTES }) : bytes).toString('utf8'))
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
  if (text.trimStart().startsWith('[')) return numbered(json(text, path) as unknown[], path)
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
    return numbered(rows.map(plain), path)
  } catch (error) {
    throw new InvalidInput(
      `data: ${path} cannot be read as Parquet: ${(error as Error).message}; is the file complete?`,
      { cause: error },
    )
  }
}

/** Integers in Parquet may be read as bigints, which JSON does not have. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]))
}
