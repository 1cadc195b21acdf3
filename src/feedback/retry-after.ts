// How long a server asks to wait: in headers, or in its words.

/** A server may ask for longer pauses than the client would choose. */
const LONGEST_MS = 10 * 60_000

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }
/** Google's `retryDelay`, and what OpenAI, Groq and others write into the message. */
const IN_WORDS = [
  /"retryDelay":\s?"(\d{1,6}(?:\.\d{1,9})?)(s)"/,
  /(?:try again|retry) (?:in|after) (\d{1,6}(?:\.\d{1,9})?) ?(ms|s|m)/i,
]

/**
 * @param header reads a header of the reply
 * @param words the reply's body
 * @returns milliseconds, 0 for a time that is over, or undefined when nothing is asked for
 */
export function waitAsked(header: (name: string) => string | undefined, words = ''): number | undefined {
  const [found] = [inMs(header('retry-after-ms')), inSeconds(header('retry-after')), inWords(words)].filter(
    (ms) => ms !== undefined && Number.isFinite(ms),
  )
  return found === undefined ? undefined : Math.min(Math.max(0, found), LONGEST_MS)
}

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/

const inMs = (given: string | undefined) =>
  given !== undefined && NUMBER.test(given.trim()) ? Number(given) : undefined

/** Seconds, whole or not, or a date. */
function inSeconds(given: string | undefined): number | undefined {
  if (given === undefined) return undefined
  const text = given.trim().replace(/(?<=\d)\s?s(?:ec(?:onds?)?)?$/i, '')
  return NUMBER.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
}

function inWords(text: string): number | undefined {
  for (const pattern of IN_WORDS) {
    const [, amount, unit] = pattern.exec(text) ?? []
    if (amount !== undefined) return Number(amount) * UNIT_MS[unit!.toLowerCase()]!
  }
  return undefined
}
