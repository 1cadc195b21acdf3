// JSON Lines, the format of rows between stages: one JSON object per line.
import { appendFileSync, closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import type { z } from 'zod'
import { jsonFault } from './file-faults'
import { withoutMark } from './text-file'

/** Characters of one write: all rows of a large set together are longer than a string may be, 2^29 − 24. */
const CHARACTERS_AT_ONCE = 1 << 24

export function writeJsonl(file: string, rows: Iterable<unknown>): void {
  writeFileSync(file, '')
  appendJsonl(file, rows)
}

export function appendJsonl(file: string, rows: Iterable<unknown>): void {
  let text = ''
  for (const row of rows) {
    text += `${JSON.stringify(row)}\n`
    if (text.length < CHARACTERS_AT_ONCE) continue
    appendFileSync(file, text)
    text = ''
  }
  if (text !== '') appendFileSync(file, text)
}

export function readJsonl<T extends z.ZodType>(file: string, schema: T, range: Range = ALL): z.output<T>[] {
  return [...readJsonlInParts(file, schema, Infinity, range)].flat()
}

/** The number of rows of a file, which has no empty lines. */
export const countJsonl = (file: string): number => rowStart(file, Infinity).rows

const NEWLINE = 0x0a

/**
 * Where a row begins, found without looking at what is in the rows before it: a shard of a large file is read without them.
 * @returns its first byte, and the number of rows before it; for one after the last, the file's size
 */
function rowStart(file: string, row: number): { byte: number; rows: number } {
  const handle = openSync(file, 'r')
  const chunk = Buffer.allocUnsafe(1 << 20)
  let rows = 0
  let before = 0
  let last = NEWLINE
  try {
    for (let read = readSync(handle, chunk); read > 0; read = readSync(handle, chunk)) {
      const seen = chunk.subarray(0, read)
      for (let at = seen.indexOf(NEWLINE); at >= 0 && rows < row; at = seen.indexOf(NEWLINE, at + 1))
        if (++rows === row) return { byte: before + at + 1, rows }
      before += read
      last = seen[read - 1]!
    }
    return { byte: before, rows: rows + Number(last !== NEWLINE) }
  } finally {
    closeSync(handle)
  }
}

/** Rows of a file by their number, from 0: those from `from` on, before `to`. */
export interface Range {
  from: number
  to: number
}
const ALL: Range = { from: 0, to: Infinity }

/** Rows of a file that may be larger than memory, in parts of `size` rows. */
export function* readJsonlInParts<T extends z.ZodType>(
  file: string,
  schema: T,
  size: number,
  { from, to }: Range = ALL,
): Generator<z.output<T>[]> {
  let part: z.output<T>[] = []
  let number = from
  for (const line of lines(file, from === 0 ? 0 : rowStart(file, from).byte)) {
    if (number >= to) break
    number++
    if (line === '') continue
    const parsed = schema.safeParse(parsedLine(line, `${file} line ${number}`))
    if (!parsed.success)
      throw new Error(
        `artifact: ${file} line ${number} does not have the format of this version: ${parsed.error.issues[0]?.message}`,
      )
    part.push(parsed.data)
    if (part.length < size) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}

function parsedLine(line: string, where: string): unknown {
  try {
    return JSON.parse(withoutMark(line))
  } catch (error) {
    throw new Error(`artifact: ${where} is not JSON, ${jsonFault(error)}`, { cause: error })
  }
}

/** The lines of a file from a byte on, read in chunks. */
export function* lines(file: string, start = 0): Generator<string> {
  const handle = openSync(file, 'r')
  const chunk = Buffer.alloc(1 << 20)
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let at = start
  const readNext = () => {
    const read = readSync(handle, chunk, 0, chunk.length, start === 0 ? null : at) // a pipe has no positions
    at += read
    return read
  }
  try {
    for (let read = readNext(); read > 0; read = readNext()) {
      const whole = (rest + decoder.write(chunk.subarray(0, read))).split('\n')
      rest = whole.pop()!
      yield* whole
    }
    if (rest !== '') yield rest
  } finally {
    closeSync(handle)
  }
}
