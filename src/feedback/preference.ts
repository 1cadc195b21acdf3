// Which of two responses is better, as a probability (paper §2.1, Appendix B, D, M).
//
//   p(question) = softmax over {"1", "2"} of the log-probabilities of the token after the ending
//   p       = mean over questions of p, a question being an order of the two responses and, with chain of thought, one rationale;
//             questions in the second order are turned round before. Probabilities are averaged, not logits.
//
// A task that asks for the WORSE response (harmless, Table 22) has its answer turned round before anything else sees
// it. What the paper leaves open, and what is done here:
//   1. One option missing from the returned list: it is given the least probability returned, the most it can have, and the
//      label is marked as bounded. Both missing: no label.
//   2. A question without an answer leaves the pair without a label; nothing is averaged over what happened to come back.
//   3. A hard label is 1 or 0 by the larger probability; equal ones stay 0.5.
import { mean } from '../mean'
import type { Task } from '../data/task'
import { isUnanswered, type Labeler, type OptionAnswer, type Question, type Unanswered } from './labeler'
import { answerAfter, preferenceQuestion, rationaleQuestion, type Pair, type Prompting } from './prompt'

export interface Technique extends Prompting {
  /** Rationales for each order (self-consistency, Appendix M). */
  samples: number
  /** Of the rationales; the answer is always read at temperature 1. */
  temperature: number
  topK: number
  rationaleTokens: number
  /** 1 asks the given order alone. */
  orders: 1 | 2
  labels: 'soft' | 'hard'
}

/** The plain question in both orders. */
export const PLAIN: Technique = {
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

/** A judged pair. */
export interface PreferenceLabel {
  /** Probability that the first response is the better one. */
  preferFirst: number
  /**
   * Of each order, the probability given to whatever stood in slot 1, before turning round: shows a liking for a slot.
   */
  slotOne: number[]
  /** One option was missing from a returned list: the probability is a bound. */
  bounded?: true
  /** Shares of so many sampled answers, from a labeler without log-probabilities. */
  counted?: number
  /** With chain of thought: the first rationale of each order. */
  rationales?: string[]
}

/** P("1") among "1" and "2", and whether it rests on a bound. */
export function slotOneProbability(answer: OptionAnswer): { p: number; bounded: boolean } | Unanswered {
  const [one, two] = answer.logProbs
  if (one === undefined && two === undefined) return { failed: 'neither "1" nor "2" is among the returned tokens' }
  if (one === -Infinity && two === -Infinity) return { failed: '"1" and "2" both have probability 0' }
  const least = answer.floor ?? -Infinity
  return { p: 1 / (1 + Math.exp((two ?? least) - (one ?? least))), bounded: one === undefined || two === undefined }
}

/** One question of a pair. */
interface PairQuestion {
  pair: number
  order: 0 | 1
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
  { task, technique, seed, onProgress }: JudgingOptions,
): Promise<(PreferenceLabel | Unanswered)[]> {
  const questions = pairs.flatMap((pair, i) => questionsOf(task, technique, pair, i))
  const failures = new Map<number, Unanswered>()
  const steps = technique.chainOfThought ? 2 : 1
  let answered = 0
  const count = () => onProgress?.(Math.floor((++answered * pairs.length) / (questions.length * steps)))

  const written = technique.chainOfThought
    ? await withRationales(labeler, task, questions, technique, seed, failures, count)
    : questions
  const answers = await labeler.ask(
    written.map(({ question }) => question),
    ['1', '2'],
    count,
  )
  const judged: AnsweredQuestion[][] = pairs.map(() => [])
  written.forEach((question, i) => judged[question.pair]!.push({ ...question, answer: answers[i]! }))
  return judged.map((own, i) => failures.get(i) ?? combine(own, task.preference.asksForWorse, technique))
}

function questionsOf(task: Task, technique: Technique, pair: Pair, i: number): PairQuestion[] {
  const swapped = { ...pair, first: pair.second, second: pair.first }
  const orders = technique.orders === 2 ? [pair, swapped] : [pair]
  const ask = technique.chainOfThought ? rationaleQuestion : preferenceQuestion
  const samples = technique.chainOfThought ? technique.samples : 1
  return orders.flatMap((shown, order) =>
    Array.from({ length: samples }, (_, sample) => ({
      pair: i,
      order: order as 0 | 1,
      sample,
      question: ask(task, technique, shown),
    })),
  )
}

/** Writes the rationales; a pair with one that failed is put into `failures` and asked nothing more. */
async function withRationales(
  labeler: Labeler,
  task: Task,
  questions: readonly PairQuestion[],
  technique: Technique,
  seed: number,
  failures: Map<number, Unanswered>,
  count: () => void,
): Promise<PairQuestion[]> {
  const { rationaleTokens: maxTokens, temperature, topK } = technique
  const out: PairQuestion[] = []
  for (let sample = 0; sample < technique.samples; sample++) {
    const own = questions.filter((question) => question.sample === sample)
    const rationales = await labeler.write(
      own.map(({ question }) => question),
      { maxTokens, temperature, topK, seed: seed + sample },
      count,
    )
    own.forEach((question, i) => {
      const rationale = rationales[i]!
      if (isUnanswered(rationale)) failures.set(question.pair, rationale)
      else out.push({ ...question, question: answerAfter(question.question, rationale, task), rationale })
    })
  }
  return out.filter(({ pair }) => !failures.has(pair))
}

type AnsweredQuestion = PairQuestion & { answer: OptionAnswer | Unanswered }

function combine(
  questions: readonly AnsweredQuestion[],
  asksForWorse: boolean,
  technique: Technique,
): PreferenceLabel | Unanswered {
  const read: { order: number; p: number; bounded: boolean; counted?: number | undefined }[] = []
  for (const { answer, order } of questions) {
    const slot = isUnanswered(answer) ? answer : slotOneProbability(answer)
    if (isUnanswered(slot)) return slot
    read.push({ order, ...slot, counted: (answer as OptionAnswer).counted })
  }
  const slotOne = Array.from({ length: technique.orders }, (_, order) =>
    mean(read.filter((question) => question.order === order).map(({ p }) => p)),
  )
  const named = mean(slotOne.map((p, order) => (order === 0 ? p : 1 - p)))
  const better = asksForWorse ? 1 - named : named
  const rationales = questions
    .filter(({ sample }) => sample === 0)
    .flatMap(({ rationale }) => (rationale === undefined ? [] : [rationale]))
  const counted = read[0]?.counted
  return {
    preferFirst: technique.labels === 'hard' && better !== 0.5 ? Number(better > 0.5) : better,
    slotOne,
    ...(read.some(({ bounded }) => bounded) && { bounded: true as const }),
    ...(counted !== undefined && { counted }),
    ...(rationales.length > 0 && { rationales }),
  }
}

/**
 * Whether the same slot won in both orders: the labeler looked at the place, not at the text (paper, Appendix B).
 * Undefined where one order was asked.
 */
export const choseSameSlot = ({
  slotOne: [straight, swapped],
}: Pick<PreferenceLabel, 'slotOne'>): boolean | undefined =>
  swapped === undefined ? undefined : straight! > 0.5 === swapped > 0.5
