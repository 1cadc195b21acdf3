// What the win rates of a comparison say, and how they are tested, in words: over seeds where there are several, else
// over prompts.
import { duelBetween, type Comparison, type Duel } from '../evaluation/comparison'
import { SIGNIFICANCE_LEVEL, type Share } from '../evaluation/statistics'
import { largest } from '../extremes'
import { fewPromptsCaution } from './judge-cautions'
import { counted, formatPercent, isOrAre, pInWords } from '../number-format'

type Duels = readonly Pick<Duel, 'seeds'>[]

const overSeeds = (duels: Duels) => duels.some(({ seeds }) => seeds > 1)

const testOf = (duels: Duels): string => (overSeeds(duels) ? 't-test over seeds' : 'sign test')

const countedSeeds = ({ seeds }: Pick<Duel, 'seeds'>): string => (seeds > 1 ? ` over ${seeds} seeds` : '')

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

/** What was found, in sentences. */
export function answers({
  comparison: { duels, standings },
}: {
  comparison: Pick<Comparison, 'duels' | 'standings'>
}): string[] {
  const significant = duels.filter(({ p, winRate }) => p < SIGNIFICANCE_LEVEL && winRate.n > 0)
  const rates = standings.flatMap(({ name, good }) => (good ? [`${name}: ${formatPercent(good.value)}`] : []))
  return [
    ...(significant.length > 0
      ? significant.map(duelSentence)
      : [`No policy beats another: no win rate differs from 50 % beyond noise (${testOf(duels)}, Holm-corrected).`]),
    ...(rates.length > 0 ? [`Responses judged good on their own, by policy – ${rates.join('; ')}.`] : []),
  ]
}

function duelSentence(duel: Duel): string {
  const [winner, loser] = duel.winRate.value > 0.5 ? [duel.first, duel.second] : [duel.second, duel.first]
  const { winRate, controlled, p } = duelBetween(winner, loser, [duel])!
  const interval = ({ low, high }: Share) => `${formatPercent(low)} to ${formatPercent(high)}`
  return (
    `${winner} beats ${loser} on ${formatPercent(winRate.value)} of ` +
    `${counted(winRate.n, 'prompt')}${countedSeeds(duel)} ` +
    `(${interval(winRate)}; ${pInWords(p)}); ` +
    `at equal length ${formatPercent(controlled.value)} (${interval(controlled)}).`
  )
}

/** What the numbers of the win rates say of them: few prompts, equal responses, and what was not judged. */
export function duelCautions(duels: Comparison['duels']): string[] {
  const failed = duels.reduce((sum, duel) => sum + duel.failed, 0)
  const prompts = largest(
    duels.map(({ winRate }) => winRate.n),
    0,
  )
  return [
    ...fewPromptsCaution(prompts),
    ...duels
      .filter(({ winRate, equal }) => winRate.n > 0 && equal === winRate.n)
      .map(
        ({ first, second }) => `${first} and ${second} gave the same response to every prompt: they are one policy.`,
      ),
    ...(failed > 0
      ? [`${counted(failed, 'comparison')} got no answer from the judge and ${isOrAre(failed)} left out.`]
      : []),
  ]
}
