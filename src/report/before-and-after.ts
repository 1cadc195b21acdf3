// The opening of a run's report: what the policy answered before and after, and what the change cost.
import { distinctN } from '../evaluation/diversity'
import type { JudgedContest } from '../evaluation/win-rate'
import { heading, note, sampleCards } from './html'
import type { StageRecord } from './provenance'
import { counted, formatNumber, formatPercent, withUnit } from '../number-format'

const SHOWN = 5
/** Stages that train beyond the SFT model. */
const TRAINED = new Set(['rl', 'dpo', 'online-dpo'])

/** Responses to the first held-out prompts, not chosen by how they came out. Empty where none were compared. */
export function beforeAndAfter(contests: readonly JudgedContest[], stages: readonly StageRecord[]): string {
  if (contests.length === 0 || !stages.some(({ stage }) => TRAINED.has(stage))) return ''
  const samples = contests.slice(0, SHOWN).map(({ context, baseline, policy }) => ({
    context,
    responses: [
      { title: 'Before', text: baseline },
      { title: 'After', text: policy },
    ],
  }))
  const all = counted(contests.length, 'held-out prompt')
  return [
    heading('Before and after'),
    note(`The first ${samples.length} of ${all}, in their original order, not selected.`),
    sampleCards(samples, 'pair'),
    note(priceOf(contests, stages)),
  ].join('')
}

/** How far the policy moved, and whether it repeats itself more than before. */
function priceOf(contests: readonly JudgedContest[], stages: readonly StageRecord[]): string {
  const kl = stages.find(({ stage, summary }) => TRAINED.has(stage) && summary.kl !== undefined)?.summary.kl
  const [before, after] = [contests.map(({ baseline }) => baseline), contests.map(({ policy }) => policy)]
  const distinct = (n: number) => `${formatPercent(distinctN(before, n))} → ${formatPercent(distinctN(after, n))}`
  return [
    'What it cost:',
    ...(typeof kl === 'number'
      ? [`the policy is ${withUnit(formatNumber(kl, 2), 'nats')} per response from where it began (KL);`]
      : []),
    `distinct words, as a share of all words: ${distinct(1)}; distinct pairs of neighbouring words: ${distinct(2)}.`,
    'A falling share means that responses have become more alike.',
  ].join(' ')
}
