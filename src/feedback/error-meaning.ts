// What an endpoint's error means: whether to try again, whether it is about this question alone, and whether it would
// meet every question.
import { tooLongPart } from './context-length'
import type { ErrorWords } from './error-text'

/**
 * - `again`: it may go away: an outage, a rate limit
 * - `prompt`, `answer`: this question is too long, or its answer may be; it is not asked again
 * - `filter`: this question is withheld; no other may be
 * - `account`: key, payment: it meets every question
 * - `request`: refused; whether it meets every question shows when others are asked
 */
export type Meaning = 'again' | 'prompt' | 'answer' | 'filter' | 'account' | 'request'

/** Statuses below 500 that another try may mend: timeout, conflict, too early, too many requests. */
const AGAIN = new Set([408, 409, 425, 429])
const FILTER =
  /content[_ ](filter|policy|exists risk)|content management|responsible_?ai|safety|moderation|flagged|recitation|inappropriate|data_?inspection/i
const NO_CREDIT = [
  /insufficient[_ ](quota|balance|credits?|funds|user_quota)|credit balance|payment required|余额不足/i,
  /out of credits|no credits|more credits|all available credits|spending limit|billing[_ ](hard|not)/i,
]

export function meaningOf(status: number, { text, codes }: ErrorWords): Meaning {
  const words = `${codes} ${text}`
  if (status === 402 || (status < 500 && NO_CREDIT.some((pattern) => pattern.test(words)))) return 'account'
  if (AGAIN.has(status)) return 'again'
  const tooLong = tooLongPart(words)
  if (tooLong !== undefined) return tooLong
  if (status >= 500) return 'again'
  if (status !== 401 && FILTER.test(words)) return 'filter'
  return status === 401 ? 'account' : 'request'
}
