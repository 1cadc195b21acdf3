// Preferences from answers about one response at a time: each is asked about alone, with the task's score question. The
// label is the probability that the first response is at a higher level, given that the two are at different levels:
//
//   p(pair) = Σ_{i>j} P₁(i) P₂(j) / (Σ_{i>j} P₁(i) P₂(j) + Σ_{i<j} P₁(i) P₂(j))      i, j: levels, ordered by their values
//
// With two levels this is σ(ℓ₁ − ℓ₂), where ℓ = log P(good) − log P(bad) of each response: the model of Bradley and
// Terry with ℓ as strength. No response has a slot, so there is no position bias. Where both are certain to be at the
// same level, they never differ, and there is no label.
import type { Task } from '../data/task'
import { askLevels, scoreLevels, type LevelAnswer } from './answer-levels'
import { scoreQuestion } from './direct-score'
import { isUnanswered, type Labeler, type Question, type Unanswered } from './labeler'
import type { Pair } from './prompt'

/**
 * Probability that the first is higher, given that the levels differ.
 * @param first probability of each level; likewise `second`
 * @param values of the levels
 * @returns undefined where the levels cannot differ
 */
export function probabilityOfHigher(
  first: readonly number[],
  second: readonly number[],
  values: readonly number[],
): number | undefined {
  let [higher, lower] = [0, 0]
  values.forEach((one, i) =>
    values.forEach((other, j) => {
      if (one > other) higher += first[i]! * second[j]!
      if (one < other) lower += first[i]! * second[j]!
    }),
  )
  return higher + lower > 0 ? higher / (higher + lower) : undefined
}

/** A preference label without slots. */
interface PointwiseLabel {
  preferFirst: number
  slotOne: never[]
  bounded?: true
  counted?: number
}

interface PointwiseOptions {
  task: Task
  /** Called with the number of pairs judged so far. */
  onProgress?: ((pairs: number) => void) | undefined
}

/** One label for each pair, in order. A response that stands in several pairs is asked about once. */
export async function judgePointwise(
  labeler: Labeler,
  pairs: readonly Pair[],
  { task, onProgress }: PointwiseOptions,
): Promise<(PointwiseLabel | Unanswered)[]> {
  const questions = new Map<string, Question>()
  const asked = pairs.map(({ context, first, second }) =>
    [first, second].map((response) => {
      const question = scoreQuestion(task, context, response)
      questions.set(question.text, question)
      return question.text
    }),
  )
  const levels = scoreLevels(task)
  const answers = await askLevels(labeler, [...questions.values()], levels, (done) =>
    onProgress?.(Math.floor((done * pairs.length) / questions.size)),
  )
  const answerOf = new Map([...questions.keys()].map((text, i) => [text, answers[i]!]))
  const values = levels.map(({ value }) => value)
  return asked.map(([first, second]) => labelFrom(answerOf.get(first!)!, answerOf.get(second!)!, values))
}

function labelFrom(
  first: LevelAnswer | Unanswered,
  second: LevelAnswer | Unanswered,
  values: readonly number[],
): PointwiseLabel | Unanswered {
  if (isUnanswered(first)) return first
  if (isUnanswered(second)) return second
  const preferFirst = probabilityOfHigher(first.probabilities, second.probabilities, values)
  if (preferFirst === undefined) {
    const level = values[first.probabilities.findIndex((p) => p > 0)]
    return { failed: `both responses have the value ${level} with certainty, so neither is preferred`, tied: true }
  }
  return {
    preferFirst,
    slotOne: [],
    ...((first.bounded || second.bounded) && { bounded: true as const }),
    ...(first.counted !== undefined && { counted: first.counted }),
  }
}
