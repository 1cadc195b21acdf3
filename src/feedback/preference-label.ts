// The label of one pair: what labelling makes of a labeler's answers.
import type { Unanswered } from './labeler'

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
  /** Where questions show principles: the index of that of each rationale. */
  principles?: number[]
  /** By a rubric: the preference by each criterion alone, null where both responses are at one level of it. */
  criteria?: Record<string, number | null>
  /** Of a jury: the standard deviation of its members' probabilities. */
  disagreement?: number
  /** Of a jury: what each of its members said. */
  members?: MemberLabel[]
}

/** The label that a member of a jury gave, or why it gave none. */
export type MemberLabel = { labeler: string } & (PreferenceLabel | Unanswered)

/** A label this close to 0.5 prefers neither response: the mean over both orders of two equal texts has rounding. */
const UNDECIDED = 1e-9
export const isUndecided = (preferFirst: number): boolean => Math.abs(preferFirst - 0.5) < UNDECIDED
