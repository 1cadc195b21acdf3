// The JSON of one row, as programs write it: integers beyond 2^53 keep their digits, as texts, and what Python writes
// for a missing number is null.
import { isDeeper, MOST_LEVELS } from '../contracts/readable'
import { Unusable } from './unusable'

/** Digits that an integer may have to be a number of JavaScript for certain. */
const SAFE_DIGITS = 15
const LONG_INTEGER = new RegExp(`\\d{${SAFE_DIGITS + 1}}`)
const NO_NUMBER = /NaN|Infinity/
/** A number, or what Python's json module writes in place of one. */
const NUMBER = /-?(?:NaN|Infinity|\d[\d.eE+-]*)/y

/** @throws Unusable if it is not JSON, or nested deeper than a row may be */
export function rowFrom(source: string): unknown {
  const text = source.trim() // also of a byte order mark
  const value = parsed(LONG_INTEGER.test(text) || NO_NUMBER.test(text) ? withSafeNumbers(text) : text)
  if (isDeeper(value, MOST_LEVELS))
    throw new Unusable(`has more than ${MOST_LEVELS} objects and lists inside each other`)
  return value
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Unusable('is not JSON', { cause })
  }
}

/** The same JSON with the numbers that JavaScript has not: long integers as texts, NaN and Infinity as null. */
function withSafeNumbers(text: string): string {
  let [result, from, at] = ['', 0, 0]
  while (at < text.length) {
    const character = text[at]!
    if (character === '"') at = endOfString(text, at)
    else if (/[-\dNI]/.test(character)) {
      NUMBER.lastIndex = at
      const number = NUMBER.exec(text)?.[0] ?? character
      result += text.slice(from, at) + safeNumber(number)
      from = at += number.length
    } else at++
  }
  return result + text.slice(from)
}

function safeNumber(number: string): string {
  if (NO_NUMBER.test(number)) return 'null'
  return /^-?\d+$/.test(number) && !Number.isSafeInteger(Number(number)) ? `"${number}"` : number
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at + 1
  }
  return text.length
}

/** A value without the fields that are null, which columns of files have for what a row lacks; lists stay as long. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null && field !== undefined)
      .map(([name, field]) => [name, withoutNulls(field)]),
  )
}
