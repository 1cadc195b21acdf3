// How the win rates of a comparison are tested, in words: over seeds where there are several, else over prompts.
import type { Duel } from '../evaluation/comparison'

type Duels = readonly Pick<Duel, 'seeds'>[]

const overSeeds = (duels: Duels) => duels.some(({ seeds }) => seeds > 1)

export const testOf = (duels: Duels): string => (overSeeds(duels) ? 't-test over seeds' : 'sign test')

export const countedSeeds = ({ seeds }: Pick<Duel, 'seeds'>): string => (seeds > 1 ? ` over ${seeds} seeds` : '')

/** What the intervals and p of win rates stand for. */
export function winRateRemark(duels: Duels): string {
  const remark = overSeeds(duels)
    ? [
        "Means over seeds; 95 % intervals and p: Student's t over seeds, as the responses of one seed come from the same",
        'trained policies. A pair that only one seed has is tested over its prompts.',
      ]
    : [
        "95 % intervals: Wilson's, and that of the logistic regression at length ratio 1 (paper, Appendix J). p: exact",
        'sign test. One seed: intervals and p are over prompts, and do not cover the randomness of training; for that, set',
        '"seeds" to five values, e.g. [1, 2, 3, 4, 5].',
      ]
  return [...remark, "p is corrected over all pairs by Holm's method. Paper: human raters, PaLM 2."].join(' ')
}

/** What the intervals of a policy's own figures stand for. */
export const policyIntervals = (seeds: readonly number[]): string =>
  seeds.length > 1
    ? "Means over seeds with Student's 95 % intervals."
    : '95 % intervals over prompts: bootstrap for length, delete-a-group jackknife for distinct n-grams.'
