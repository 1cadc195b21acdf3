// The direct reward: the expected value of the labeler's answer about one response, mapped to [-1, 1] (paper §2.2.2
// "direct RLAIF", Appendix D). The paper asks for a score from 1 to 10; a task may list other answers with their values.
//
//   s = Σ v · P(v) / Σ P(v)        r = (s − (min + max) / 2) / ((max − min) / 2),   min, max: smallest and largest value
//
// For 1 … 10 that is r = (s − 5.5) / 4.5. An answer that was not returned has probability 0.
import type { Task } from '../data/task'
import { DIGITS, weighLevels, type Level } from './answer-levels'
import { isUnanswered, type Labeler, type Question, type Unanswered } from './labeler'
import { shownAlone } from './prompt'
import { largest, smallest } from '../extremes'

/** @param context not shown where the task has no text to put before it */
export const scoreQuestion = ({ score }: Pick<Task, 'score'>, context: string, response: string): Question => ({
  text: `${score.preamble}\n\n${shownAlone(score, { context, response })}\n`,
  ending: score.ending,
})

/** Removes trailing full stops and spaces, which policies learn to add (paper, Appendix E); one full stop is left. */
export function stripTrailingJunk(response: string): string {
  const text = response.trimEnd()
  let [start, stops] = [text.length, 0]
  for (; start > 0 && /[\s.]/.test(text[start - 1]!); start--) if (text[start - 1] === '.') stops++
  return stops < 2 ? text : `${text.slice(0, start)}.`
}

/** The expected value, given the probability of each level; they are normalized. */
export function expectedScore(probabilities: readonly number[], levels: readonly Level[] = DIGITS): number {
  const total = probabilities.reduce((a, b) => a + b, 0)
  return probabilities.reduce((sum, p, i) => sum + p * levels[i]!.value, 0) / total
}

/** The linear map that takes the smallest value of the levels to -1 and the largest to 1, and its inverse. */
export function rewardScale(levels: readonly Level[]): {
  rewardOf(score: number): number
  scoreOf(reward: number): number
} {
  const values = levels.map(({ value }) => value)
  const [least, most] = [smallest(values), largest(values)]
  const [middle, half] = [(least + most) / 2, (most - least) / 2]
  return { rewardOf: (score) => (score - middle) / half, scoreOf: (reward) => middle + half * reward }
}

/** The same for scores from 1 to 10. */
export const rewardOfScore = (score: number): number => rewardScale(DIGITS).rewardOf(score)

/**
 * One reward in [-1, 1] for each question, in order.
 * @param levels the answers that the questions ask for: `scoreLevels` of their task
 * @param onProgress called with the number of questions answered so far
 */
export async function directRewards(
  labeler: Labeler,
  questions: readonly Question[],
  levels: readonly Level[] = DIGITS,
  onProgress?: (answered: number) => void,
): Promise<(number | Unanswered)[]> {
  const { rewardOf } = rewardScale(levels)
  return (await weighLevels(labeler, questions, levels, onProgress)).map((weighed) =>
    isUnanswered(weighed) ? weighed : rewardOf(expectedScore(weighed.weights, levels)),
  )
}
