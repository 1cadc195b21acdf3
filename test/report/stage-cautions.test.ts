// What the figures of stages show, as sentences of a report.
import { armCautions, distinctCautions, endedEarly, stageCautions, trainedBy } from '../../src/report/stage-cautions'

test.each([
  [
    'rl',
    { stopped: 'training: kl became NaN at step 8; the model is that of step 5' },
    /RL ended early .*step 8.*step 5/,
  ],
  ['rl', { floorShare: 0.4 }, /In 40\u00a0% of the last steps of RL every reward was the lowest/],
  ['rl', { candidates: 0, validationBest: null }, /No validated checkpoint was left/],
  ['sft', { firstLoss: 3, loss: 9, cutShare: 0 }, /SFT made the model worse: its loss rose from 3.000 to 9.000/],
  [
    'sft',
    { firstLoss: 3, loss: 2, cutShare: 0.4 },
    /40\u00a0% of the references that SFT learns from .*raise limits.response/,
  ],
  ['human-labels', { cutShare: 0.2 }, /20\u00a0% of the responses that people compared/],
  ['sample', { cutShare: 0.2 }, /20\u00a0% of the responses of the data's pairs/],
  [
    'reward-model',
    { accuracy: 0.9, accuracyLow: 0.8, loss: 0.5, cutShare: 0.1 },
    /10\u00a0% of the references that the reward/,
  ],
  [
    'reward-model',
    { accuracy: 0.55, accuracyLow: 0.4, heldOut: 50, undecided: 10 },
    /agrees with 55\u00a0% of 40 held-out/,
  ],
  ['reward-model', { accuracy: null, accuracyLow: null }, /No held-out label shows how good/],
  ['reward-model', { accuracy: 0.9, accuracyLow: 0.8, loss: 14 }, /loss ended at 14.000, above the 0.693/],
  [
    'label',
    { labels: 110, undecided: 10, firstShare: 0.97, sameSlotShare: null },
    /97\u00a0% of 100 pairs.*orders to 2/,
  ],
])('%s: %j', (stage, summary, sentence) => {
  const cautions = stageCautions({ stage, summary })
  expect(cautions).toHaveLength(1)
  expect(cautions[0]).toMatch(sentence)
})

test.each([
  ['sft', { firstLoss: 3, loss: 3.5, cutShare: 0.02 }],
  ['rl', { candidates: 0 }],
  ['rl', { candidates: 2, validationBest: 0.3 }],
  ['reward-model', { accuracy: 0.9, accuracyLow: 0.8, loss: 0.5 }],
  ['label', { labels: 100, undecided: 0, firstShare: 0.55, sameSlotShare: 0.2 }],
  ['label', { labels: 100, sameSlotShare: 0.2 }], // of an earlier version
])('%s without a caution: %j', (stage, summary) => {
  expect(stageCautions({ stage, summary })).toEqual([])
})

test('a stage that two arms share is said once, with both arms', () => {
  const records = new Map([
    ['a', { stage: 'sft', summary: { cutShare: 0.5 } }],
    ['b', { stage: 'rl', summary: { stopped: 'KL is 9', labeler: 'Q' } }],
    ['c', { stage: 'model', summary: { model: 'default' } }],
  ])
  const arms = [
    { name: 'sft', seed: 1, stages: { sft: 'a' } },
    { name: 'direct', seed: 1, stages: { sft: 'a', rl: 'b' } },
  ]
  expect(armCautions(arms, records)).toEqual([
    expect.stringMatching(/^sft, seed 1; direct, seed 1: 50\u00a0% of the references/),
    expect.stringMatching(/^direct, seed 1: RL ended early/),
  ])
  expect(distinctCautions([...records.values(), ...records.values()])).toHaveLength(2)
  expect(endedEarly([...records.values()])).toBe(' RL ended early')
  expect(trainedBy(records.values())).toEqual({ labelers: ['Q'], policies: ['default'] })
})
