// Which of two responses is better, as a probability (paper §2.1, Appendix B, D).
//
//   p(order) = softmax over {"1", "2"} of the log-probabilities of the token after the ending
//   p        = (p(first, second) + 1 − p(second, first)) / 2      probabilities are averaged, not logits
//
// A task that asks for the WORSE response (harmless, Table 22) has its answer turned round before anything else sees it.
import type { Task } from '../data/task'
import { isUnanswered, type Labeler, type OptionLogProbs, type Question, type Unanswered } from './labeler'

export interface Comparison {
  context: string
  first: string
  second: string
}

/** A judged pair. */
export interface Preference {
  /** Probability that the first response is the better one. */
  preferFirst: number
  /** Of each order, the probability given to whatever stood in slot 1, before turning round: shows a liking for a slot. */
  slotOne: [number, number]
}

export function preferenceQuestion(task: Task, { context, first, second }: Comparison): Question {
  const p = task.preference
  return { text: `${p.preamble}\n\n${p.context}${context}\n${p.first}${first}\n${p.second}${second}\n`, ending: p.ending }
}

/** P("1") among "1" and "2". An option that the endpoint left out of its list counts as too unlikely to matter; both left out is no answer. */
export function slotOneProbability(answer: OptionLogProbs | Unanswered): number | Unanswered {
  if (isUnanswered(answer)) return answer
  const [one, two] = answer
  if (one === undefined && two === undefined) return { failed: 'neither "1" nor "2" is among the returned tokens' }
  if (one === -Infinity && two === -Infinity) return { failed: '"1" and "2" both have probability 0' }
  return 1 / (1 + Math.exp((two ?? -Infinity) - (one ?? -Infinity)))
}

/** Asks both orders of every pair. */
export async function judgePairs(labeler: Labeler, task: Task, pairs: readonly Comparison[], onProgress?: (pairs: number) => void): Promise<(Preference | Unanswered)[]> {
  const questions = pairs.flatMap(({ context, first, second }) => [preferenceQuestion(task, { context, first, second }), preferenceQuestion(task, { context, first: second, second: first })])
  const answers = await labeler.ask(questions, ['1', '2'], (answered) => onProgress?.(Math.floor(answered / 2)))
  return pairs.map((_, i) => combineOrders(slotOneProbability(answers[2 * i]!), slotOneProbability(answers[2 * i + 1]!), task.preference.asksForWorse))
}

function combineOrders(straight: number | Unanswered, swapped: number | Unanswered, asksForWorse: boolean): Preference | Unanswered {
  if (typeof straight !== 'number') return straight
  if (typeof swapped !== 'number') return swapped
  const named = (straight + 1 - swapped) / 2
  return { preferFirst: asksForWorse ? 1 - named : named, slotOne: [straight, swapped] }
}

/** Whether the same slot won in both orders: the labeler looked at the place, not at the text (paper, Appendix B). */
export const choseSameSlot = ({ slotOne }: Preference): boolean => slotOne[0] > 0.5 === slotOne[1] > 0.5
