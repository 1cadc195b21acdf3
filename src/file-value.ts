// What a message may show of the content of a worker's files, which may be anybody's.

/** Names of kinds as formats have them (of families, layers, special tokens): too short and plain for a secret. */
const KIND = /^(?:[a-z\d<|>/_[\]]{1,16}|[A-Z\d_]{1,8})$/

/** A value in a file: numbers, and words that name a kind; of anything else, what it is. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string')
    return KIND.test(value) ? JSON.stringify(value) : `a text of ${value.length} characters`
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
