// A response and what it was given for, from the forms in which files have them: texts, turns, and transcripts. A whole
// conversation is the context of its last turn, whatever a row calls its prompt.
import { parseTranscript, type Message } from './row'
import type { Turns } from './turns'
import { Unusable } from './unusable'

const NO_PROMPT = 'no prompt, and no conversation that holds it'
const NOT_THE_PERSONS = "the last turn before the response is not the person's"
const ANOTHER_PROMPT = 'the conversation does not begin with the prompt'

export interface Answered {
  /** The turns that the response was given for; the last one is the person's. */
  before: Message[]
  response: string
}

/** Splits a conversation before its last turn. @param form what the row has it as, for the reason @throws Unusable */
export function splitAtResponse(conversation: readonly Message[], form = 'conversation'): Answered {
  const last = conversation.at(-1)
  if (last?.role !== 'assistant') throw new Unusable(`not a ${form} that ends with the assistant`)
  return { before: askedBy(conversation.slice(0, -1)), response: last.content.trim() }
}

/** Turns that a response can be given to. @throws Unusable */
export function askedBy(turns: Message[]): Message[] {
  const last = turns.at(-1)
  if (last?.role !== 'user') throw new Unusable(NOT_THE_PERSONS)
  if (last.content.trim() === '') throw new Unusable('empty prompt')
  return turns
}

/**
 * @param asked the row's prompt, if it has one
 * @param given the response alone, turns that go on from the prompt, or the whole conversation, which must begin with it
 * @throws Unusable
 */
export function answerTo(asked: Message[] | undefined, given: Turns): Answered {
  const conversation = turnsOf(given) ?? [{ role: 'assistant' as const, content: given as string }]
  const isWhole = conversation[0]!.role !== 'assistant'
  if (asked === undefined) {
    if (!isWhole && conversation.length === 1) throw new Unusable(NO_PROMPT)
    return splitAtResponse(conversation) // which may begin with a greeting of the assistant's
  }
  if (!isWhole) return splitAtResponse([...asked, ...conversation])
  const answered = splitAtResponse(conversation)
  refuseOtherPrompt(answered.before, asked)
  return answered
}

/** The prompt of a row that has no response. @param conversation which goes on from the prompt, if both are given */
export function promptAlone(asked: Message[] | undefined, conversation?: Message[]): Message[] {
  const turns = conversation ?? asked
  if (turns === undefined) throw new Unusable(NO_PROMPT)
  if (conversation && asked) refuseOtherPrompt(conversation, asked)
  return askedBy(turns)
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

/**
 * A prompt is where the conversation begins, or its last question alone; without a system turn, it may leave out that of
 * the conversation.
 */
function refuseOtherPrompt(conversation: readonly Message[], prompt: readonly Message[]): void {
  if (sameTurns(conversation.slice(-1), prompt)) return
  const firstOfPerson = conversation.findIndex(({ role }) => role !== 'system')
  const start = prompt[0]!.role === 'system' ? 0 : firstOfPerson
  if (!sameTurns(conversation.slice(start, start + prompt.length), prompt)) throw new Unusable(ANOTHER_PROMPT)
}

/** Turns, or those of a transcript with a question and an answer; undefined for any other text. */
function turnsOf(given: Turns): Message[] | undefined {
  if (typeof given !== 'string') return given
  const transcript = parseTranscript(given)
  return transcript && transcript.length > 1 ? transcript : undefined
}
