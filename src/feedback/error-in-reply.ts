// An error where an answer should be: gateways reply with status 200 once they have begun, or always, and say in the
// body what status it would have been.
import { isNode, type Node } from '../json-node'
import { wordsIn, type ErrorWords } from './error-text'

export interface ErrorInReply {
  status: number
  words: ErrorWords
}

/** Statuses by the words of an error that names none. */
const BY_WORDS: readonly [RegExp, number][] = [
  [/insufficient_quota|insufficient (balance|credit)|payment/i, 402],
  [/rate.?limit|too many requests|throttl|quota|resource_exhausted/i, 429],
  [/overload|unavailable|capacity|try again/i, 503],
  [/time.?out|timed out/i, 408],
  [/authentication|unauthenticated|unauthori[sz]ed|api.?key|invalid token/i, 401],
  [/permission|forbidden/i, 403],
  [/not.?found|does not exist/i, 404],
  [/invalid|unsupported|unknown|bad.?request|context|too long|not allowed|not permitted/i, 400],
]

/** The error that a reply holds in place of an answer, or beside a broken one. */
export function errorInReply(reply: unknown): ErrorInReply | undefined {
  const body: unknown = Array.isArray(reply) ? reply[0] : reply
  if (!isNode(body)) return undefined
  const choice: unknown = Array.isArray(body.choices) ? body.choices[0] : undefined
  if (isSaid(body.error)) return asError(body, body.error)
  if (isNode(choice)) return isSaid(choice.error) ? asError(choice, choice.error) : undefined
  const isAnError =
    body.object === 'error' || ['message', 'detail', 'msg', 'errors', 'base_resp'].some((name) => isSaid(body[name]))
  return isAnError ? asError(body, body) : undefined
}

/** An empty field is no error: many servers send one with each answer. */
const isSaid = (error: unknown): boolean =>
  typeof error === 'string'
    ? error.trim() !== ''
    : typeof error === 'object' && error !== null && Object.keys(error).length > 0

function asError(holder: Node, error: unknown): ErrorInReply {
  const words = wordsIn(holder)
  const named = [isNode(error) ? error : {}, holder].flatMap(({ status, code, status_code, statusCode }: Node) =>
    [status, code, status_code, statusCode].map(Number).filter((number) => number >= 400 && number < 600),
  )
  const [, byWords] = BY_WORDS.find(([pattern]) => pattern.test(`${words.codes} ${words.text}`)) ?? []
  return { status: named[0] ?? byWords ?? 500, words }
}
