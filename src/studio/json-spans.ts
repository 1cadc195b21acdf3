// Texts inside JSON files that are too large to be read at once: where each string is, and single strings by their
// place.
import { closeSync, openSync, readSync, statSync } from 'node:fs'

/** From its first byte to before `end`. */
export interface Range {
  start: number
  end: number
}

const CHUNK = 1 << 20
/** Often the beginning is enough. */
const FIRST_CHUNK = 1 << 14
const [NEWLINE, QUOTE, BACKSLASH] = [0x0a, 0x22, 0x5c]

/** The bytes of a range in chunks, each with its place in the file; a chunk is overwritten by the next. */
function* chunks(file: string, { start, end }: Range): Generator<{ bytes: Buffer; at: number }> {
  const handle = openSync(file, 'r')
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(1, end - start)))
  try {
    for (let at = start; at < end;) {
      const wanted = Math.min(buffer.length, end - at, at === start ? FIRST_CHUNK : CHUNK)
      const read = readSync(handle, buffer, 0, wanted, at)
      if (read === 0) return
      yield { bytes: buffer.subarray(0, read), at }
      at += read
    }
  } finally {
    closeSync(handle)
  }
}

/**
 * Where the lines of a file are, without their ends. A last line that is not ended, which is being written,
 * is left out.
 */
export function* lineRanges(file: string): Generator<Range> {
  let start = 0
  for (const { bytes, at } of chunks(file, { start: 0, end: statSync(file).size }))
    for (let i = bytes.indexOf(NEWLINE); i >= 0; i = bytes.indexOf(NEWLINE, i + 1)) {
      yield { start, end: at + i }
      start = at + i + 1
    }
}

/** The same with the bytes of each line, which are good until the next is asked for. */
export function* placedLines(file: string): Generator<{ range: Range; bytes: Buffer }> {
  let start = 0
  let begun: Buffer[] = []
  for (const { bytes, at } of chunks(file, { start: 0, end: statSync(file).size })) {
    let from = 0
    for (let i = bytes.indexOf(NEWLINE); i >= 0; i = bytes.indexOf(NEWLINE, from)) {
      const end = bytes.subarray(from, i)
      yield { range: { start, end: at + i }, bytes: begun.length > 0 ? Buffer.concat([...begun, end]) : end }
      begun = []
      from = i + 1
      start = at + from
    }
    if (from < bytes.length) begun.push(Buffer.from(bytes.subarray(from)))
  }
}

/** The JSON strings of a range, keys included, each with its quotes. */
export function* stringRanges(file: string, range: Range): Generator<Range> {
  let start = -1
  let backslashes = 0 // right before the next chunk
  for (const { bytes, at } of chunks(file, range)) {
    for (let i = bytes.indexOf(QUOTE); i >= 0; i = bytes.indexOf(QUOTE, i + 1)) {
      if (start < 0) start = at + i
      else if (!isEscaped(bytes, i, backslashes)) {
        yield { start, end: at + i + 1 }
        start = -1
      }
    }
    backslashes = trailingBackslashes(bytes, bytes.length, backslashes) % 2
  }
}

const isEscaped = (bytes: Buffer, at: number, before: number) => trailingBackslashes(bytes, at, before) % 2 === 1

function trailingBackslashes(bytes: Buffer, end: number, before: number): number {
  let at = end
  while (at > 0 && bytes[at - 1] === BACKSLASH) at--
  return end - at + (at === 0 ? before : 0)
}

/** The texts of some ranges, each of which is JSON. */
export function readJsonRanges(file: string, ranges: readonly Range[]): unknown[] {
  const handle = openSync(file, 'r')
  try {
    return ranges.map(({ start, end }) => {
      const bytes = Buffer.alloc(end - start)
      readSync(handle, bytes, 0, bytes.length, start)
      return JSON.parse(bytes.toString('utf8')) as unknown
    })
  } finally {
    closeSync(handle)
  }
}

/** The text of a range. */
export function readRange(file: string, { start, end }: Range): string {
  const handle = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(end - start)
    return bytes.toString('utf8', 0, readSync(handle, bytes, 0, bytes.length, start))
  } finally {
    closeSync(handle)
  }
}
