// Studies of the paper as sweeps. Each is an input of `sweep`, which your own fields override. The paper's figures that
// the report shows next to ours: report/paper-figures.ts, by the same names.
import { TABLE_2 } from './study'

interface Preset {
  /** What is studied, and where in the paper. */
  about: string
  input: Record<string, unknown>
}

const variantAxis = (variants: readonly { name: string }[]) => ({
  field: 'variants',
  values: variants.map((variant) => [variant]),
  labels: variants.map(({ name }) => name),
})
const detailedCot = { preamble: 'detailed', chainOfThought: true, exemplars: 0 }

/** The rows of Table 14: rationales for each order, and their temperature. */
const SELF_CONSISTENCY: [samples: number, temperature: number][] = [
  [1, 0],
  [4, 0.3],
  [4, 0.5],
  [4, 0.7],
  [4, 1],
  [16, 0.3],
  [16, 0.5],
  [16, 0.7],
  [16, 1],
]
const selfConsistency = SELF_CONSISTENCY.map(([samples, temperature]) => ({
  name: samples === 1 ? '1 rationale, T 0' : `${samples} rationales, T ${temperature}`,
  technique: { ...detailedCot, samples, temperature },
}))

/** Reward models without RL, measured on human preferences. */
const rewardModels = {
  workflow: 'align',
  metric: 'reward-model.humanAccuracy',
  base: { untilStage: 'reward-model', data: { evaluationPrompts: 200 } },
}

export const sweepPresets = {
  'labelling-techniques': {
    about: 'agreement of the labeler with people, by how it is asked (Table 2)',
    input: { workflow: 'labelStudy', axes: [variantAxis(TABLE_2)], seeds: [1, 2] },
  },
  'labeler-size': {
    about:
      'agreement of the labeler with people, by its size (Table 3): give the labelers as values of the axis "labeler"',
    input: {
      workflow: 'labelStudy',
      base: { variants: [{ name: 'Detailed + CoT 0-shot', technique: detailedCot }] },
      axes: [{ field: 'labeler', values: ['default'] }],
      seeds: [1, 2],
    },
  },
  'position-bias': {
    about:
      'position bias, by labeler, in one order and in both (Table 4): ' +
      'give the labelers as values of the axis "labeler"',
    input: {
      workflow: 'labelStudy',
      metric: 'study.sameSlot',
      higherIsBetter: false,
      base: { variants: [{ name: 'Detailed + CoT 0-shot', technique: detailedCot }] },
      axes: [{ field: 'labeler', values: ['default'] }],
      seeds: [1, 2],
    },
  },
  'self-consistency': {
    about: 'agreement of the labeler with people, by number of rationales and their temperature (Table 14)',
    input: { workflow: 'labelStudy', axes: [variantAxis(selfConsistency)], seeds: [1, 2] },
  },
  'reward-model-accuracy': {
    about:
      'accuracy of reward models on held-out human preferences, ' +
      'by method and by the model they start from (Tables 5 to 7)',
    input: {
      ...rewardModels,
      axes: [
        { field: 'method', values: ['rlhf', 'rlaif'] },
        { field: 'rewardModel.init', values: ['sft', 'model'] },
      ],
      seeds: [1, 2],
    },
  },
  'reward-model-data': {
    about: 'accuracy of reward models, by number of labelled pairs',
    input: {
      ...rewardModels,
      axes: [{ field: 'rewardModel.trainShare', values: [0.125, 0.25, 0.5, 1] }],
      seeds: [1, 2],
    },
  },
  'kl-weight': {
    about: 'β, the weight of the KL penalty in RL (§2.2.2; 0.05 in the paper)',
    input: { workflow: 'align', axes: [{ field: 'rl.klWeight', values: [0.01, 0.05, 0.2] }], seeds: [1, 2] },
  },
  'direct-reward': {
    about: 'the labeler itself as the reward, against a reward model distilled from it (Table 1)',
    input: {
      workflow: 'align',
      base: { labeler: 'policy' },
      axes: [{ field: 'method', values: ['rlaif', 'direct-rlaif'], labels: ['same-size', 'direct-rlaif'] }],
      seeds: [1, 2],
    },
  },
  'same-size': {
    about:
      'the policy itself as the labeler, against another: ' +
      'give the other as the first value of the axis "labeler" (Table 1)',
    input: {
      workflow: 'align',
      axes: [{ field: 'labeler', values: ['default', 'policy'], labels: ['rlaif', 'same-size'] }],
      seeds: [1, 2],
    },
  },
  'combined-feedback': {
    about: 'human feedback, AI feedback, and equal numbers of pairs of both (Table 13)',
    input: { workflow: 'align', axes: [{ field: 'method', values: ['rlhf', 'rlaif', 'rlhf+rlaif'] }], seeds: [1, 2] },
  },
  'length-control': {
    about: 'length-controlled win rate against the SFT model, by method (Tables 8 to 11)',
    input: {
      workflow: 'align',
      metric: 'evaluate.lengthControlledWinRate',
      axes: [{ field: 'method', values: ['rlhf', 'rlaif', 'direct-rlaif'] }],
      seeds: [1, 2],
    },
  },
  miniature: {
    about: 'every claim of the paper in a small world whose truth is known, in six minutes',
    input: { workflow: 'miniature', axes: [{ field: 'size', values: ['quick'] }] },
  },
} satisfies Record<string, Preset>

export type SweepPreset = keyof typeof sweepPresets
