// What messages say of a worker's files, which may be anybody's: where something is wrong and of what kind it is, never
// what the file holds.
import { counted } from './number-format'

/** Names of kinds as formats have them (of families, layers, special tokens): too short and plain for a secret. */
const KIND = /^(?:[a-z\d<|>/_[\]-]{1,16}|[A-Z\d_]{1,8})$/

/** A value in a file: numbers, and words that name a kind; of anything else, what it is. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string')
    return KIND.test(value) ? JSON.stringify(value) : `a text of ${counted(value.length, 'character')}`
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** Why a file cannot be read: the system's own words, and of its text where it is no JSON. */
export const readingFault = (error: unknown): string =>
  (error as Error).name === 'SyntaxError' ? `it is not JSON, ${jsonFault(error)}` : (error as Error).message

/** What is wrong with a text that should be JSON; the parser's own message quotes it. @param error of JSON.parse */
export function jsonFault(error: unknown): string {
  const { message } = error as Error
  if (message.includes('end of JSON input')) return 'it ends in the middle'
  return /at position \d+( \(line \d+ column \d+\))?/.exec(message)?.[0] ?? 'at its beginning or in one of its values'
}
