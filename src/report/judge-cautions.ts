// What a reader must know about the judge before believing the figures that rest on it.
import type { Alignment } from '../evaluation/alignment'
import { spokenName } from '../evaluation/model-family'
import { counted, formatPercent, isOrAre } from '../number-format'

/** With fewer prompts or pairs the interval of a share is wider than ±14 points. */
const FEW_PROMPTS = 50

/** How many prompts people usually rate. */
export const USUAL_OF_PEOPLE = 'the paper had about 2,000'

export const fewPromptsCaution = (prompts: number, others = 'a few hundred are usual'): string[] =>
  prompts < FEW_PROMPTS ? [`${counted(prompts, 'prompt is', 'prompts are')} too few for a conclusion; ${others}.`] : []

/** What the numbers of a win rate say of it: the prompts it rests on, the equal responses, and what was not judged. */
export function contestCautions({ prompts, equal, failed }: Record<'prompts' | 'equal' | 'failed', number>): string[] {
  return [
    ...(prompts > 0 && equal === prompts
      ? [
          'Policy and baseline gave the same response to every prompt: ' +
            'training changed nothing that greedy decoding shows.',
        ]
      : []),
    ...fewPromptsCaution(prompts),
    ...(failed > 0
      ? [
          `${counted(failed, 'comparison')} got no answer from the judge and ${isOrAre(failed)} left out of the win rate.`,
        ]
      : []),
  ]
}

/** How a judge was asked, by the number of orders; 0: about each response alone. Members of a jury have each their own. */
export const askedIn = (orders: number | 'as a jury'): string =>
  typeof orders === 'string'
    ? 'each member in its own way'
    : orders === 0
      ? 'each response alone'
      : orders === 1
        ? 'in one order'
        : 'both orders'

/** Why the agreement with people, or the position bias, is undefined. */
export const noneJudged = (pairs: number): string =>
  `undefined: none of ${counted(pairs, 'pair')} with human labels was judged`
export const noSameSlot = (orders: number | undefined, isJury = false): string =>
  isJury
    ? 'undefined: the members of the jury were not all asked in both orders'
    : orders === 0
      ? 'undefined: judge.comparison is "pointwise", so each response was judged alone and has no slot'
      : 'undefined: judge.orders is 1, so each pair was asked in one order'

export function judgeCautions(name: string, alignment: Alignment | undefined): string[] {
  const judge = spokenName(name)
  if (!alignment) return [`The data has no human labels, so nothing here shows whether ${judge} judges as people do.`]
  const { agreement, sameSlot, failed } = alignment
  if (agreement.n === 0) return [`Nothing here shows whether ${judge} judges as people do: ${noneJudged(failed)}.`]
  const atChance = [
    `${judge} is not measurably better than chance as a judge:`,
    `it agrees with people on ${formatPercent(agreement.value)} of ${counted(agreement.n, 'pair')}.`,
    'The figures that rest on its judgements show that the pipeline runs, and nothing about the methods;',
    'use a stronger judge through an endpoint.',
  ].join(' ')
  const byPosition = [
    `${judge} chose the same slot in both orders in ${formatPercent(sameSlot.value)} of the pairs:`,
    'the position decides more often than the text.',
  ].join(' ')
  return [...(agreement.low <= 0.5 ? [atChance] : []), ...(sameSlot.value > 0.5 ? [byPosition] : [])]
}
