// What the report says of a policy that was trained by DPO.
import { preferenceSection } from '../../src/report/preference-optimization'
import { stageCautions } from '../../src/report/stage-cautions'

const textOf = (html: string) => html.replace(/<[^>]*>/g, ' ').replace(/[\s\u00a0]+/g, ' ')
const figures = {
  ...{ beta: 0.05, pairs: 80, heldOut: 20, undecided: 0, loss: 0.6, validationLoss: 0.655 },
  ...{ accuracy: 0.8, accuracyLow: 0.58, accuracyHigh: 0.92 },
  ...{ chosenReward: 0.1, rejectedReward: -0.2, rewardMargin: 0.3 },
}
const said = (stage: string, summary: object) => textOf(preferenceSection([{ stage, summary: summary as never }]))

test('the loss, β, what held-out labels show, and the KL where the SFT model sampled the pairs', () => {
  const text = said('dpo', { ...figures, forwardKl: 1.234 })
  expect(text).toContain('with β = 0.05. The loss of the SFT model itself is 0.693')
  expect(text).toContain('the loss is 0.655, the implicit rewards order 80 % of the pairs as their labels do')
  expect(text).toContain('less likely than before by 1.23 nats on average')
  expect(said('dpo', figures)).not.toContain('less likely')
  expect(said('dpo', { ...figures, validationLoss: null, accuracy: null })).not.toContain('held-out pairs')
})

test('online, how many pairs were labelled, and that the labeler of the training is no judge of it', () => {
  const text = said('online-dpo', { beta: 0.1, labels: 64, unlabelled: 2, validationBest: 0.61 })
  expect(text).toContain(
    '64 pairs were sampled from the policy as it was at each step and labelled at once; 2 got no label',
  )
  expect(text).toContain('with a probability of 61 % on average')
  expect(said('rl', figures)).toBe('')
})

test('cautions: a policy that fits its training pairs only, or whose held-out labels show nothing', () => {
  const cautions = (summary: object) => stageCautions({ stage: 'dpo', summary: summary as never })
  expect(cautions(figures)).toEqual([])
  expect(cautions({ ...figures, validationLoss: 1.2 })[0]).toMatch(/fits its training pairs only.*1\.200.*dpo\.beta/)
  expect(cautions({ ...figures, accuracy: 0.5, accuracyLow: 0.3 })[0]).toMatch(
    /not measurably better than chance.*of 20/,
  )
  expect(cautions({ ...figures, accuracy: null })).toEqual([expect.stringMatching(/raise dpo.heldOutShare/)])
})
