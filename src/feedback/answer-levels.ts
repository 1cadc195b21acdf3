// How likely each of several answers is, where an answer is a digit or a word with a value and may be spelled in several
// ways: P(level) = Σ P(spelling).
//
// A vocabulary may split a spelling into several tokens, of which only the first is read. A beginning that was returned
// in place of a spelling counts for the level that it leads to. Where it leads to more than one, or is itself a spelling
// of another, as "1" is the beginning of "10", a second question with the beginning after the ending separates them:
//   P(10) = P("1") · P("0" | "1"),   P(1) = P("1") · (1 − P("0" | "1"))
//
// A level of which nothing was returned has weight 0, as missing digits do in direct scores. Its probability is a bound,
// and the answer is marked as bounded, as with a missing "1" or "2" (preference.ts): the least that was returned, where
// all that was not returned leaves as much.
import type { Task } from '../data/task'
import { insteadOf, isUnanswered, type Labeler, type OptionAnswer, type Question, type Unanswered } from './labeler'

/** One possible answer. */
export interface Level {
  /** The words or numbers that are this answer, each without spaces. */
  spellings: readonly string[]
  value: number
}

export interface LevelAnswer {
  /** One for each level; they sum to 1. */
  probabilities: number[]
  /** A level was not among the returned tokens: its probability is the most it can be. */
  bounded?: true
  /** Probabilities are shares of this many sampled answers. */
  counted?: number
}

/** The scores from 1 to 10 of the paper's direct reward. */
export const DIGITS: readonly Level[] = Array.from({ length: 10 }, (_, i) => ({
  spellings: [`${i + 1}`],
  value: i + 1,
}))

/** The answers to a task's direct score. */
export const scoreLevels = (task: Pick<Task, 'score'>): readonly Level[] => task.score.answers ?? DIGITS

/**
 * One answer for each question, in order.
 * @param levels no two of them may share a spelling
 * @param onProgress called with the number of questions answered so far
 */
export async function askLevels(
  labeler: Labeler,
  questions: readonly Question[],
  levels: readonly Level[],
  onProgress?: (answered: number) => void,
): Promise<(LevelAnswer | Unanswered)[]> {
  return (await weighLevels(labeler, questions, levels, onProgress)).map((weighed) =>
    isUnanswered(weighed) ? weighed : normalized(weighed),
  )
}

function normalized({ weights, most, counted }: LevelWeights): LevelAnswer {
  const isMissing = weights.map((weight, level) => weight === 0 && most[level] !== undefined)
  const filled = weights.map((weight, level) => (isMissing[level] ? most[level]! : weight))
  const total = filled.reduce((a, b) => a + b, 0)
  return {
    probabilities: filled.map((weight) => weight / total),
    ...(isMissing.includes(true) && { bounded: true as const }),
    ...(counted !== undefined && { counted }),
  }
}

/** What was found of each level. */
export interface LevelWeights {
  /** Probability of each level among all answers, not normalized; 0 where nothing of it was returned. */
  weights: number[]
  /** Where nothing of a level was returned, the most it can have. */
  most: (number | undefined)[]
  counted?: number | undefined
  likeliest?: string | undefined
}

/** The probabilities before they are normalized. At least one level of each answer has a weight above 0. */
export async function weighLevels(
  labeler: Labeler,
  questions: readonly Question[],
  levels: readonly Level[],
  onProgress?: (answered: number) => void,
): Promise<(LevelWeights | Unanswered)[]> {
  const texts = levels.map(({ spellings }) => spellings)
  return (await weigh(labeler, questions, texts, startWord, onProgress)).map((weighed) =>
    isUnanswered(weighed) || weighed.weights.some((weight) => weight > 0)
      ? weighed
      : { failed: `${noneOf(levels)} is among the returned tokens${insteadOf(weighed)}` },
  )
}

function noneOf(levels: readonly Level[]): string {
  const spellings = levels.flatMap(({ spellings }) => spellings)
  if (levels.every(({ spellings, value }) => spellings.join() === `${value}`))
    return `no score from ${spellings[0]} to ${spellings.at(-1)}`
  return `none of ${spellings.map((spelling) => JSON.stringify(spelling)).join(', ')}`
}

const ROUNDING = 1e-12

/** For each level, the texts that are it or, after a beginning, what remains of them. */
type Texts = readonly (readonly string[])[]

/** What is asked for at one place. */
interface Asked {
  texts: Texts
  /** The texts, and the beginnings that may be returned in their place. */
  options: string[]
  beginnings: ReadonlyMap<string, readonly string[]>
}

/** A returned text that leads to several levels, or is one and leads to another. */
interface Fork {
  text: string
  probability: number
  /** For each level, whether the text is itself one of its spellings. */
  isOwn: boolean[]
  /** For each level, what remains of its texts. */
  rest: string[][]
}

/**
 * The same, but a question of which nothing was found has no failure.
 * @param continued for a question and a beginning, the question that goes on after it
 */
async function weigh(
  labeler: Labeler,
  questions: readonly Question[],
  texts: Texts,
  continued = startWord,
  onProgress?: (answered: number) => void,
): Promise<(LevelWeights | Unanswered)[]> {
  const asked = askedFor(labeler, questions, texts)
  let answered = 0
  const answers = await labeler.ask(questions, asked.options, () => onProgress?.(++answered))
  const read = answers.map((answer) => (isUnanswered(answer) ? answer : readAnswer(answer, asked)))
  const weighed = read.map((one) => (isUnanswered(one) ? one : one.weighed))
  const forks = read.flatMap((one, question) =>
    isUnanswered(one) ? [] : one.forks.map((fork) => ({ question, fork })),
  )
  for (const alike of groupsOf(forks, ({ fork: { text, rest } }) => JSON.stringify([text, rest]))) {
    const extended = alike.map(({ question, fork }) => continued(questions[question]!, fork.text))
    const again = onProgress && (() => onProgress(answered))
    const after = await weigh(labeler, extended, alike[0]!.fork.rest, continueWord, again)
    alike.forEach(({ question, fork }, i) => (weighed[question] = withFork(weighed[question]!, fork, after[i]!)))
  }
  return weighed
}

/** A labeler whose vocabulary is not known may return any beginning of a text. */
function askedFor(labeler: Labeler, questions: readonly Question[], texts: Texts): Asked {
  const endings = [...new Set(questions.map(({ ending }) => ending))]
  const beginningsOf = (text: string) =>
    labeler.beginnings
      ? [...new Set(endings.flatMap((ending) => labeler.beginnings!(ending, text)))]
      : properPrefixes(text)
  const beginnings = new Map(texts.flat().map((text) => [text, beginningsOf(text)]))
  return { texts, beginnings, options: [...new Set([...beginnings.keys(), ...[...beginnings.values()].flat()])] }
}

const properPrefixes = (text: string): string[] => [...text].slice(1).map((_, i) => [...text].slice(0, i + 1).join(''))

/** Adds up what leads to one level; what leads to several is among `forks`. */
function readAnswer(
  { logProbs, floor, counted, likeliest }: OptionAnswer,
  { texts, options, beginnings }: Asked,
): { weighed: LevelWeights; forks: Fork[] } {
  const isMissing = (text: string) => logProbs[options.indexOf(text)] === undefined
  const isFound = texts.map((ofLevel) => ofLevel.length === 0)
  const weights = texts.map(() => 0)
  const forks: Fork[] = []
  options.forEach((text, i) => {
    if (logProbs[i] === undefined) return
    const leadsTo = (whole: string) => isMissing(whole) && beginnings.get(whole)!.includes(text)
    const rest = texts.map((ofLevel) => ofLevel.filter(leadsTo).map((whole) => whole.slice(text.length)))
    const isOwn = texts.map((ofLevel) => ofLevel.includes(text))
    const reached = texts.flatMap((_, level) => (isOwn[level] || rest[level]!.length > 0 ? [level] : []))
    const probability = Math.exp(logProbs[i])
    for (const level of reached) isFound[level] = true
    if (reached.length === 1) weights[reached[0]!]! += probability
    if (reached.length > 1) forks.push({ text, probability, isOwn, rest })
  })
  const left = notReturned(logProbs) / isFound.filter((found) => !found).length
  const most = isFound.map((found) => (found ? undefined : Math.min(Math.exp(floor ?? -Infinity), left)))
  return { weighed: { weights, most, counted, likeliest }, forks }
}

/** What the returned probabilities leave to all other tokens; less than their rounding is nothing. */
function notReturned(logProbs: OptionAnswer['logProbs']): number {
  const left = logProbs.reduce((rest: number, logProb) => rest - Math.exp(logProb ?? -Infinity), 1)
  return left > ROUNDING ? left : 0
}

/** The question after the first letters of the answer. A word is set off by a space, as it is written. */
function startWord({ text, ending }: Question, letters: string): Question {
  const isSetOff = /[\w:]$/.test(ending) && /^\p{L}/u.test(letters)
  return { text, ending: `${ending}${isSetOff ? ' ' : ''}${letters}` }
}

const continueWord = ({ text, ending }: Question, letters: string): Question => ({ text, ending: ending + letters })

/** Divides the probability of a fork among its levels. */
function withFork(
  weighed: LevelWeights | Unanswered,
  { probability, isOwn }: Fork,
  after: LevelWeights | Unanswered,
): LevelWeights | Unanswered {
  if (isUnanswered(weighed)) return weighed
  if (isUnanswered(after)) return after
  const parts = after.weights.map((weight) => probability * weight)
  const left = parts.reduce((rest, part) => Math.max(0, rest - part), probability)
  const weights = weighed.weights.map((weight, level) => weight + parts[level]! + (isOwn[level] ? left : 0))
  return { ...weighed, weights }
}

function groupsOf<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return [...groups.values()]
}
