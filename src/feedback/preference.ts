// Which of two responses is better, as a probability (paper §2.1, Appendix B, D, M).
//
//   p(question) = softmax over {"1", "2"} of the log-probabilities of the token after the ending, at "1"
//   p(pair)     = mean of p over the questions about a pair: one for each order of its two responses and, with chain
//                 of thought, for each rationale; 1 − p for questions that show the responses in swapped order.
//                 Probabilities are averaged, not logits.
//
// A task that asks for the WORSE response (harmless, Table 22) has its probability inverted, 1 − p: a label always says
// which response is better. What the paper leaves open, and what is done here:
//   1. One option missing from the returned list: it is given the least probability returned, the most it can have, and
//      the label is marked as bounded. Both missing: no label.
//   2. A question without an answer leaves the pair without a label: no average is taken over the other questions. An
//      empty rationale is no answer, nor is one that an endpoint cut off at `rationaleTokens`.
//   3. A hard label is 1 or 0, whichever is closer; a probability of exactly 0.5 stays 0.5.
import { mean } from '../mean'
import type { Task } from '../data/task'
import {
  insteadOf,
  isUnanswered,
  saysSomething,
  type Labeler,
  type OptionAnswer,
  type Question,
  type Unanswered,
} from './labeler'
import { judgePointwise } from './pointwise'
import { answerAfter, answerMark, preferenceQuestion, rationaleQuestion, type Pair, type Prompting } from './prompt'

/** How a labeler is asked about both responses of a pair. */
export interface Pairwise extends Prompting {
  comparison: 'pairwise'
  /** Number of rationales for each order (self-consistency, Appendix M). */
  samples: number
  /** Sampling temperature of the rationales; the answer is always read at temperature 1. */
  temperature: number
  /** Sample the rationales only from the k most likely tokens; 0 means all. */
  topK: number
  /** Maximum length of a rationale. */
  rationaleTokens: number
  /** 1 asks in the given order only, 2 in the swapped order as well. */
  orders: 1 | 2
  labels: 'soft' | 'hard'
}
/** Each response is asked about alone (pointwise.ts). */
export interface Pointwise {
  comparison: 'pointwise'
  labels: 'soft' | 'hard'
}
export type Technique = Pairwise | Pointwise

/** In how many orders a pair is asked; 0 where each response is asked about alone. */
export const ordersOf = (technique: Technique): 0 | 1 | 2 =>
  technique.comparison === 'pointwise' ? 0 : technique.orders

/** The zero-shot question in both orders. */
export const PLAIN: Pairwise = {
  comparison: 'pairwise',
  preamble: 'base',
  exemplars: 0,
  chainOfThought: false,
  samples: 1,
  temperature: 0,
  topK: 40,
  rationaleTokens: 512,
  orders: 2,
  labels: 'soft',
}

/** The label of one pair. */
export interface PreferenceLabel {
  /** Probability that the first response is the better one. */
  preferFirst: number
  /**
   * For each order, the probability of "1" as it was answered, neither swapped back nor inverted: shows position bias.
   * Empty where each response was asked about alone.
   */
  slotOne: number[]
  /** One option was missing from a returned list: the probability is a bound. */
  bounded?: true
  /** Probabilities are shares of this many sampled answers, from a labeler without log-probabilities. */
  counted?: number
  /** With chain of thought: the first rationale of each order. */
  rationales?: string[]
}

/** P("1") among "1" and "2", and whether it rests on a bound. */
export function slotOneProbability(answer: OptionAnswer): { p: number; bounded: boolean } | Unanswered {
  const [one, two] = answer.logProbs
  if (one === undefined && two === undefined)
    return { failed: `neither "1" nor "2" is among the returned tokens${insteadOf(answer)}` }
  if (!saysSomething(answer)) return { failed: `"1" and "2" both have probability 0${insteadOf(answer)}` }
  const least = answer.floor ?? -Infinity
  return { p: 1 / (1 + Math.exp((two ?? least) - (one ?? least))), bounded: one === undefined || two === undefined }
}

/** One question about a pair. */
interface PairQuestion {
  /** Index of the pair. */
  pair: number
  /** 0 shows the responses in the given order, 1 in swapped order. */
  order: 0 | 1
  /** Which of the rationales of this order it is for; 0 without chain of thought. */
  sample: number
  question: Question
  rationale?: string
}

export interface JudgingOptions {
  task: Task
  technique: Technique
  /** Seed of the sampled rationales. */
  seed: number
  /** Called with the number of pairs judged so far. */
  onProgress?: ((pairs: number) => void) | undefined
}

/** One label for each pair, in order. All questions are built at once: pass very many pairs in parts. */
export async function judgePairs(
  labeler: Labeler,
  pairs: readonly Pair[],
  { technique, ...options }: JudgingOptions,
): Promise<(PreferenceLabel | Unanswered)[]> {
  const labels =
    technique.comparison === 'pointwise'
      ? await judgePointwise(labeler, pairs, options)
      : await judgePairwise(labeler, pairs, { technique, ...options })
  return technique.labels === 'soft' ? labels : labels.map((label) => (isUnanswered(label) ? label : hardened(label)))
}

/** The label as 1 or 0, whichever is closer. */
const hardened = ({ preferFirst, ...label }: PreferenceLabel): PreferenceLabel => ({
  preferFirst: preferFirst === 0.5 ? preferFirst : Number(preferFirst > 0.5),
  ...label,
})

type PairwiseOptions = JudgingOptions & { technique: Pairwise }

async function judgePairwise(
  labeler: Labeler,
  pairs: readonly Pair[],
  options: PairwiseOptions,
): Promise<(PreferenceLabel | Unanswered)[]> {
  const { task, technique, onProgress } = options
  const all = pairs.flatMap((pair, i) => questionsOf(task, technique, pair, i))
  const steps = technique.chainOfThought ? 2 : 1
  let answered = 0
  const onAnswer = () => onProgress?.(Math.floor((++answered * pairs.length) / (all.length * steps)))

  const { questions, failures } = technique.chainOfThought
    ? await withRationales(labeler, all, options, onAnswer)
    : { questions: all, failures: new Map<number, Unanswered>() }
  const answers = await labeler.ask(
    questions.map(({ question }) => question),
    ['1', '2'],
    onAnswer,
  )
  const ofPair: AnsweredQuestion[][] = pairs.map(() => [])
  questions.forEach((question, i) => ofPair[question.pair]!.push({ ...question, answer: answers[i]! }))
  return ofPair.map((answered, i) => failures.get(i) ?? labelFrom(answered, task.preference.asksForWorse, technique))
}

/** The questions about one pair: for each order and, with chain of thought, each rationale. */
function questionsOf(task: Task, technique: Pairwise, pair: Pair, index: number): PairQuestion[] {
  const swapped = { ...pair, first: pair.second, second: pair.first }
  const orders = technique.orders === 2 ? [pair, swapped] : [pair]
  const build = technique.chainOfThought ? rationaleQuestion : preferenceQuestion
  const samples = technique.chainOfThought ? technique.samples : 1
  return orders.flatMap((shown, order) =>
    Array.from({ length: samples }, (_, sample) => ({
      pair: index,
      order: order as 0 | 1,
      sample,
      question: build(task, technique, shown),
    })),
  )
}

/**
 * Has the rationales written and appends each to its question. A pair with a rationale that failed is among `failures`,
 * and none of its questions is asked.
 */
async function withRationales(
  labeler: Labeler,
  questions: readonly PairQuestion[],
  { task, technique, seed }: PairwiseOptions,
  onAnswer: () => void,
): Promise<{ questions: PairQuestion[]; failures: Map<number, Unanswered> }> {
  const { rationaleTokens: maxTokens, temperature, topK } = technique
  const reasoned: PairQuestion[] = []
  const failures = new Map<number, Unanswered>()
  for (let sample = 0; sample < technique.samples; sample++) {
    const ofSample = questions.filter((question) => question.sample === sample)
    const rationales = await labeler.write(
      ofSample.map(({ question }) => question),
      { maxTokens, temperature, topK, seed: seed + sample, endsBefore: answerMark(task) },
      onAnswer,
    )
    ofSample.forEach((question, i) => {
      const written = rationales[i]!
      if (isUnanswered(written)) return failures.set(question.pair, written)
      const rationale = typeof written === 'string' ? written : written.text
      return reasoned.push({ ...question, question: answerAfter(question.question, rationale, task), rationale })
    })
  }
  return { questions: reasoned.filter(({ pair }) => !failures.has(pair)), failures }
}

type AnsweredQuestion = PairQuestion & { answer: OptionAnswer | Unanswered }

/** The label of a pair from the answers to all its questions. */
function labelFrom(
  questions: readonly AnsweredQuestion[],
  asksForWorse: boolean,
  { orders }: Pairwise,
): PreferenceLabel | Unanswered {
  const read: { order: number; p: number; bounded: boolean; counted?: number | undefined }[] = []
  for (const { answer, order } of questions) {
    const slot = isUnanswered(answer) ? answer : slotOneProbability(answer)
    if (isUnanswered(slot)) return slot
    read.push({ order, ...slot, counted: (answer as OptionAnswer).counted })
  }
  const slotOne = Array.from({ length: orders }, (_, order) =>
    mean(read.filter((question) => question.order === order).map(({ p }) => p)),
  )
  const namesFirst = mean(slotOne.map((p, order) => (order === 0 ? p : 1 - p))) // swapped order: "1" is the second
  const firstIsBetter = asksForWorse ? 1 - namesFirst : namesFirst // the harmless inversion
  const rationales = questions
    .filter(({ sample }) => sample === 0)
    .flatMap(({ rationale }) => (rationale === undefined ? [] : [rationale]))
  const counted = read[0]?.counted
  return {
    preferFirst: firstIsBetter,
    slotOne,
    ...(read.some(({ bounded }) => bounded) && { bounded: true as const }),
    ...(counted !== undefined && { counted }),
    ...(rationales.length > 0 && { rationales }),
  }
}

/**
 * Whether the same slot won in both orders: the labeler went by position, not by the text (paper, Appendix B).
 * Undefined if only one order was asked, or each response alone.
 */
export const choseSameSlot = ({ slotOne: [given, swapped] }: Pick<PreferenceLabel, 'slotOne'>): boolean | undefined =>
  swapped === undefined ? undefined : given! > 0.5 === swapped > 0.5
