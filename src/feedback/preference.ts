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
import { askMembers, isJury, type Asked } from './jury'
import { juryLabel } from './jury-label'
import { judgePointwise } from './pointwise'
import type { PreferenceLabel } from './preference-label'
import { answerAfter, answerMark, preferenceQuestion, rationaleQuestion, type Pair } from './prompt'
import { principleOf } from './principles'
import { PLAIN, type Pairwise, type Technique } from './technique'

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
  /** Index of the principle that it shows. */
  principle?: number
}

export interface JudgingOptions {
  task: Task
  /** How a labeler is asked; default: `PLAIN`. The members of a jury have each their own. */
  technique?: Technique | undefined
  /** Seed of the sampled rationales. */
  seed: number
  /** Called with the number of pairs judged so far. */
  onProgress?: ((pairs: number) => void) | undefined
}

/** One label for each pair, in order. All questions are built at once: pass very many pairs in parts. */
export async function judgePairs(
  asked: Asked,
  pairs: readonly Pair[],
  { technique = PLAIN, ...options }: JudgingOptions,
): Promise<(PreferenceLabel | Unanswered)[]> {
  if (!isJury(asked)) return judgeAs(asked, pairs, { technique, ...options })
  const answers = await askMembers<PreferenceLabel>(
    asked,
    pairs.length,
    (juror, onProgress) => judgeAs(juror.labeler, pairs, { ...options, technique: juror.technique, onProgress }),
    options.onProgress,
  )
  return answers.map((each) => juryLabel(asked, each))
}

/** One labeler, as a technique asks it. */
async function judgeAs(
  labeler: Labeler,
  pairs: readonly Pair[],
  { technique, ...options }: JudgingOptions & { technique: Technique },
): Promise<(PreferenceLabel | Unanswered)[]> {
  const labels =
    technique.comparison === 'pointwise'
      ? await judgePointwise(labeler, pairs, { rubric: technique.guidance?.rubric, ...options })
      : await judgePairwise(labeler, pairs, { technique, ...options })
  return technique.labels === 'soft' ? labels : labels.map((label) => (isUnanswered(label) ? label : hardened(label)))
}

/** The label as 1 or 0, whichever is closer. */
const hardened = ({ preferFirst, ...label }: PreferenceLabel): PreferenceLabel => ({
  preferFirst: preferFirst === 0.5 ? preferFirst : Number(preferFirst > 0.5),
  ...label,
})

type PairwiseOptions = JudgingOptions & { technique: Technique & Pairwise }

async function judgePairwise(
  labeler: Labeler,
  pairs: readonly Pair[],
  options: PairwiseOptions,
): Promise<(PreferenceLabel | Unanswered)[]> {
  const { task, technique, onProgress } = options
  const all = pairs.flatMap((pair, i) => questionsOf(pair, i, options))
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
function questionsOf(pair: Pair, index: number, { task, technique, seed }: PairwiseOptions): PairQuestion[] {
  const principles = technique.guidance?.principles
  const swapped = { ...pair, first: pair.second, second: pair.first }
  const orders = technique.orders === 2 ? [pair, swapped] : [pair]
  const build = technique.chainOfThought ? rationaleQuestion : preferenceQuestion
  const samples = technique.chainOfThought ? technique.samples : 1
  return orders.flatMap((shown, order) =>
    Array.from({ length: samples }, (_, sample): PairQuestion => {
      const principle = principles && principleOf(pair, principles.length, seed, sample)
      const prompting = principle === undefined ? technique : { ...technique, principle: principles![principle]! }
      return {
        pair: index,
        order: order as 0 | 1,
        sample,
        question: build(task, prompting, shown),
        ...(principle !== undefined && { principle }),
      }
    }),
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
  const principles = questions.flatMap(({ order, principle }) => (order === 0 ? (principle ?? []) : []))
  return {
    preferFirst: firstIsBetter,
    slotOne,
    ...(read.some(({ bounded }) => bounded) && { bounded: true as const }),
    ...(counted !== undefined && { counted }),
    ...(rationales.length > 0 && { rationales }),
    ...(principles.length > 0 && { principles }),
  }
}

/**
 * Whether the same slot won in both orders: the labeler went by position, not by the text (paper, Appendix B).
 * Undefined if only one order was asked, or each response alone.
 */
export const choseSameSlot = ({ slotOne: [given, swapped] }: Pick<PreferenceLabel, 'slotOne'>): boolean | undefined =>
  swapped === undefined ? undefined : given! > 0.5 === swapped > 0.5
