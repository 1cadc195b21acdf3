// What a policy was trained by without a reward model: the loss in words, and what it says of the held-out labels.
import type { Summary } from '../contracts/artifact'
import { formatNumber, formatPercent, withUnit } from '../number-format'
import { heading, note } from './html'
import type { StageRecord } from './provenance'
import { numberOf } from './stage-sentences'

/** Empty for a run without DPO. */
export const preferenceSection = (stages: readonly Pick<StageRecord, 'stage' | 'summary'>[]): string =>
  stages
    .filter(({ stage }) => stage === 'dpo')
    .map(({ summary }) =>
      [heading('Direct preference optimization'), ...[meaning(summary), ...heldOut(summary)].map(note)].join(''),
    )
    .join('')

const meaning = ({ beta }: Summary): string =>
  `The loss of a pair is −p log σ(h₁ − h₂) − (1 − p) log σ(h₂ − h₁), where p is the label’s probability that the first ` +
  `response is better, and h = β · log(π / π_SFT) the implicit reward of a response, with β = ` +
  `${formatNumber(numberOf(beta), 2)}. A policy that knows nothing, as the SFT model, has a loss of 0.693.`

function heldOut({ rewardMargin, chosenReward, rejectedReward, validationLoss, forwardKl, accuracy }: Summary) {
  const score = (value: Summary[string] | undefined) => formatNumber(numberOf(value), 3)
  return [
    ...(numberOf(rewardMargin) === undefined
      ? []
      : [
          `On held-out pairs: the loss is ${score(validationLoss)}, the implicit rewards order ` +
            `${formatPercent(numberOf(accuracy))} of the pairs as their labels do, and are ${score(chosenReward)} for the ` +
            `preferred responses and ${score(rejectedReward)} for the others. Where both have fallen, the policy has moved ` +
            'probability to responses that no label is about.',
        ]),
    ...(numberOf(forwardKl) === undefined
      ? []
      : [
          `The SFT model’s own responses are less likely than before by ` +
            `${withUnit(formatNumber(numberOf(forwardKl), 2), 'nats')} on average, an estimate of KL(π_SFT ‖ π).`,
        ]),
  ]
}
