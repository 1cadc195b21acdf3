// Whether a policy is over-optimized: the reward that it is trained on still rises, while a second judge of the same
// responses, which it is not trained on, sees them get worse (Gao, Schulman & Hilton, arXiv 2210.10760).
//
// At each validation the one so far at which the second judge liked the responses best is compared with the newest,
// and with that the first one that it liked at least halfway between the two, prompt by prompt:
//
//   fall_i = watched_i(best) − watched_i(now)      one-sided t-test at α / m
//   rise_i = reward_i(now) − reward_i(halfway)     one-sided t-test at α / m
//
// A reward that has reached its limit no longer rises above that at the best. That it is above what it was when the
// second judge liked the responses as much or more is seen at the halfway one, which often comes before the best; a
// reward that rises and falls with the second judge's liking, however it is scaled or bent, is not above it there.
//
// m = K (K + 1) / 2 is the number of pairs that K validations after the first can be compared in (Bonferroni): over a
// whole run in which the second judge sees no fall, or in which the reward does not rise, the chance of an alarm is at
// most α = 0.05, however often it is looked.
import { mean } from '../mean'
import { tTest, type TTest } from './student'

/** What both said of the responses to the same prompts, in one order. */
export interface Watched {
  step: number
  /** Reward of each response. */
  rewards: readonly number[]
  /** What the second judge gives it; null where it gave no answer. */
  watched: readonly (number | null)[]
}

export interface OverOptimization {
  /** The step at which the second judge liked the responses best. */
  best: number
  /** The first step at which it liked them at least halfway between then and now. */
  since: number
  /** The step at which it was seen. */
  step: number
  /** Mean rise of the reward since `since`. */
  rise: TTest
  /** Mean change of the second judge's value since `best`, below 0. */
  change: TTest
}

const ALPHA = 0.05

/**
 * @param validations so far, the first before training
 * @param planned number of validations after the first that the whole run has
 * @returns undefined where the newest gives no reason for an alarm
 */
export function overOptimization(validations: readonly Watched[], planned: number): OverOptimization | undefined {
  const now = validations.at(-1)
  const before = validations.slice(0, -1)
  if (!now || before.length === 0) return undefined
  const best = before.reduce((a, b) => (meanWatched(b) >= meanWatched(a) ? b : a))
  const halfway = (meanWatched(best) + meanWatched(now)) / 2
  const since = before.find((one) => meanWatched(one) >= halfway) ?? best
  const both = now.watched.flatMap((value, i) => (value === null || best.watched[i] === null ? [] : [i]))
  const change = tTest(both.map((i) => now.watched[i]! - best.watched[i]!))
  const rise = tTest(both.map((i) => now.rewards[i]! - since.rewards[i]!))
  const level = ALPHA / ((planned * (planned + 1)) / 2)
  const hasFallen = change.value < 0 && change.p / 2 < level
  const hasRisen = rise.value > 0 && rise.p / 2 < level
  return hasFallen && hasRisen ? { best: best.step, since: since.step, step: now.step, rise, change } : undefined
}

/** The first alarm of a run. @param validations all, the first before training */
export function firstOverOptimization(validations: readonly Watched[], planned: number): OverOptimization | undefined {
  for (let seen = 2; seen <= validations.length; seen++) {
    const alarm = overOptimization(validations.slice(0, seen), planned)
    if (alarm) return alarm
  }
  return undefined
}

/** Mean of the answers that were given; −∞ where none was. */
export function meanWatched({ watched }: Pick<Watched, 'watched'>): number {
  const given = watched.filter((value) => value !== null)
  return given.length === 0 ? -Infinity : mean(given)
}
