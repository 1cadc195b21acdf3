// What a policy was trained by without a reward model: the loss in words, and what it says of the held-out labels.
import type { Summary } from '../contracts/artifact'
import { counted, formatCount, formatNumber, formatPercent, formatSetting, withUnit } from '../number-format'
import { heading, note } from './html'
import type { StageRecord } from './provenance'
import { numberOf } from './stage-sentences'

const HEADINGS: Record<string, string> = {
  dpo: 'Direct preference optimization',
  'online-dpo': 'Online direct preference optimization',
}

/** Empty for a run without DPO. */
export const preferenceSection = (stages: readonly Pick<StageRecord, 'stage' | 'summary'>[]): string =>
  stages
    .filter(({ stage }) => Object.hasOwn(HEADINGS, stage))
    .map(({ stage, summary }) =>
      [heading(HEADINGS[stage]!), ...[meaning(summary), ...heldOut(summary), ...live(summary)].map(note)].join(''),
    )
    .join('')

const meaning = ({ beta }: Summary): string =>
  `The loss of a pair is −p log σ(h₁ − h₂) − (1 − p) log σ(h₂ − h₁), where p is the label’s probability that the first ` +
  `response is better, and h = β · log(π / π_SFT) the implicit reward of a response, with β = ` +
  `${formatSetting(Number(beta))}. The loss of the SFT model itself is 0.693, log 2.`

/** Of labels that were given while the policy trained. */
function live({ labels, unlabelled, validationBest }: Summary): string[] {
  if (numberOf(labels) === undefined) return []
  const best = numberOf(validationBest)
  return [
    `${counted(numberOf(labels), 'pair was', 'pairs were')} sampled from the policy as it was at each step and labelled at once; ` +
      `${formatCount(numberOf(unlabelled))} got no label and are left out.`,
    ...(best === undefined
      ? []
      : [
          `On the validation prompts the labeler prefers the best checkpoint to the SFT model with a probability of ` +
            `${formatPercent(best)} on average. It is the labeler that the policy learned from: the judge’s word counts.`,
        ]),
  ]
}

function heldOut({ chosenReward, rejectedReward, validationLoss, forwardKl, accuracy }: Summary) {
  const score = (value: Summary[string] | undefined) => formatNumber(numberOf(value), 3)
  return [
    ...(numberOf(validationLoss) === undefined
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
