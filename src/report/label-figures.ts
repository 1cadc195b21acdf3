// The labels of a run's report in figures: how many, of what kind, at what cost.
import type { Summary } from '../contracts/artifact'
import { escape, heading } from './html'
import { answerDays } from './labeler-answers'
import { COST_PER_PAIR } from './paper-figures'
import type { StageRecord } from './provenance'
import { counted, formatCost, formatCount, formatPercent } from '../number-format'

/** The counts of the labels and their cost, next to the paper's prices. */
export const labelSections = (stages: readonly Pick<StageRecord, 'stage' | 'summary'>[]): string =>
  stages
    .filter(({ stage }) => stage === 'label')
    .map(({ summary }) =>
      [
        heading('Labels'),
        `<p>${escape(labelCounts(summary).join(' · '))}.</p>`,
        `<p>${escape(labelCost(summary))}</p>`,
      ].join(''),
    )
    .join('')

const labelCounts = ({
  labels,
  labeler,
  failed,
  tooLong,
  tied,
  bounded,
  sameSlotShare,
  meanDisagreement,
  ...dates
}: Summary): string[] => [
  `${counted(Number(labels), 'label')} by ${labeler}`,
  ...(answerDays(dates) ? [answerDays(dates)] : []),
  `${failed} failed`,
  `${tooLong} longer than its context window`,
  `${bounded} with a bound instead of a probability`,
  ...(typeof tied === 'number'
    ? [
        `${tied} undecided, as both responses certainly have the same value`,
        ...(typeof sameSlotShare === 'number' ? [] : [noSlot(typeof meanDisagreement === 'number')]),
      ]
    : []),
  ...(typeof sameSlotShare === 'number'
    ? [
        `same slot chosen in both orders in ${formatPercent(sameSlotShare)}` +
          (typeof tied === 'number' ? ' of the pairs that all who answered were shown in both orders' : ''),
      ]
    : []),
]

const noSlot = (byJury: boolean) =>
  byJury
    ? 'same slot: –, as a member of the jury was asked about each response alone, which has none'
    : 'same slot: –, as each response was asked about alone and has none'

const PAPER_COST =
  `In the paper a pair cost $${COST_PER_PAIR.ai} when labelled by GPT-4 and $${COST_PER_PAIR.human} when labelled ` +
  'by people (2023 prices, Appendix L).'

function labelCost(summary: Summary): string {
  const { requests, reusedAnswers, promptTokens, completionTokens, cost, labels, estimatedRequests } = summary
  if (typeof requests !== 'number') return `A local labeler costs time but no money. ${PAPER_COST}`
  const money =
    Number(cost) > 0
      ? `${formatCost(Number(cost))} in total, ${formatCost(Number(cost) / Number(labels))} per pair`
      : 'not computed without labeler.price or new requests'
  const usage = [
    counted(requests, 'request'),
    `${counted(Number(promptTokens), 'token')} in`,
    `${formatCount(Number(completionTokens))} out`,
    ...(reusedAnswers ? [`${counted(Number(reusedAnswers), 'answer')} reused from earlier`] : []),
  ]
  const estimate = estimatedRequests
    ? ` Tokens and cost of ${counted(Number(estimatedRequests), 'request')} are estimates: the replies had no usage.`
    : ''
  return `${usage.join(', ')}; cost: ${money}.${estimate} ${PAPER_COST}`
}
