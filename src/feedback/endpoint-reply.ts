// What is read from an endpoint's choice: a rationale, or the probabilities of the answer's first token.
import { isNode, type Node } from '../json-node'
import type { Thinking } from '../contracts/endpoint-request'
import { quotedReply } from './error-text'
import { lacksRationale, writtenText, type LabelerRole, type Unanswered, type WritingSettings } from './labeler'
import { MAX_QUOTED, type Choice } from './reply-choice'
import { formatNumber } from '../number-format'

/** Values of `finish_reason` of a text that did not end by itself. */
const CUT = /length|max_?tokens|context_window|incomplete/i

/** How a rationale is read. */
interface Reading {
  role: LabelerRole
  thinking: Thinking
}

/** A rationale that is empty or cut is a failure: an answer read after it would not rest on it. */
export function rationaleFrom(
  choice: Choice,
  writing: WritingSettings,
  { role, thinking }: Reading,
): string | Unanswered {
  const { thought, isOpen, finishReason, quoted } = choice
  if (choice.text === undefined) return { failed: `the answer has no text that can be read: ${quoted}` }
  if (thinking === 'refuse' && thought !== '')
    return { failed: `the model thought before it answered, which ${role}.thinking refuses: ${shown(thought)}` }
  const answer = choice.text.trim()
  const text = thinking === 'rationale' ? [thought, answer].filter(Boolean).join('\n') : answer
  const isCut = isOpen || CUT.test(finishReason)
  const remedy = `raise ${role}.rationaleTokens, which is ${writing.maxTokens}`
  if (lacksRationale(text, writing))
    return { failed: `the rationale is empty${whyEmpty(choice, isCut && remedy, role)}` }
  const written = writtenText(text, isCut, writing)
  return typeof written === 'string'
    ? written
    : { failed: `the rationale was cut at its length limit: ${remedy}; it ends with ${shown(text.slice(-MAX_QUOTED))}` }
}

function whyEmpty({ thought, sent, finishReason, quoted }: Choice, remedy: string | false, role: LabelerRole): string {
  const why = thought
    ? `; the endpoint put its text into "reasoning_content" or thinking tags: ${shown(thought)}` +
      `${remedy ? `, and was cut: ${remedy}, or ${role}.thinkingTokens` : `; ${role}.thinking can take it`}`
    : `${remedy ? `, and was cut: ${remedy}` : ''}`
  const reason = finishReason ? `, finish_reason ${finishReason.slice(0, MAX_QUOTED)}` : ''
  return `${why} (the endpoint sent ${sent === '' ? quoted : shown(sent)}${reason})`
}

const shown = (text: string) => JSON.stringify(text.slice(0, MAX_QUOTED))

/** The likeliest of what was returned, for a message. */
export function likeliestOf(returned: ReadonlyMap<string, number>): string {
  const [token, logProb] = [...returned].sort(([, a], [, b]) => b - a)[0]!
  return `${shown(token)} (P = ${formatNumber(Math.exp(logProb), 3)})`
}

// ---- Log-probabilities

/** Rounding of servers, in log P of one token and in the sum of all. */
const ROUNDING = 0.01
const MOST_SUM = 1.05

/**
 * The probabilities of the first token, in the form of the chat route or of the older completion route.
 * @returns undefined where the reply has none, a failure where they cannot be read
 */
export function returnedLogProbs({ logprobs, quoted }: Choice): Map<string, number> | Unanswered | undefined {
  if (!isNode(logprobs)) return undefined
  const entries = chatEntries(logprobs) ?? legacyEntries(logprobs)
  if (entries === undefined) return undefined
  const returned = new Map<string, number>()
  for (const [token, given] of entries) {
    const logProb = readLogProb(given)
    if (typeof token !== 'string' || logProb === undefined)
      return {
        failed: `the endpoint returned a log-probability that is none, ${quotedReply([token, given])}: ${quoted}`,
      }
    if (!returned.has(plain(token))) returned.set(plain(token), logProb)
  }
  const sum = [...returned.values()].reduce((total, logProb) => total + Math.exp(logProb), 0)
  return sum <= MOST_SUM
    ? returned
    : { failed: `the returned probabilities sum to ${formatNumber(sum, 3)}, more than 1: ${quoted}` }
}

/** A token as text: some servers leave the marks of its vocabulary for a space before it. */
const plain = (token: string): string => token.replace(/^[Ġ▁]/, ' ')

type Entries = (readonly [token: unknown, logProb: unknown])[]

/** The list of the first token; without one, or with an empty one, the token alone. */
function chatEntries({ content }: Node): Entries | undefined {
  const first: unknown = Array.isArray(content) ? content[0] : undefined
  if (!isNode(first)) return undefined
  const top = Array.isArray(first.top_logprobs) ? (first.top_logprobs as unknown[]) : []
  return [...top, first].map((entry) => (isNode(entry) ? [entry.token, entry.logprob] : [entry, entry]))
}

function legacyEntries({ top_logprobs: top }: Node): Entries | undefined {
  const first: unknown = Array.isArray(top) ? top[0] : undefined
  return isNode(first) && Object.keys(first).length > 0 ? Object.entries(first) : undefined
}

/** Servers send null, or −∞ as a number or a word, for a probability that rounds to 0. */
function readLogProb(given: unknown): number | undefined {
  if (given === null || (typeof given === 'string' && /^-inf(inity)?$/i.test(given))) return -Infinity
  return typeof given === 'number' && given <= ROUNDING ? Math.min(given, 0) : undefined
}
