// Six questions to an endpoint: what it can do, what they take, and which settings it needs. The first finds settings
// with which it answers at all; the others show the position bias of a pair, scores, rationales, and whether the same
// question gets the same answer.
import type { EndpointSettings } from '../contracts/labeler-settings'
import { addUsage, noUsage, type Usage } from '../contracts/usage'
import type { Task } from '../data/task'
import { askLevels, scoreLevels } from './answer-levels'
import { scoreQuestion } from './direct-score'
import type { EndpointLabeler } from './endpoint-labeler'
import { isUnanswered, type Question, type Unanswered } from './labeler'
import { slotOneProbability } from './preference'
import { PLAIN } from './technique'
import { answerAfter, answerMark, preferenceQuestion, rationaleQuestion, type Pair } from './prompt'
import { formOf } from './request-form'
import { findSettings } from './settings-search'
import { counted, formatNumber } from '../number-format'

const OPTIONS = ['1', '2']
/** Two responses of which nobody prefers the second. */
const PAIR: Pair = {
  context: 'I have to be at the airport at six tomorrow morning and my car is broken. How do I get there?',
  first: 'Book a taxi tonight for half past four, and ask for a confirmation by message.',
  second: 'Airports are places where planes land.',
}
const SHORT_RATIONALE = 256

/** One of the questions, and what came of it. */
export interface Finding {
  asked: string
  said: string
  isGood: boolean
}

export interface EndpointCheck {
  /** With which it was asked in the end: the given ones, with what had to change. */
  settings: EndpointSettings
  /** Names of settings that had to change. */
  changed: string[]
  /** Why, in the endpoint's words. */
  because: string[]
  findings: Finding[]
  usage: Usage
  /** The endpoint labels pairs. */
  isUsable: boolean
}

type Open = (settings: EndpointSettings) => Promise<EndpointLabeler>

/** @param open opens the endpoint with these settings */
export async function checkEndpoint(open: Open, given: EndpointSettings, task: Task): Promise<EndpointCheck> {
  const opened: EndpointLabeler[] = []
  const opening = async (settings: EndpointSettings) => {
    const labeler = await open({ ...settings, retries: Math.min(settings.retries, 1), concurrency: 1 })
    opened.push(labeler)
    return labeler
  }
  const question = preferenceQuestion(task, PLAIN, PAIR)
  const found = await findSettings(opening, given, question, OPTIONS)
  const isUsable = found.answer !== undefined
  const first = isUsable ? shown(slotOneProbability(found.answer!)) : found.failed!
  const labeler = await opening(found.settings)
  const rest = isUsable ? await otherQuestions(labeler, task, found.settings, first) : []
  const usage = noUsage()
  for (const one of opened) addUsage(usage, one.usage)
  return {
    settings: found.settings,
    changed: Object.keys(found.settings).filter((name) => isOther(given, found.settings, name)),
    because: [...new Set(found.because)],
    findings: [{ asked: 'a pair', said: first, isGood: isUsable }, ...rest],
    usage,
    isUsable,
  }
}

const isOther = (a: object, b: object, name: string): boolean =>
  JSON.stringify(a[name as keyof typeof a]) !== JSON.stringify(b[name as keyof typeof b])

async function otherQuestions(
  labeler: EndpointLabeler,
  task: Task,
  settings: EndpointSettings,
  first: string,
): Promise<Finding[]> {
  const swapped = preferenceQuestion(task, PLAIN, { ...PAIR, first: PAIR.second, second: PAIR.first })
  const again = await asked(labeler, preferenceQuestion(task, PLAIN, PAIR))
  return [
    { asked: 'the pair in the other order', ...(await asked(labeler, swapped)) },
    { asked: 'a score of one response', ...(await askedScore(labeler, task)) },
    ...(await askedRationale(labeler, task, settings)),
    {
      asked: 'the first pair again',
      said: again.said === first ? 'the same answer' : again.said,
      isGood: again.isGood,
    },
  ]
}

const failed = (said: string) => ({ said, isGood: false })
const shown = (read: ReturnType<typeof slotOneProbability>): string =>
  isUnanswered(read) ? read.failed : `P("1") = ${formatNumber(read.p, 3)}${read.bounded ? ', a bound' : ''}`

/** An error of a question is its finding: the others are asked all the same. */
const orFailed = async <T>(answer: Promise<(T | Unanswered)[]>): Promise<T | Unanswered> => {
  try {
    return (await answer)[0]!
  } catch (error) {
    return { failed: (error as Error).message }
  }
}

async function asked(labeler: EndpointLabeler, question: Question): Promise<Omit<Finding, 'asked'>> {
  const answer = await orFailed(labeler.ask([question], OPTIONS))
  if (isUnanswered(answer)) return failed(answer.failed)
  const read = slotOneProbability(answer)
  return { said: shown(read), isGood: !isUnanswered(read) }
}

async function askedScore(labeler: EndpointLabeler, task: Task): Promise<Omit<Finding, 'asked'>> {
  const levels = scoreLevels(task)
  const answer = await orFailed(askLevels(labeler, [scoreQuestion(task, PAIR.context, PAIR.first)], levels))
  if (isUnanswered(answer)) return failed(answer.failed)
  const score = answer.probabilities.reduce((sum, p, i) => sum + p * levels[i]!.value, 0)
  const bound = answer.bounded ? '; some answers were not returned: their probability is a bound' : ''
  return { said: `expected value ${formatNumber(score, 2)}${bound}`, isGood: true }
}

async function askedRationale(labeler: EndpointLabeler, task: Task, settings: EndpointSettings): Promise<Finding[]> {
  const ask = rationaleQuestion(task, { ...PLAIN, chainOfThought: true }, PAIR)
  const maxTokens = settings.comparison === 'pairwise' ? settings.rationaleTokens : SHORT_RATIONALE
  const writing = { maxTokens, temperature: 0, topK: 0, seed: 1, endsBefore: answerMark(task) }
  const written = await orFailed(labeler.write([ask], writing))
  const answerAsked = 'the answer after it'
  if (isUnanswered(written))
    return [
      { asked: 'a rationale', ...failed(written.failed) },
      { asked: answerAsked, ...failed('not asked: there is no rationale') },
    ]
  const text = typeof written === 'string' ? written : written.text
  return [
    {
      asked: 'a rationale',
      said: `${JSON.stringify(text.slice(0, 60))}, ${counted(text.length, 'character')}`,
      isGood: true,
    },
    { asked: answerAsked, ...(await asked(labeler, answerAfter(ask, text, task))) },
  ]
}

/** Whether probabilities are read, and from how many tokens, or counted. */
export const probabilitiesOf = (settings: EndpointSettings): string => {
  const { countedAnswers, topLogProbs, continues } = formOf(settings)
  const read = countedAnswers
    ? `no log-probabilities: ${countedAnswers} sampled answers are counted`
    : `log-probabilities of the ${topLogProbs} likeliest tokens`
  return `${read}; ${continues && settings.route === 'chat' ? 'continues a prefilled answer' : 'the answer begins a new turn'}`
}
