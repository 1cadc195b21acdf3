// How often a judge prefers the policy's response to the baseline's (paper §2.4, §3.4), both orders asked.
import type { Task } from '../data/task'
import { stripTrailingJunk } from '../feedback/direct-score'
import { isUnanswered, type Labeler } from '../feedback/labeler'
import { judgePairs, type Technique } from '../feedback/preference'
import { lengthControlled, lengthRatio } from './length-control'
import { wilson, type Share } from './statistics'

export interface Contest {
  id: string
  context: string
  baseline: string
  policy: string
}
export interface JudgedContest extends Contest {
  /** Probability that the policy's response is better; 0.5 for equal responses, undefined where the judge failed. */
  preferPolicy?: number
  failed?: string
}

/** Judges every contest. Equal responses are a tie and are not asked about; stray trailing punctuation is stripped first. */
export async function judgeContests(
  judge: Labeler,
  task: Task,
  contests: readonly Contest[],
  technique: Technique,
  seed: number,
  onProgress?: (done: number) => void,
): Promise<JudgedContest[]> {
  const stripped = contests.map((c) => ({
    ...c,
    baseline: stripTrailingJunk(c.baseline),
    policy: stripTrailingJunk(c.policy),
  }))
  const open = stripped.filter((c) => c.baseline !== c.policy)
  const judged = await judgePairs(
    judge,
    open.map((c) => ({ context: c.context, first: c.policy, second: c.baseline })),
    { task, technique, seed, onProgress },
  )
  const verdicts = new Map(open.map((c, i) => [c.id, judged[i]!]))
  return stripped.map((contest) => {
    const verdict = verdicts.get(contest.id)
    if (!verdict) return { ...contest, preferPolicy: 0.5 }
    return isUnanswered(verdict)
      ? { ...contest, failed: verdict.failed }
      : { ...contest, preferPolicy: verdict.preferFirst }
  })
}

/** Share of contests the policy wins; a tie counts one half, a failed contest is left out. */
export function winRate(contests: readonly JudgedContest[]): Share {
  const outcomes = decided(contests).map(({ won }) => won)
  return wilson(
    outcomes.reduce((a, b) => a + b, 0),
    outcomes.length,
  )
}

/** The same at equal length (paper, Appendix J). */
export function controlledWinRate(contests: readonly JudgedContest[]): Share {
  const own = decided(contests)
  return lengthControlled(
    own.map(({ policy, baseline }) => lengthRatio(policy, baseline)),
    own.map(({ won }) => won),
  )
}

/** 1 for a win, 0 for a loss, ½ for a tie. */
export const outcome = (preferred: number): number => (preferred > 0.5 ? 1 : preferred < 0.5 ? 0 : 0.5)

const decided = (contests: readonly JudgedContest[]) =>
  contests.flatMap((contest) =>
    contest.preferPolicy === undefined ? [] : [{ ...contest, won: outcome(contest.preferPolicy) }],
  )
