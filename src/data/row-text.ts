// The rows in a text that is read as it comes: JSON lines, or one JSON array. Whatever the file, memory holds one row.
import { TextDecoder } from 'node:util'
import { InvalidInput } from '../contracts/parse'
import { rowFrom } from './row-json'
import { Unusable } from './unusable'

/** Characters of the longest row. */
const LONGEST_ROW = 64 * 2 ** 20
export interface RawRow {
  /** What the row is; its text, if there is a fault. */
  value: unknown
  /** Why it is no row, if it is none. */
  fault?: string
  /** Line or number in the file, for messages. */
  where: string
  characters: number
}

/**
 * @param chunks of UTF-8, or of UTF-16 with a byte order mark
 * @param unit what the rows of the file are called if each is a line of this text
 * @throws InvalidInput naming the file when it is an array that is damaged or has no end
 */
export async function* rowsOf(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  unit: 'line' | 'row' = 'line',
): AsyncGenerator<RawRow> {
  let split: Splitter | undefined
  let number = 0
  const rows = function* (pieces: Iterable<Piece>) {
    for (const piece of pieces) {
      number++
      if (split!.unit === 'row' || piece.isTooLong || piece.text.trim() !== '')
        yield rawRow(piece, `${split!.unit === 'line' ? unit : 'row'} ${number}`)
    }
  }
  for await (const text of texts(chunks)) {
    if (split === undefined && text.trim() === '') continue // where the array or the first line has not begun
    split ??= isOneArray(text) ? elements(path) : lines()
    yield* rows(split.push(text))
  }
  if (split) yield* rows(split.end())
}

function rawRow({ text, isTooLong }: Piece, where: string): RawRow {
  const row = { where, characters: text.length }
  if (isTooLong) return { ...row, value: '', fault: `has more than the ${LONGEST_ROW} characters that a row may have` }
  try {
    return { ...row, value: rowFrom(text) }
  } catch (error) {
    if (error instanceof Unusable) return { ...row, value: text.trim(), fault: error.message }
    throw error
  }
}

/** Lines that tell JSON lines from an array. */
const LINES_TO_TELL = 100

/** Whether a text begins an array of rows; of JSON lines, the first may be an array as well, or the beginning of one. */
function isOneArray(text: string): boolean {
  const [first = '', ...more] = text.trimStart().split('\n', LINES_TO_TELL)
  if (!first.startsWith('[')) return false
  const next = more.filter((line) => line.trim() !== '')
  if (next.length === 0) return true
  const objects = next.filter((line) => line.startsWith('{') && isJson(line)).length
  return !isJson(first) && objects < Math.min(2, next.length)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** As what the byte order mark says, without it; UTF-8 if there is none. */
async function* texts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined
  for await (const chunk of chunks) yield (decoder ??= decoderOf(chunk)).decode(chunk, { stream: true })
  if (decoder) yield decoder.decode()
}

function decoderOf([first, second]: Uint8Array): TextDecoder {
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le')
  return new TextDecoder(first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8')
}

/** The source of a row. */
interface Piece {
  text: string
  isTooLong: boolean
}

/** Splits a text that comes in chunks into the sources of its rows. */
interface Splitter {
  unit: 'line' | 'row'
  push(text: string): Iterable<Piece>
  end(): Iterable<Piece>
}

/** The row that has begun, in the pieces it came in; of one that is too long, nothing is kept. */
function openRow() {
  let [pieces, length]: [string[], number] = [[], 0]
  return {
    add(piece: string) {
      length += piece.length
      if (length > LONGEST_ROW) pieces = []
      else pieces.push(piece)
    },
    take(): Piece {
      const whole = { text: pieces.join(''), isTooLong: length > LONGEST_ROW }
      ;[pieces, length] = [[], 0]
      return whole
    },
  }
}

function lines(): Splitter {
  const open = openRow()
  return {
    unit: 'line',
    *push(text) {
      let from = 0
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
        open.add(text.slice(from, at))
        yield open.take()
        from = at + 1
      }
      open.add(text.slice(from))
    },
    end: () => [open.take()],
  }
}

/** The elements of one array, by the commas that are in no element. */
function elements(path: string): Splitter {
  const open = openRow()
  let [depth, inString, isEscaped, isClosed, hasComma] = [0, false, false, false, false]
  const refuse = (what: string): never => {
    throw new InvalidInput(`data: ${path} is not JSON: ${what}; is the file complete?`)
  }
  return {
    unit: 'row',
    *push(text) {
      let from = 0
      for (let at = 0; at < text.length; at++) {
        const character = text[at]!
        if (inString) {
          ;[inString, isEscaped] = [isEscaped || character !== '"', !isEscaped && character === '\\']
          continue
        }
        if (isClosed && character.trim() !== '') refuse('text follows the end of the array')
        if (character === '"') inString = true
        else if (character === '[' || character === '{') {
          if (++depth === 1) from = at + 1
        } else if (character === ']' || character === '}') {
          if (--depth > 0) continue
          if (character === '}') refuse('the array ends with "}"')
          open.add(text.slice(from, at))
          isClosed = true
          const last = open.take()
          if (hasComma || last.isTooLong || last.text.trim() !== '') yield last
        } else if (character === ',' && depth === 1) {
          open.add(text.slice(from, at))
          yield open.take()
          from = at + 1
          hasComma = true
        }
      }
      if (!isClosed) open.add(text.slice(from))
    },
    end: () => (isClosed ? [] : refuse('the array has no end')),
  }
}
