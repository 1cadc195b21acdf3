// How often a judge prefers the policy's response to the baseline's, asked in both orders (paper §2.4, §3.4).
import { stripTrailingJunk } from '../feedback/direct-score'
import type { Asked } from '../feedback/jury'
import { isUnanswered } from '../feedback/labeler'
import { judgePairs, type JudgingOptions } from '../feedback/preference'
import { lengthControlled, lengthRatio } from './length-control'
import { wilson, type Share } from './statistics'

/** Two responses to one prompt, for a judge to compare. */
interface Contest {
  id: string
  context: string
  baseline: string
  policy: string
}
export interface JudgedContest extends Contest {
  /**
   * Probability that the policy's response is better; 0.5 for identical responses, undefined where the judge failed.
   */
  preferPolicy?: number
  failed?: string
  /** Of a jury: the standard deviation of its members' probabilities. */
  disagreement?: number
  /** Probability that each response is good on its own, where the task asks for a verdict and both got one. */
  good?: { policy: number; baseline: number }
}

/**
 * Judges every contest. Identical responses are a tie and are not sent to the judge; stray trailing punctuation is
 * stripped first.
 */
export async function judgeContests(
  judge: Asked,
  contests: readonly Contest[],
  options: JudgingOptions,
): Promise<JudgedContest[]> {
  const stripped = contests.map((c) => ({
    ...c,
    baseline: stripTrailingJunk(c.baseline),
    policy: stripTrailingJunk(c.policy),
  }))
  const different = stripped.filter((c) => c.baseline !== c.policy)
  const labels = await judgePairs(
    judge,
    different.map((c) => ({ context: c.context, first: c.policy, second: c.baseline })),
    options,
  )
  const labelOf = new Map(different.map((c, i) => [c.id, labels[i]!]))
  return stripped.map((contest) => {
    const label = labelOf.get(contest.id)
    if (!label) return { ...contest, preferPolicy: 0.5 }
    if (isUnanswered(label)) return { ...contest, failed: label.failed }
    const { preferFirst: preferPolicy, disagreement } = label
    return { ...contest, preferPolicy, ...(disagreement !== undefined && { disagreement }) }
  })
}

/** Share of contests the policy wins; a tie counts as one half, a failed contest is left out. */
export function winRate(contests: readonly JudgedContest[]): Share {
  const outcomes = decided(contests).map(({ won }) => won)
  return wilson(
    outcomes.reduce((a, b) => a + b, 0),
    outcomes.length,
  )
}

/** Share of responses that are good on their own, of the policy and of the baseline on the same prompts. */
export function verdictRates(contests: readonly JudgedContest[]): { policy: Share; baseline: Share } {
  const rated = contests.flatMap(({ good }) => (good ? [good] : []))
  const rate = (side: 'policy' | 'baseline') =>
    wilson(
      rated.map((good) => outcome(good[side])).reduce((a, b) => a + b, 0),
      rated.length,
    )
  return { policy: rate('policy'), baseline: rate('baseline') }
}

/** The length-controlled win rate (paper, Appendix J). */
export function controlledWinRate(contests: readonly JudgedContest[]): Share {
  const counted = decided(contests)
  return lengthControlled(
    counted.map(({ policy, baseline }) => lengthRatio(policy, baseline)),
    counted.map(({ won }) => won),
  )
}

/** 1 for a win, 0 for a loss, ½ for a tie. */
export const outcome = (preferred: number): number => (preferred > 0.5 ? 1 : preferred < 0.5 ? 0 : 0.5)

const decided = (contests: readonly JudgedContest[]) =>
  contests.flatMap((contest) =>
    contest.preferPolicy === undefined ? [] : [{ ...contest, won: outcome(contest.preferPolicy) }],
  )
