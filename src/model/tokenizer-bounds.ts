// A tokenizer.json comes with the model it belongs to, from anybody, and holds patterns and replacements of its own:
// what they may take is bounded, before they are used by their size, and then by time.
import { statSync } from 'node:fs'
import { InvalidInput } from '../contracts/parse'
import { within } from '../time-limit'
import { shownValue } from '../file-faults'

/** The largest that is known, Gemma's, has 33 MB. */
export const MOST_TOKENIZER_BYTES = 64 * 2 ** 20
/** Gemma has 6,400. */
const MOST_ADDED = 20_000
const MOST_ADDED_CHARACTERS = 1_000_000
const LONGEST_PATTERN = 10_000
const MOST_STEPS = 1_000
const DEEPEST = 20
/** Replacements may make a text this many times as long. */
const MOST_GROWTH = 16
const LONGEST_TEXT = 4_000_000

const PARTS = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'] as const

type Refuse = (what: string) => never

const refusal =
  (file: string): Refuse =>
  (what) => {
    throw new InvalidInput(`tokenizer: ${file} ${what}; it is faulty or hostile: use the file of the model's authors`)
  }

/** @throws InvalidInput naming the file when a part of it is larger than that of any tokenizer */
export function refuseUnbounded(raw: object, added: readonly { content: string }[], file: string): void {
  const refuse = refusal(file)
  if (added.length > MOST_ADDED) refuse(`has ${added.length} added tokens, more than ${MOST_ADDED}`)
  const characters = added.reduce((sum, { content }) => sum + content.length, 0)
  if (characters > MOST_ADDED_CHARACTERS) refuse(`has added tokens of ${characters} characters`)
  for (const part of PARTS) refuseUnboundedPart(part, (raw as Record<string, unknown>)[part], refuse)
}

function refuseUnboundedPart(part: string, value: unknown, refuse: Refuse): void {
  let [steps, growth] = [0, 1]
  const open: { value: unknown; depth: number }[] = [{ value, depth: 0 }]
  for (let next = open.pop(); next; next = open.pop()) {
    const { value: node, depth } = next
    if (typeof node !== 'object' || node === null) continue
    if (++steps > MOST_STEPS || depth > DEEPEST)
      refuse(`has a ${part} of more than ${MOST_STEPS} steps or ${DEEPEST} levels`)
    const { Regex: pattern, content, type } = node as { Regex?: unknown; content?: unknown; type?: unknown }
    if (typeof pattern === 'string' && pattern.length > LONGEST_PATTERN)
      refuse(`has a pattern of ${pattern.length} characters in its ${part}, more than ${LONGEST_PATTERN}`)
    if (type === 'Replace') growth *= growthOf(content, part, refuse)
    if (growth > MOST_GROWTH) refuse(`makes texts more than ${MOST_GROWTH} times as long in its ${part}`)
    for (const inside of Object.values(node)) open.push({ value: inside, depth: depth + 1 })
  }
}

/** How many times as long a replacement makes a text, at most. */
function growthOf(content: unknown, part: string, refuse: Refuse): number {
  if (typeof content !== 'string') return 1
  if (/\$[$&`'\d<]/.test(content)) refuse(`replaces by ${shownValue(content)} in its ${part}`)
  return Math.max(1, content.length)
}

/** Limits of processor time: some hundred times what the work takes. */
const loadMs = (bytes: number) => 5_000 + Math.ceil(bytes / 1_000)
const textMs = (characters: number) => 2_000 + Math.ceil(characters / 50)

/** Runs what a tokenizer.json asks for. @throws InvalidInput naming the file when it takes too long */
export interface Limits {
  /** Work on the file itself. */
  onFile<T>(work: () => T): T
  /** Work on a text of that many characters. */
  onText<T>(characters: number, work: () => T): T
}

export function limitsOf(file: string): Limits {
  const refuse = refusal(file)
  const limited = <T>(milliseconds: number, work: () => T, what: string): T => {
    try {
      return within(milliseconds, work, () =>
        refuse(`takes more than ${milliseconds / 1000} s of processor time ${what}`),
      )
    } catch (error) {
      const { message } = error as Error
      if (OWN.test(message)) throw error
      return refuse(`cannot be used ${what} (${message.slice(0, 300)})`)
    }
  }
  return {
    onFile: (work) => limited(loadMs(statSync(file).size), work, 'to load'),
    onText(characters, work) {
      if (characters > LONGEST_TEXT)
        throw new InvalidInput(
          `tokenizer: a text has ${characters} characters, more than the ${LONGEST_TEXT} that are made into tokens; ` +
            'shorten it',
        )
      return limited(textMs(characters), work, `for a text of ${characters} characters`)
    },
  }
}

/** How our messages begin; others are of the library, and do not name the file. */
const OWN = /^tokenizer: /
