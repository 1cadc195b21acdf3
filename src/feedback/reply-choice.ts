// The first choice of a reply, as servers send it: the text of either route, as a string or in parts, what the model
// thought, why it ended. Nothing is checked that is not needed: fields that are null, absent or of another type are no
// answer only to those who ask for them.
import { isNode, type Node } from '../json-node'
import { quotedReply } from './error-text'
import type { Unanswered } from './labeler'
import { splitThought } from './thinking'

export interface Choice {
  /** Without what was thought; undefined where the reply has no text that can be read. */
  text: string | undefined
  /** The text with what was thought in it. */
  sent: string
  /** Empty where the model thought nothing, or the server does not show it. */
  thought: string
  /** It ended before the thought did. */
  isOpen: boolean
  finishReason: string
  /** As they were sent. */
  logprobs: unknown
  /** The reply's beginning, for messages. */
  quoted: string
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Reasons of an answer that was withheld, by OpenAI, Azure, Google and Anthropic. */
const WITHHELD = /^(content[_-]?filter|safety|recitation|blocklist|prohibited_content|spii|refusal)/i
/** Reasons of an answer that is none. */
const BROKEN = /^(error|abort|cancel)/i
/** Characters of a model's text in a message. */
export const MAX_QUOTED = 60

/** The first choice of a reply, if it is an answer of the model: a filtered or refused one fails its question alone. */
export function choiceOf(reply: unknown): Choice | Unanswered {
  const first: unknown = isNode(reply) && Array.isArray(reply.choices) ? reply.choices[0] : undefined
  if (!isNode(first)) return { failed: `the answer is not a completion: ${quotedReply(reply)}` }
  const quoted = quotedReply(first)
  const message = isNode(first.message) ? first.message : {}
  const finishReason = asText(first.finish_reason) || asText(first.finishReason)
  if (WITHHELD.test(finishReason))
    return { failed: `the endpoint's filter withheld the answer (finish_reason ${finishReason.slice(0, MAX_QUOTED)})` }
  if (BROKEN.test(finishReason)) return { failed: `the endpoint broke off the answer: ${quoted}` }
  if (typeof message.refusal === 'string' && message.refusal !== '')
    return { failed: `the model refused: ${JSON.stringify(message.refusal.slice(0, MAX_QUOTED))}` }
  return { ...textAndThought(first, message), finishReason, logprobs: first.logprobs, quoted }
}

function textAndThought(first: Node, message: Node): Pick<Choice, 'text' | 'sent' | 'thought' | 'isOpen'> {
  const { text, thought: inParts } = readContent(first.text ?? message.content)
  const { thought: inText, answer, isOpen } = splitThought(text ?? '')
  const apart = [message.reasoning_content, message.reasoning].map((value) => readContent(value).text ?? '')
  const thoughts = [apart[0] || apart[1], inParts, inText].map((part) => part!.trim())
  return {
    text: text === undefined ? undefined : answer,
    sent: text ?? '',
    thought: thoughts.filter(Boolean).join('\n'),
    isOpen,
  }
}

/** A text, or parts of which those with text are joined; absent is empty. @returns no text where it cannot be read */
function readContent(content: unknown): { text: string | undefined; thought: string } {
  if (content === null || content === undefined) return { text: '', thought: '' }
  if (typeof content === 'string') return { text: content, thought: '' }
  if (!Array.isArray(content)) return { text: undefined, thought: '' }
  const parts = content.map(readPart)
  if (parts.includes(undefined)) return { text: undefined, thought: '' }
  return {
    text: parts.map((part) => part!.text).join(''),
    thought: parts.map((part) => part!.thought).join(''),
  }
}

/** A part of a content: text, thought, or something else, which is left out; undefined where it cannot be read. */
function readPart(part: unknown): { text: string; thought: string } | undefined {
  if (typeof part === 'string') return { text: part, thought: '' }
  if (!isNode(part)) return undefined
  if (/think|reason/i.test(asText(part.type)))
    return { text: '', thought: readContent(part.thinking ?? part.reasoning ?? part.text).text ?? '' }
  if (part.text === undefined || part.text === null) return { text: '', thought: '' }
  return typeof part.text === 'string' ? { text: part.text, thought: '' } : undefined
}
