// Rows by the names of their fields: our own, those of TRL, and those that a mapping names. Every response is paired with
// the turns it was given for.
import type { FieldNames } from '../contracts/field-names'
import { answerTo, promptAlone, promptTurns, sameTurns, type Answered } from './answered'
import { preferenceIn } from './preference'
import { renderConversation, type Draft, type Message, type Row } from './row'
import type { Task } from './task'
import { textIn, turnsIn, type Turns } from './turns'
import { Unusable } from './unusable'
import { valueAt } from './value-at'

type Prompt = Pick<Row, 'messages' | 'context'>

/** The user's turn for a text: with the task's instruction, if it has one. */
export function fromText(text: string, { instruction }: Pick<Task, 'instruction'>): Prompt {
  const content = instruction ? `${instruction}\n\n${text}` : text
  return {
    messages: [{ role: 'user', content }],
    context: instruction ? text : fromMessages([{ role: 'user', content }]).context,
  }
}

export function fromMessages(messages: Message[]): Prompt {
  return { messages, context: renderConversation(messages) }
}

/** How the texts of a row are read. */
export interface TextReading {
  /** What a text is as a prompt. */
  promptOf(text: string, task: Task): Prompt
  /** The turns of a prompt that is a text. */
  turnsOf(text: string): Message[]
  /** A response that is a text. */
  answered(asked: Message[] | undefined, text: string): Answered
  /** Whether pairs of empty or of equal responses are left out. */
  comparable: boolean
}

/** Texts are taken as they are. */
export const verbatim: TextReading = {
  promptOf: fromText,
  turnsOf: (content) => [{ role: 'user', content }],
  answered: (asked, response) => ({ before: promptAlone(asked), response }),
  comparable: false,
}

/** As TRL's users write them: a prompt may be a transcript, or end with "TL;DR:"; spaces around a response are none of it. */
export const trimmed: TextReading = {
  promptOf(text, task) {
    const isWhole = /TL;DR:?\s*$/.test(text)
    return fromText(text.trim(), isWhole ? {} : task)
  },
  turnsOf: promptTurns,
  answered: answerTo,
  comparable: true,
}

/** A row's prompt as it is given. */
interface Asked {
  turns: Message[] | undefined
  /** The text that these turns are, if they are a text alone. */
  text: string | undefined
}

/** @throws Unusable */
export function rowByFields(raw: object, names: FieldNames, reading: TextReading, task: Task): Draft {
  const at = (name: keyof FieldNames) => (names[name] === undefined ? undefined : valueAt(raw, names[name] as string))
  const preference = preferenceIn(raw, names)
  const reference = at('reference')
  const messages = at('messages')
  const prompt = at('prompt')
  if (prompt === undefined && messages === undefined && reference === undefined && !preference)
    throw new Unusable('requires either "prompt" (a text) or "messages" (turns)')

  const hasResponses = preference !== undefined || reference !== undefined
  const asked = askedIn(prompt ?? (hasResponses ? messages : undefined), at('system'), reading)
  const given = hasResponses || messages === undefined ? undefined : turnsIn(messages, 'messages')
  const answered = (value: unknown, field: string) => answeredIn(turnsIn(value, field), asked, reading)
  const compared = preference?.responses.map((value) => answered(value, preference.field)) ?? []
  const written = reference === undefined ? endOf(given, asked) : answered(reference, 'reference')
  const before = sameContext([...compared, ...(written ? [written] : [])], preference?.field)
  return {
    id: idIn(at('id')),
    ...promptOf(before ?? promptAlone(asked.turns, turnsAlone(given)), asked, reading, task),
    ...(written && { reference: filled(written.response) }),
    ...(preference && {
      pairs: preference.pairs(
        compared.map(({ response }) => response),
        reading.comparable,
      ),
    }),
  }
}

function askedIn(prompt: unknown, system: unknown, reading: TextReading): Asked {
  const given = prompt === undefined ? '' : turnsIn(prompt, 'prompt')
  if (given === '') return { turns: undefined, text: undefined }
  const text = typeof given === 'string' ? given : undefined
  const turns = text === undefined ? (given as Message[]) : reading.turnsOf(text)
  const instruction = system === undefined ? '' : textIn(system, 'system')
  if (instruction === '' || turns[0]!.role === 'system') return { turns, text }
  return { turns: [{ role: 'system', content: instruction }, ...turns], text: undefined }
}

const answeredIn = (given: Turns, { turns }: Asked, reading: TextReading): Answered =>
  typeof given === 'string' ? reading.answered(turns, given) : answerTo(turns, given)

/** The last turn of a conversation as the response, if it is the assistant's. */
function endOf(given: Turns | undefined, { turns }: Asked): Answered | undefined {
  const conversation = turnsAlone(given)
  return conversation?.at(-1)!.role === 'assistant' ? answerTo(turns, conversation) : undefined
}

function turnsAlone(given: Turns | undefined): Message[] | undefined {
  if (typeof given === 'string') throw new Unusable('field "messages" is not a list of turns')
  return given
}

/** What all responses of a row were given for; undefined if there are none. @throws Unusable when it is not the same */
function sameContext(answers: readonly Answered[], field = 'reference'): Message[] | undefined {
  const [first] = answers
  if (first && answers.some(({ before }) => !sameTurns(before, first.before)))
    throw new Unusable(`${field} differ before the last turn`)
  return first?.before
}

/** A text alone gets the instruction of the task; a conversation does not. */
function promptOf(before: Message[], { text, turns }: Asked, reading: TextReading, task: Task): Prompt {
  const isText = text !== undefined && turns!.length === 1 && turns![0]!.role === 'user' && sameTurns(before, turns!)
  return isText && turns![0]!.content.trim() === text.trim() ? reading.promptOf(text, task) : fromMessages(before)
}

function idIn(value: unknown): string | undefined {
  const id = value === undefined ? '' : textIn(value, 'id')
  return id === '' ? undefined : id
}

function filled(response: string): string {
  if (response.trim() === '') throw new Unusable('empty response')
  return response
}
