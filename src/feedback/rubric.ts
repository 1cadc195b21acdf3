// A rubric: weighted questions in words, each about one response (as in Gunjal et al., arXiv 2507.17746, and Viswanathan et
// al., arXiv 2507.18624, "explicit aggregation" of criteria).
//
//   s_k(y) = E[v | criterion k]                             expected value over the answers that the criterion lists
//   r(y)   = Σ_k w_k · ρ_k(s_k(y)) / Σ_k w_k               ρ_k: the linear map of its values to [−1, 1] (direct-score.ts)
//   p(y₁ ≻ y₂) = Σ_k w_k · p_k / Σ_k w_k                    p_k: that y₁ is at a higher level of k, given that they differ
//                                                           (pointwise.ts); sums over the criteria that can differ
//
// Departures from the cited works:
//   1. Probabilities of the answers are read, instead of one sampled answer: scores are expected values.
//   2. Criteria are those of the task, not written anew for each prompt.
//   3. A criterion in which both responses certainly are at one level says nothing, and is left out of a preference with
//      its weight. Where that is so in all criteria, there is no label.
//   4. A response of which one criterion got no answer has no score: no mean is taken over the others.
import type { Criterion, Task } from '../data/task'
import { askLevels, DIGITS, weighLevels, type Level, type LevelAnswer } from './answer-levels'
import { expectedScore, rewardScale } from './direct-score'
import { isUnanswered, type Labeler, type Question, type Unanswered } from './labeler'
import { shownAlone, type SingleResponse } from './prompt'

export const criterionLevels = ({ answers }: Criterion): readonly Level[] => answers ?? DIGITS

/** A criterion's question about one response, shown as the task's score question shows it. */
export const criterionQuestion = (
  { score }: Pick<Task, 'score'>,
  criterion: Criterion,
  one: SingleResponse,
): Question => ({
  text: `${criterion.question}\n\n${shownAlone(score, one)}\n`,
  ending: criterion.ending ?? 'Answer:',
})

/** What a rubric says of a response. */
export interface RubricScore {
  /** In [−1, 1]. */
  reward: number
  /** ρ_k(s_k) of each criterion, by its name. */
  criteria: Record<string, number>
}

/** The weighted mean; of several criteria with equal weights, their mean. */
export const weightedMean = (values: readonly number[], weights: readonly number[]): number =>
  values.reduce((sum, value, i) => sum + weights[i]! * value, 0) / weights.reduce((a, b) => a + b, 0)

/** One score for each response, in order. @param onProgress called with the number of responses scored so far */
export async function rubricScores(
  labeler: Labeler,
  rubric: readonly Criterion[],
  responses: readonly SingleResponse[],
  { task, onProgress }: { task: Task; onProgress?: ((done: number) => void) | undefined },
): Promise<(RubricScore | Unanswered)[]> {
  const rewards = await eachCriterion(rubric, onProgress, async (criterion, onAnswered) => {
    const levels = criterionLevels(criterion)
    const { rewardOf } = rewardScale(levels)
    const questions = responses.map((one) => criterionQuestion(task, criterion, one))
    return (await weighLevels(labeler, questions, levels, onAnswered)).map((weighed) =>
      isUnanswered(weighed) ? inCriterion(criterion, weighed) : rewardOf(expectedScore(weighed.weights, levels)),
    )
  })
  return responses.map((_, i) => {
    const values = rewards.map((ofCriterion) => ofCriterion[i]!)
    const failed = values.find(isUnanswered)
    if (failed) return failed
    const given = values as number[]
    return {
      reward: weightedMean(
        given,
        rubric.map(({ weight }) => weight),
      ),
      criteria: Object.fromEntries(rubric.map(({ name }, k) => [name, given[k]!])),
    }
  })
}

/** The probabilities of the levels of each criterion: [criterion][response]. */
export const rubricLevels = (
  labeler: Labeler,
  rubric: readonly Criterion[],
  responses: readonly SingleResponse[],
  { task, onProgress }: { task: Task; onProgress?: ((done: number) => void) | undefined },
): Promise<(LevelAnswer | Unanswered)[][]> =>
  eachCriterion(rubric, onProgress, async (criterion, onAnswered) => {
    const questions = responses.map((one) => criterionQuestion(task, criterion, one))
    const answers = await askLevels(labeler, questions, criterionLevels(criterion), onAnswered)
    return answers.map((answer) => (isUnanswered(answer) ? inCriterion(criterion, answer) : answer))
  })

const inCriterion = ({ name }: Criterion, { failed, ...rest }: Unanswered): Unanswered => ({
  failed: `criterion ${name}: ${failed}`,
  ...rest,
})

/** Asks one criterion after the other: progress is the mean over all of them. */
async function eachCriterion<T>(
  rubric: readonly Criterion[],
  onProgress: ((done: number) => void) | undefined,
  ask: (criterion: Criterion, onAnswered: (done: number) => void) => Promise<T>,
): Promise<T[]> {
  const done = rubric.map(() => 0)
  const results: T[] = []
  for (const [k, criterion] of rubric.entries())
    results.push(
      await ask(criterion, (answered) => {
        done[k] = answered
        onProgress?.(Math.floor(done.reduce((a, b) => a + b, 0) / rubric.length))
      }),
    )
  return results
}
