// What the figures of a stage show that a reader must know before believing what rests on them.
import type { Summary } from '../contracts/artifact'
import type { Roles } from '../evaluation/model-family'
import { binomialTest } from '../evaluation/statistics'
import { rationaleCautions } from './labeler-answers'
import { formatNumber, formatPercent } from '../number-format'

interface StageFigures {
  stage: string
  summary: Summary
}

/** More cut texts than this share get a caution. */
const FEW_CUT = 0.03
/** A loss this many times that of the first step has not merely varied from batch to batch. */
const RISEN = 1.5
/** Loss on preferences of a model that knows nothing is log 2, 0.69. */
const WORSE_THAN_CHANCE = 1
/** Responses in the order they were sampled: a label that prefers the first more often than this goes by position. */
const BY_POSITION_P = 0.001

/** Cautions of one stage, in the order of their weight. */
export const stageCautions = ({ stage, summary }: StageFigures): string[] => [
  ...(typeof summary.caution === 'string' ? [summary.caution] : []),
  ...(typeof summary.probeLiked === 'string' ? [probeCaution(summary.probeLiked)] : []),
  ...floorCautions(summary),
  ...endCautions(summary),
  ...lossCautions(stage, summary),
  ...cutCautions(stage, summary),
  ...rationaleCautions(summary),
  ...(stage === 'label' ? labelCautions(summary) : []),
  ...(stage === 'reward-model' ? accuracyCautions(summary) : []),
  ...(stage === 'dpo' ? dpoCautions(summary) : []),
]

/** Of several runs with shared stages: each sentence once. */
export const distinctCautions = (stages: Iterable<StageFigures>): string[] => [
  ...new Set([...stages].flatMap(stageCautions)),
]

/** What the stages of each run show, with the runs it holds for; `stages` of a run are addresses in `records`. */
export function armCautions(
  arms: readonly { name: string; seed: number; stages: Record<string, string> }[],
  records: ReadonlyMap<string, StageFigures>,
): string[] {
  const armsOf = new Map<string, string[]>()
  for (const { name, seed, stages } of arms) {
    const ran = Object.values(stages).flatMap((uri) => records.get(uri) ?? [])
    for (const caution of distinctCautions(ran))
      armsOf.set(caution, [...(armsOf.get(caution) ?? []), `${name}, seed ${seed}`])
  }
  return [...armsOf].map(([caution, names]) => `${names.join('; ')}: ${caution}`)
}

/** A mark for a row of a table: the policy is not that of the planned last step. */
export const endedEarly = (stages: readonly StageFigures[]): string =>
  stages.some(({ summary }) => typeof summary.stopped === 'string') ? ' RL ended early' : ''

/** Who labelled or scored for the training of these stages, and the models that it started from. */
export function trainedBy(stages: Iterable<StageFigures>): Pick<Roles, 'labelers' | 'policies'> {
  const all = [...stages]
  const named = (wanted: string, figure: string) =>
    all.flatMap(({ stage, summary }) => {
      const name = summary[figure]
      return stage === wanted && typeof name === 'string' ? [name] : []
    })
  return {
    labelers: [
      ...new Set([...named('label', 'labeler'), ...named('rl', 'labeler'), ...named('online-dpo', 'labeler')]),
    ],
    policies: [...new Set(named('model', 'model'))],
  }
}

const probeCaution = (liked: string) => `Before RL, ${liked}. A policy that maximizes such a reward may end there.`

const floorCautions = ({ floorShare }: Summary) =>
  typeof floorShare === 'number'
    ? [
        `In ${formatPercent(floorShare)} of the last steps of RL every reward was the lowest: the policy learned nothing from ` +
          'them. Responses that are cut lose rl.missingEosPenalty: raise limits.responseTokens, or set the penalty to 0.',
      ]
    : []

function endCautions({ stopped, candidates, validationBest, overOptimized }: Summary): string[] {
  if (typeof overOptimized === 'string')
    return [`O${overOptimized.slice(1)}. From there on the reward does not say how good responses are.`]
  return [
    ...(typeof stopped === 'string' ? [`RL ended early and went back to a checkpoint: ${stopped}.`] : []),
    ...(candidates === 0 && validationBest === null
      ? [
          'No validated checkpoint was left to choose from: the policy is that of the last step, which no judge compared.',
        ]
      : []),
  ]
}

function lossCautions(stage: string, { firstLoss, loss }: Summary): string[] {
  if (typeof loss !== 'number') return []
  if (stage === 'sft' && typeof firstLoss === 'number' && loss > RISEN * firstLoss)
    return [
      `SFT made the model worse: its loss rose from ${formatNumber(firstLoss, 3)} to ${formatNumber(loss, 3)}; ` +
        'lower sft.learningRate.',
    ]
  if (stage === 'reward-model' && loss > WORSE_THAN_CHANCE)
    return [
      `The reward model's loss ended at ${formatNumber(loss, 3)}, above the 0.693 of a model that knows nothing; ` +
        'lower rewardModel.learningRate.',
    ]
  return []
}

/** What a policy learned by DPO that does not hold beyond its training pairs. */
function dpoCautions({ heldOut, undecided, accuracy, accuracyLow, validationLoss }: Summary): string[] {
  if (accuracy === null) return ['No held-out label shows what DPO learned; raise dpo.heldOutShare.']
  const n = Number(heldOut) - Number(undecided ?? 0)
  return [
    ...(typeof accuracy === 'number' && typeof accuracyLow === 'number' && accuracyLow <= 0.5
      ? [
          'What DPO learned is not measurably better than chance on held-out labels: its implicit rewards agree with ' +
            `${formatPercent(accuracy)} of ${n}.`,
        ]
      : []),
    ...(typeof validationLoss === 'number' && validationLoss > WORSE_THAN_CHANCE
      ? [
          `DPO fits its training pairs only: the loss on held-out ones ended at ${formatNumber(validationLoss, 3)}, above the ` +
            '0.693 of the SFT model; lower dpo.learningRate or raise dpo.beta.',
        ]
      : []),
  ]
}

/** What is cut, by stage. */
const CUT_TEXTS: Record<string, string> = {
  sft: 'references that SFT learns from',
  'human-labels': 'responses that people compared',
  sample: "responses of the data's pairs",
  'reward-model': "references that the reward model's scores are shifted by",
}

function cutCautions(stage: string, { cutShare }: Summary): string[] {
  const texts = CUT_TEXTS[stage]
  if (texts === undefined || typeof cutShare !== 'number' || cutShare <= FEW_CUT) return []
  return [
    `${formatPercent(cutShare)} of the ${texts} are longer than limits.responseTokens: they are cut in mid-text and have no ` +
      'end; raise limits.responseTokens.',
  ]
}

function labelCautions({ labels, undecided, firstShare, sameSlotShare, tied }: Summary): string[] {
  const n = Number(labels) - Number(undecided)
  const isPointwise = tied !== undefined // no position to go by
  if (typeof firstShare !== 'number' || !(n > 0) || isPointwise) return []
  if (binomialTest(Math.round(firstShare * n), n) >= BY_POSITION_P) return []
  return [
    `The labels prefer the response that was sampled first in ${formatPercent(firstShare)} of ${n} pairs, though both come ` +
      'from one policy: they go by position' +
      (sameSlotShare === null ? '; set labeler.orders to 2.' : '.'),
  ]
}

function accuracyCautions({ heldOut, undecided, accuracy, accuracyLow }: Summary): string[] {
  if (accuracy === null)
    return ['No held-out label shows how good the reward model is; raise rewardModel.heldOutShare.']
  if (typeof accuracy !== 'number' || typeof accuracyLow !== 'number' || accuracyLow > 0.5) return []
  return [
    'The reward model is not measurably better than chance: it agrees with ' +
      `${formatPercent(accuracy)} of ${Number(heldOut) - Number(undecided ?? 0)} held-out labels.`,
  ]
}
