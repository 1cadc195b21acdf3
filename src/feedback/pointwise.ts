// Preferences from answers about one response at a time: each is asked about alone, with the task's score question. The
// label is the probability that the first response is at a higher level, given that the two are at different levels:
//
//   p(pair) = Σ_{i>j} P₁(i) P₂(j) / (Σ_{i>j} P₁(i) P₂(j) + Σ_{i<j} P₁(i) P₂(j))      i, j: levels, ordered by their values
//
// With two levels this is σ(ℓ₁ − ℓ₂), where ℓ = log P(good) − log P(bad) of each response: the model of Bradley and
// Terry with ℓ as strength. No response has a slot, so there is no position bias. Where both are certain to be at the
// same level, they never differ, and there is no label.
import type { Criterion, Task } from '../data/task'
import { askLevels, scoreLevels, type LevelAnswer } from './answer-levels'
import { scoreQuestion } from './direct-score'
import { isUnanswered, type Labeler, type Question, type Unanswered } from './labeler'
import type { Pair, SingleResponse } from './prompt'
import { criterionLevels, rubricLevels, weightedMean } from './rubric'

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
  /** By a rubric: the preference by each criterion alone. */
  criteria?: Record<string, number | null>
}

interface PointwiseOptions {
  task: Task
  /** Asked in place of the task's score question. */
  rubric?: readonly Criterion[] | undefined
  /** Called with the number of pairs judged so far. */
  onProgress?: ((pairs: number) => void) | undefined
}

/** One label for each pair, in order. A response that stands in several pairs is asked about once. */
export async function judgePointwise(
  labeler: Labeler,
  pairs: readonly Pair[],
  { task, rubric, onProgress }: PointwiseOptions,
): Promise<(PointwiseLabel | Unanswered)[]> {
  if (rubric) return judgeByRubric(labeler, pairs, rubric, { task, onProgress })
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

/** The weighted mean of the preferences by each criterion (rubric.ts). */
async function judgeByRubric(
  labeler: Labeler,
  pairs: readonly Pair[],
  rubric: readonly Criterion[],
  { task, onProgress }: PointwiseOptions,
): Promise<(PointwiseLabel | Unanswered)[]> {
  const shown = new Map<string, { at: number; one: SingleResponse }>()
  const asked = pairs.map(({ context, first, second }) =>
    [first, second].map((response) => {
      const key = JSON.stringify([context, response])
      if (!shown.has(key)) shown.set(key, { at: shown.size, one: { context, response } })
      return shown.get(key)!.at
    }),
  )
  const responses = [...shown.values()].map(({ one }) => one)
  const answers = await rubricLevels(labeler, rubric, responses, {
    task,
    onProgress: (done) => onProgress?.(Math.floor((done * pairs.length) / responses.length)),
  })
  return asked.map(([first, second]) =>
    rubricLabel(
      rubric,
      rubric.map((criterion, k) => {
        const values = criterionLevels(criterion).map(({ value }) => value)
        return labelFrom(answers[k]![first!]!, answers[k]![second!]!, values)
      }),
    ),
  )
}

/** @param labels by each criterion */
function rubricLabel(
  rubric: readonly Criterion[],
  labels: readonly (PointwiseLabel | Unanswered)[],
): PointwiseLabel | Unanswered {
  const failed = labels.find((label) => isUnanswered(label) && !label.tied)
  if (failed) return failed as Unanswered
  const differing = labels.flatMap((label, k) => (isUnanswered(label) ? [] : [{ label, weight: rubric[k]!.weight }]))
  if (differing.length === 0)
    return { failed: 'both responses are at the same level of every criterion with certainty', tied: true }
  const counted = differing[0]!.label.counted
  return {
    preferFirst: weightedMean(
      differing.map(({ label }) => label.preferFirst),
      differing.map(({ weight }) => weight),
    ),
    slotOne: [],
    ...(differing.some(({ label }) => label.bounded) && { bounded: true as const }),
    ...(counted !== undefined && { counted }),
    criteria: Object.fromEntries(
      labels.map((label, k) => [rubric[k]!.name, isUnanswered(label) ? null : label.preferFirst]),
    ),
  }
}
