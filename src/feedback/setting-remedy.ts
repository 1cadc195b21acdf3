// Which setting mends what an endpoint refuses: a field that it does not know or wants under another name, more
// log-probabilities than it returns. For messages, and for `rlaif labeler check`.
import type { EndpointSettings } from '../contracts/labeler-settings'

/** Settings to change. */
export type Remedy = Pick<
  Partial<EndpointSettings>,
  'dialect' | 'request' | 'topLogProbs' | 'countedAnswers' | 'thinking' | 'thinkingTokens'
>

/** Answers to count where there are no log-probabilities. */
export const COUNTED = 8

/** Fields that a server may refuse while it could do without them. */
const SPARE = ['temperature', 'seed', 'top_k', 'drop_params', 'reasoning_effort', 'chat_template_kwargs']
const REFUSES = [
  /unsupported|not support|unknown|unrecogni[sz]ed|unexpected|extra (inputs|fields)|not permitted|not allowed/i,
  /cannot find field|invalid|deprecated|only the default|does not (exist|accept)|must be|no such|not a valid/i,
]
const PREFILL = [
  /prefill|continue_final_message|add_generation_prompt|(last|final) message|must end with a user/i,
  /assistant message|roles must alternate/i,
]
/** Before the number that a server allows, e.g. "greater than max allowed: 5", "at most 5", "between 0 and 5". */
const ALLOWED = [
  /(?:max allowed|at most|no more than|up to|less than or equal to|<=|\[0,|between 0 and|\bto) ?:? ?(\d{1,3})\b/i,
  /(?:maximum|max|limit)(?: value| allowed)?(?: of| is)? ?:? ?(\d{1,3})\b/i,
]
const anyOf = (patterns: readonly RegExp[], text: string): boolean => patterns.some((pattern) => pattern.test(text))

const isNamed = (text: string, field: string): boolean => new RegExp(`(?<![\\w-])${field}(?![\\w-])`, 'i').test(text)

function allowedNumber(text: string): number | undefined {
  const found = ALLOWED.map((pattern) => pattern.exec(text)?.[1]).find((digits) => digits !== undefined)
  return found === undefined ? undefined : Number(found)
}

/**
 * @param said the endpoint's words about a request that it refused
 * @param settings the request was made with
 */
export function remedyFor(said: string, settings: EndpointSettings): Remedy | undefined {
  if (/enable_thinking|incompatible with.{0,20}thinking/i.test(said) && settings.thinking !== 'off')
    return { thinking: 'off' }
  if (isNamed(said, 'max_completion_tokens') && isNamed(said, 'max_tokens'))
    return {
      request: { ...settings.request, rename: { ...settings.request?.rename, max_tokens: 'max_completion_tokens' } },
    }
  if (/drop_params/.test(said) && settings.dialect === 'openai') return { dialect: 'litellm' }
  if (/log_?prob|top_n_tokens/i.test(said)) return remedyOfLogProbs(said, settings)
  const omit = SPARE.filter((field) => isNamed(said, field) && anyOf(REFUSES, said))
  if (omit.length > 0)
    return { request: { ...settings.request, omit: [...new Set([...(settings.request?.omit ?? []), ...omit])] } }
  return anyOf(PREFILL, said) && settings.dialect !== 'openai' ? { dialect: 'openai' } : undefined
}

function remedyOfLogProbs(said: string, { topLogProbs = 20, countedAnswers }: EndpointSettings): Remedy | undefined {
  const allowed = allowedNumber(said)
  if (allowed !== undefined && allowed > 0 && allowed < topLogProbs) return { topLogProbs: allowed }
  return countedAnswers === undefined ? { countedAnswers: COUNTED } : undefined
}

/** What a message says about a remedy. @param role the setting that configures the endpoint */
export const remedyText = (remedy: Remedy, role: string): string =>
  Object.entries(remedy)
    .map(([name, value]) => `set ${role}.${name} to ${JSON.stringify(value)}`)
    .join(' and ')
