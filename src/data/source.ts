// The raw rows of a file: JSON, JSON lines (gzipped or not) or Parquet, on this machine or in a dataset repository of
// the Hugging Face Hub; or rows that are generated instead of read (world/named.ts).
import { existsSync, fstatSync, statSync } from 'node:fs'
import { InvalidInput } from '../contracts/parse'
import { refuseChanged, sha256Name } from '../digest'
import { checkGivenPath, withFile, type OpenedFile } from '../given-path'
import { downloadDatasetFile, pinnedDatasetPath } from '../hub/datasets'
import { currentDigest } from '../kept-digest'
import { bounded, isGzip, unpacked } from './expansion'
import { parquetLines } from './parquet'
import { rowsOf, type RawRow } from './row-text'

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

/**
 * Reads rows one at a time: a file may be larger than memory.
 * @param path a file, hf:datasets/owner/name[@revision]/path/to/file, or a path of generated rows
 * @param onRow called with each row; what it throws ends the reading
 * @throws InvalidInput naming the file; ChangedWhileRead, after the last row
 */
export async function forEachRow(
  path: string,
  { generated, seed = 1, instruction = '', source, within }: ReadOptions,
  onRow: (row: RawRow) => void,
): Promise<void> {
  if (generated && path.startsWith(generated.prefix))
    return generatedRows(generated.rows(path, { seed, instruction }), onRow)
  const isOnHub = path.startsWith('hf:')
  const file = isOnHub ? await downloadDatasetFile(source ?? path) : existingFile(path, within)
  await withFile(file, within, async (opened) => {
    for await (const row of rowsOf(contentOf(opened, path), path, isParquet(path) ? 'row' : 'line')) onRow(row)
    if (!isOnHub) refuseChanged(`data: ${path}`, source, sha256Name(await currentDigest(opened.path, file)))
  })
}

/** All rows of a file that is not larger than memory, like `forEachRow`. */
export async function readRows(path: string, options: ReadOptions = {}): Promise<RawRow[]> {
  const rows: RawRow[] = []
  await forEachRow(path, options, (row) => rows.push(row))
  return rows
}

export const isParquet = (path: string): boolean => path.endsWith('.parquet')

function generatedRows(rows: Iterable<unknown>, onRow: (row: RawRow) => void): void {
  let number = 0
  for (const value of rows) onRow({ value, where: `row ${++number}`, characters: 0 })
}

/** The text of the rows. What is packed is bounded; what is not takes no more than it is. */
function contentOf({ handle, path: file }: OpenedFile, path: string): AsyncGenerator<Uint8Array> {
  const { size } = fstatSync(handle)
  if (isParquet(path)) return bounded(parquetLines(handle, path), size, path)
  return isGzip(file) ? bounded(readable(file, path), size, path) : readable(file, path)
}

/** @param place for the message @throws InvalidInput or PathRefused unless the path may be named and is that of a file */
export const checkRows = (path: string, place: string): void => void existingFile(path, undefined, place)

function existingFile(path: string, within?: string, place = 'the worker'): string {
  if (within === undefined) checkGivenPath(path, 'data: field "data.path"')
  if (!existsSync(path))
    throw new InvalidInput(`data: field "data.path" got "${path}"; the file does not exist on ${place}`)
  if (!statSync(path).isFile())
    throw new InvalidInput(
      `data: field "data.path" got "${path}", which is not a file; give a .jsonl, .json, .parquet or .gz file`,
    )
  return path
}

async function* readable(file: string, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* unpacked(file)
  } catch (error) {
    throw new InvalidInput(`data: ${path} cannot be read: ${(error as Error).message}; is the file complete?`, {
      cause: error,
    })
  }
}
