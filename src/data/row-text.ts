// The rows in a text that is read as it comes: JSON lines, or one JSON array. Whatever the file, memory holds one row.
import { StringDecoder } from 'node:string_decoder'
import { InvalidInput } from '../contracts/parse'
import { isDeeper, MOST_LEVELS } from '../contracts/readable'
import { jsonFault } from '../file-faults'

/** Characters of the longest row. */
const LONGEST_ROW = 64 * 2 ** 20
export interface RawRow {
  value: unknown
  /** File and line, for messages. */
  where: string
}

/**
 * @param chunks of UTF-8
 * @throws InvalidInput naming file and row when one is not JSON, too long or too deep
 */
export async function* rowsOf(chunks: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<RawRow> {
  let split: Splitter | undefined
  let number = 0
  const rows = function* (pieces: Iterable<string>) {
    for (const piece of pieces) {
      const where = `${path} ${split!.unit} ${++number}`
      if (split!.unit === 'row' || piece.trim() !== '') yield { value: parsed(piece, where), where: `data: ${where}` }
    }
  }
  for await (const text of texts(chunks)) {
    if (split === undefined && text.trim() === '') continue // where the array or the first line has not begun
    split ??= text.trimStart().startsWith('[') ? elements(path) : lines(path)
    yield* rows(split.push(text))
  }
  if (split) yield* rows(split.end())
}

async function* texts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  for await (const chunk of chunks) yield decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
  yield decoder.end()
}

/** Splits a text that comes in chunks into the sources of its rows. */
interface Splitter {
  unit: 'line' | 'row'
  push(text: string): Iterable<string>
  end(): Iterable<string>
}

/** The row that has begun, in the pieces it came in. */
function openRow(path: string) {
  let [pieces, length]: [string[], number] = [[], 0]
  return {
    add(piece: string) {
      pieces.push(piece)
      length += piece.length
      if (length > LONGEST_ROW)
        throw new InvalidInput(
          `data: ${path} has a row of more than ${LONGEST_ROW} characters, the most that a row may have`,
        )
    },
    take(): string {
      const whole = pieces.join('')
      ;[pieces, length] = [[], 0]
      return whole
    },
  }
}

function lines(path: string): Splitter {
  const open = openRow(path)
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
    end: () => [open.take()].filter((rest) => rest !== ''),
  }
}

/** The elements of one array, by the commas that are in no element. */
function elements(path: string): Splitter {
  const open = openRow(path)
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
          if (hasComma || last.trim() !== '') yield last
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

function parsedJson(source: string, where: string): unknown {
  try {
    return JSON.parse(source)
  } catch (error) {
    throw new InvalidInput(`data: ${where} is not JSON, ${jsonFault(error)}`, { cause: error })
  }
}

function parsed(source: string, where: string): unknown {
  const value = parsedJson(source, where)
  if (isDeeper(value, MOST_LEVELS))
    throw new InvalidInput(
      `data: ${where} is not JSON: it has more than ${MOST_LEVELS} objects and lists inside each other`,
    )
  return value
}
