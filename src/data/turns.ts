// Turns as files have them: role and content as TRL and OpenAI write them, or from and value as ShareGPT does; content as
// a text or as parts.
import type { Message } from './row'
import { Unusable } from './unusable'

/** A text, or turns. */
export type Turns = string | Message[]

const ROLES: Record<string, Message['role']> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  model: 'assistant',
}
const TOOL_ROLES = ['tool', 'function', 'ipython', 'observation', 'function_call', 'tool_call', 'tool_response']
const TOOL_FIELDS = ['tool_calls', 'function_call', 'tool_call_id']
const TOOL_USE = 'a conversation with tool calls'

/** @param value of a field, without nulls @throws Unusable if it is neither a text nor turns */
export function turnsIn(value: unknown, field: string): Turns {
  if (!Array.isArray(value)) return textIn(value, field)
  if (value.length === 0) throw new Unusable(`field "${field}" is an empty list`)
  return value.map(messageIn)
}

/** A text; a number is one as well, e.g. the answer to a sum. */
export function textIn(value: unknown, field: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw new Unusable(`field "${field}" is not a text`)
}

function messageIn(value: unknown): Message {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Unusable('a turn that is no object')
  const turn = value as Record<string, unknown>
  const given = turn.role ?? turn.from
  if (typeof given !== 'string') throw new Unusable('a turn without a role')
  const role = given.toLowerCase()
  if (TOOL_ROLES.includes(role) || TOOL_FIELDS.some((field) => isFilled(turn[field]))) throw new Unusable(TOOL_USE)
  if (!Object.hasOwn(ROLES, role)) throw new Unusable('a turn that is not of the system, the user or the assistant')
  return { role: ROLES[role]!, content: contentIn(turn.content ?? turn.value) }
}

const isFilled = (field: unknown) => field !== undefined && !(Array.isArray(field) && field.length === 0)

function contentIn(content: unknown): string {
  if (content === undefined) throw new Unusable('a turn without a text')
  if (!Array.isArray(content)) return textIn(content, 'content')
  return content.map(partIn).join('')
}

/** A text among the parts of a turn. */
function partIn(part: unknown): string {
  if (typeof part === 'string') return part
  const { type, text } = (part ?? {}) as Record<string, unknown>
  if (
    typeof text !== 'string' ||
    (type !== undefined && type !== 'text' && type !== 'input_text' && type !== 'output_text')
  )
    throw new Unusable('a turn with a part that is no text')
  return text
}
