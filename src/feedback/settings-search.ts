// Finds settings with which an endpoint answers a question: it is asked, and what it refuses, or answers in place of an
// option, says what to change. Of settings that work, those are taken that leave the least to other answers.
import type { EndpointSettings } from '../contracts/labeler-settings'
import { isUnanswered, logSumExp, saysSomething, type Labeler, type OptionAnswer, type Question } from './labeler'
import { formOf } from './request-form'
import { COUNTED, remedyFor, type Remedy } from './setting-remedy'
import { formatNumber } from '../number-format'

/** Settings that are tried, at most. */
const MOST_TRIED = 16
/** Probability of the options that is enough to look no further. */
const ENOUGH = 0.5
/** Tokens for thinking that are tried one after the other. */
const THINKING_TOKENS = [0, 1024, 4096, 16_384]
/** Dialects that continue a prefilled answer, from the most widely understood form. */
const CONTINUING = ['llama.cpp', 'vllm'] as const

/** What one try came to. */
export interface Tried {
  settings: EndpointSettings
  /** Why each setting differs from the given ones, in the endpoint's words. */
  because: string[]
  /** Probability of the options among all answers. */
  mass: number
  answer?: OptionAnswer
  /** Why there is no answer. */
  failed?: string
}

export type Open = (settings: EndpointSettings) => Promise<Labeler>

/** @returns the best of what was tried; it has no answer if none had */
export async function findSettings(
  open: Open,
  given: EndpointSettings,
  question: Question,
  options: readonly string[],
): Promise<Tried> {
  let waiting: Pick<Tried, 'settings' | 'because'>[] = [{ settings: given, because: [] }]
  const seen = new Set<string>()
  let best: Tried | undefined
  while (waiting.length > 0 && seen.size < MOST_TRIED) {
    const next = waiting.shift()!
    const key = JSON.stringify(Object.entries(next.settings).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (seen.has(key)) continue
    seen.add(key)
    const tried = { ...next, ...(await ask(await open(next.settings), question, options)) }
    if (best === undefined || tried.mass > best.mass || (tried.mass === 0 && best.mass === 0)) best = tried
    if (tried.mass >= ENOUGH) break
    const changed = remediesOf(tried).map(({ remedy, isLast = false }) => ({
      settings: { ...next.settings, ...remedy },
      because: [
        ...next.because,
        tried.failed ?? `only ${formatNumber(tried.mass, 2)} of the probability is on an option`,
      ],
      isLast,
    }))
    waiting = [...changed.filter(({ isLast }) => !isLast), ...waiting, ...changed.filter(({ isLast }) => isLast)]
  }
  return best!
}

async function ask(
  labeler: Labeler,
  question: Question,
  options: readonly string[],
): Promise<Pick<Tried, 'mass' | 'answer' | 'failed'>> {
  try {
    const [answer] = await labeler.ask([question], options)
    if (isUnanswered(answer)) return { mass: 0, failed: answer.failed }
    if (!saysSomething(answer!))
      return { mass: 0, failed: `none of ${options.join(', ')}; the likeliest is ${answer!.likeliest}` }
    const mass = answer!.counted === undefined ? Math.exp(logSumExp(answer!.logProbs) ?? -Infinity) : 1
    return { mass, answer: answer! }
  } catch (error) {
    return { mass: 0, failed: (error as Error).message }
  }
}

/** A change of settings; the last are tried when nothing else is left. */
type Change = { remedy: Remedy; isLast?: boolean }

/** What to change after a try without an answer, or with one that leaves much to others; the most promising first. */
function remediesOf({ settings, failed }: Tried): Change[] {
  if (failed === undefined) return prefilled(settings)
  const remedy = remedyFor(failed, settings)
  if (remedy) return [{ remedy }]
  if (/HTTP 40[13]/.test(failed))
    return settings.apiKeyEnv && settings.dialect !== 'azure' ? [{ remedy: { dialect: 'azure' } }] : []
  if (/thinks before|<think|\[THINK|◁think|channel\|>/i.test(failed)) return thoughtless(settings)
  if (/no log-probabilities/.test(failed)) return [{ remedy: { countedAnswers: COUNTED } }]
  if (formOf(settings).countedAnswers !== undefined) return withMoreTokens(settings)
  if (!/the likeliest is/.test(failed)) return []
  return [...prefilled(settings), { remedy: { countedAnswers: COUNTED }, isLast: true }]
}

const prefilled = (settings: EndpointSettings): Change[] =>
  settings.route === 'chat' && formOf(settings).continues === undefined
    ? CONTINUING.map((dialect) => ({ remedy: { dialect } }))
    : []

/** Thinking is switched off as the dialect has it, then as templates have it; else answers are counted behind it. */
function thoughtless(settings: EndpointSettings): Change[] {
  if (formOf(settings).countedAnswers !== undefined) return withMoreTokens(settings)
  const add = { ...settings.request?.add, chat_template_kwargs: { enable_thinking: false } }
  const inTemplate = { thinking: 'off' as const, request: { ...settings.request, add } }
  const counted = { thinking: 'strip' as const, countedAnswers: COUNTED, thinkingTokens: THINKING_TOKENS[1]! }
  const off = settings.thinking === 'off' ? [] : [{ remedy: { thinking: 'off' as const } }]
  return [...off, { remedy: inTemplate }, { remedy: counted, isLast: true }]
}

function withMoreTokens(settings: EndpointSettings): Change[] {
  const more = THINKING_TOKENS.find((tokens) => tokens > formOf(settings).thinkingTokens)
  return more === undefined ? [] : [{ remedy: { thinkingTokens: more } }]
}
