// The direct reward: an expected score from 1 to 10, mapped to [-1, 1] (paper §2.2.2 "direct RLAIF", Appendix D).
//
//   s = Σ i · P(i) / Σ P(i),  i = 1 … 10        r = (s − 5.5) / 4.5
//
// Vocabularies that split digits write 10 as "1", "0". Then P("1") covers both, and a second question, after the "1",
// separates them:
//   P(10) = P("1") · P("0" | "1"),   P(1) = P("1") · (1 − P("0" | "1"))
import type { Task } from '../data/task'
import { insteadOf, isUnanswered, type Labeler, type OptionAnswer, type Question, type Unanswered } from './labeler'

const SCORES = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']

export function scoreQuestion(task: Task, context: string, response: string): Question {
  const s = task.score
  return { text: `${s.preamble}\n\n${s.context}${context}\n${s.response}${response}\n`, ending: s.ending }
}

/** Removes trailing full stops and spaces, which policies learn to add (paper, Appendix E); one full stop is left. */
export const stripTrailingJunk = (response: string): string => response.trimEnd().replace(/(?:\s*\.){2,}$/, '.')

/** The expected score, given the probabilities of 1 … 10; they are normalized. */
export function expectedScore(probabilities: readonly number[]): number {
  const total = probabilities.reduce((a, b) => a + b, 0)
  return probabilities.reduce((sum, p, i) => sum + p * (i + 1), 0) / total
}

export const rewardOfScore = (score: number): number => (score - 5.5) / 4.5

/** One reward in [-1, 1] for each question, in order. */
export async function directRewards(
  labeler: Labeler,
  questions: readonly Question[],
): Promise<(number | Unanswered)[]> {
  const answers = await labeler.ask(questions, SCORES)
  const isSplit = (answer: OptionAnswer | Unanswered) =>
    !isUnanswered(answer) &&
    answer.counted === undefined &&
    answer.logProbs[9] === undefined &&
    answer.logProbs[0] !== undefined
  const split = answers.flatMap((answer, i) => (isSplit(answer) ? [i] : []))
  const zeros = await labeler.ask(
    split.map((i) => ({ ...questions[i]!, ending: `${questions[i]!.ending}1` })),
    ['0'],
  )
  const zeroAfterOne = new Map(split.map((i, at) => [i, zeros[at]!]))
  return answers.map((answer, i) => rewardFrom(answer, zeroAfterOne.get(i)))
}

function rewardFrom(
  answer: OptionAnswer | Unanswered,
  zeroAfterOne: OptionAnswer | Unanswered | undefined,
): number | Unanswered {
  if (isUnanswered(answer)) return answer
  if (zeroAfterOne && isUnanswered(zeroAfterOne)) return zeroAfterOne
  const probabilities = answer.logProbs.map((logProb) => Math.exp(logProb ?? -Infinity))
  if (zeroAfterOne) {
    const ten = probabilities[0]! * Math.exp(zeroAfterOne.logProbs[0] ?? -Infinity)
    probabilities[9] = ten
    probabilities[0] = probabilities[0]! - ten
  }
  if (!probabilities.some((p) => p > 0))
    return { failed: `no score from 1 to 10 is among the returned tokens${insteadOf(answer)}` }
  return rewardOfScore(expectedScore(probabilities))
}
