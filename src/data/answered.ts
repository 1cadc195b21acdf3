// A response and what it was given for, from the forms in which files have them: texts, turns, and transcripts. A whole
// conversation is the context of its last turn, whatever a row calls its prompt.
import { parseTranscript, type Message } from './row'

/** An unusable row, as real files contain some: counted by reason, not an error. */
export interface Dropped {
  dropped: string
}
/** A text, or turns. */
export type Turns = string | Message[]
const NO_PROMPT = 'no prompt, and no conversation that holds it'
const NOT_THE_PERSONS = "the last turn before the response is not the person's"

export interface Answered {
  /** The turns that the response was given for; the last one is the person's. */
  before: Message[]
  response: string
}

/** Splits a conversation before its last turn. @param form what the row has it as, for the reason */
export function splitAtResponse(conversation: readonly Message[], form = 'conversation'): Answered | Dropped {
  const last = conversation.at(-1)
  const before = conversation.slice(0, -1)
  if (last?.role !== 'assistant') return { dropped: `not a ${form} that ends with the assistant` }
  if (before.at(-1)?.role !== 'user') return { dropped: NOT_THE_PERSONS }
  return { before, response: last.content.trim() }
}

/**
 * @param prompt what the row calls its prompt, if it has one
 * @param given the response alone, turns that go on from the prompt, or the whole conversation, which must begin with it
 */
export function answerTo(prompt: Turns | undefined, given: Turns): Answered | Dropped {
  const conversation = turnsOf(given) ?? [{ role: 'assistant' as const, content: given as string }]
  const isWhole = conversation[0]!.role !== 'assistant'
  if (prompt === undefined || prompt === '') return isWhole ? splitAtResponse(conversation) : { dropped: NO_PROMPT }
  const asked = promptTurns(prompt)
  if (!isWhole) return splitAtResponse([...asked, ...conversation])
  const answered = splitAtResponse(conversation)
  return 'dropped' in answered || beginsWith(answered.before, asked)
    ? answered
    : { dropped: 'the conversation does not begin with the prompt' }
}

/** A prompt that no response is given to. */
export function promptAlone(prompt: Turns | undefined): Message[] | Dropped {
  if (prompt === undefined || prompt === '') return { dropped: NO_PROMPT }
  const turns = promptTurns(prompt)
  return turns.at(-1)!.role === 'user' ? turns : { dropped: NOT_THE_PERSONS }
}

/** A prompt as turns: a transcript ends where the assistant's answer begins, any other text is the person's. */
export function promptTurns(prompt: Turns): Message[] {
  const turns = turnsOf(prompt)
  const last = turns?.at(-1)
  if (!turns) return [{ role: 'user', content: (prompt as string).trim() }]
  return typeof prompt === 'string' && last?.role === 'assistant' && last.content === '' ? turns.slice(0, -1) : turns
}

/** Whether two conversations have the same turns. */
export const sameTurns = (a: readonly Message[], b: readonly Message[]): boolean =>
  a.length === b.length &&
  a.every(({ role, content }, i) => role === b[i]!.role && content.trim() === b[i]!.content.trim())

/** A prompt without a system turn may leave out that of the conversation. */
function beginsWith(conversation: readonly Message[], prompt: readonly Message[]): boolean {
  const firstOfPerson = conversation.findIndex(({ role }) => role !== 'system')
  const start = prompt[0]!.role === 'system' ? 0 : firstOfPerson
  return sameTurns(conversation.slice(start, start + prompt.length), prompt)
}

/** Turns, or those of a transcript with a question and an answer; undefined for any other text. */
function turnsOf(given: Turns): Message[] | undefined {
  if (typeof given !== 'string') return given
  const transcript = parseTranscript(given)
  return transcript && transcript.length > 1 ? transcript : undefined
}
