// The updates of policy and value model against PyTorch; values from test/reference/tiny_llama.py.
import type { Gradients, Model } from '../../src/model/model'
import type { Optimizer } from '../../src/training/optimizer'
import { updatePolicy } from '../../src/training/policy-gradient'
import { weighGroups, type GrpoSettings } from '../../src/training/grpo'
import { updateValue, type ReinforceSettings } from '../../src/training/reinforce'
import { everySeventh, reference, relativeDifference, tinyModel, tinyModelWithHead } from '../tiny-model'

const settings: ReinforceSettings = {
  steps: 1,
  batchSize: 3,
  microBatchSize: 2,
  learningRate: 1e-3,
  valueLearningRate: 1e-3,
  klWeight: 0.05,
  missingEosPenalty: 0,
  seed: 1,
  sampling: { maxTokens: 5, temperature: reference.temperature, stopIds: [] },
}

/** An optimizer that only records the gradients. */
function recorder(): Optimizer & { gradients: Gradients } {
  const optimizer = {
    state: new Map(),
    steps: 0,
    gradients: new Map() as Gradients,
    step: (_: Model, gradients: Gradients) => void (optimizer.gradients = gradients),
  }
  return optimizer
}

/** Cuts a list of all response tokens into rows. */
function byRow(values: readonly number[]): Float32Array[] {
  let at = 0
  return reference.responses.map(({ length }) => Float32Array.from(values.slice(at, (at += length))))
}

const sequences = reference.prompts.map((prompt, i) => ({ prompt, response: reference.responses[i]! }))

function expectGradients(gradients: Gradients, want: Record<string, number[]>): void {
  expect([...gradients.keys()].sort()).toEqual(Object.keys(want).sort())
  for (const [name, values] of Object.entries(want))
    expect(relativeDifference(everySeventh(gradients.get(name)!.dataSync()), values)).toBeLessThan(1e-4)
}

test('value loss, advantages and every gradient equal those of PyTorch, in slices of unequal rows', () => {
  const optimizer = recorder()
  const episodes = byRow(reference.coefficients).map((returns, i) => ({
    ...sequences[i]!,
    returns,
    advantages: new Float32Array(returns.length),
  }))
  const { valueLoss } = updateValue({ model: tinyModelWithHead(), optimizer }, episodes, settings)
  expect(Math.abs(valueLoss! - reference.valueLoss) / reference.valueLoss).toBeLessThan(1e-4)
  const advantages = episodes.flatMap((episode) => [...episode.advantages])
  expect(relativeDifference(advantages, reference.advantages)).toBeLessThan(1e-4)
  expectGradients(optimizer.gradients, reference.valueGradients)
})

test('policy loss, entropy and every gradient equal those of PyTorch, at the sampling temperature', () => {
  const optimizer = recorder()
  const episodes = byRow(reference.advantages).map((advantages, i) => ({ ...sequences[i]!, advantages }))
  const { policyLoss, entropy } = updatePolicy({ model: tinyModel(), optimizer }, episodes, settings)
  expect(Math.abs(policyLoss! - reference.policyLoss)).toBeLessThan(1e-4)
  expect(Math.abs(entropy! - reference.entropy)).toBeLessThan(1e-4)
  expectGradients(optimizer.gradients, reference.policyGradients)
})

test.each(reference.grpo.variants)(
  'GRPO with advantages by $advantageScale and the mean of the loss by $lossMean equals PyTorch: loss and gradients',
  ({ advantageScale, lossMean, ...want }) => {
    const { returns, tokenLimit } = reference.grpo
    const variant = { advantageScale, lossMean } as Pick<GrpoSettings, 'advantageScale' | 'lossMean'>
    const sampling = { ...settings.sampling, maxTokens: tokenLimit }
    const lengths = reference.responses.map(({ length }) => length)
    const weighed = weighGroups({ groupSize: 3, ...variant, sampling })(returns, lengths)
    const size = want.advantages.reduce((sum, a) => sum + Math.abs(a), 0) / want.advantages.length
    expect(Math.abs(weighed.metrics.advantageSize! - size)).toBeLessThan(1e-6)
    const optimizer = recorder()
    const episodes = sequences.map((s, i) => ({
      ...s,
      advantages: new Float32Array(s.response.length).fill(weighed.perToken[i]!),
    }))
    const { policyLoss } = updatePolicy({ model: tinyModel(), optimizer }, episodes, settings)
    expect(Math.abs(policyLoss! - want.loss)).toBeLessThan(1e-4)
    expectGradients(optimizer.gradients, want.gradients)
  },
)

test('responses whose returns are equal teach GRPO nothing, however they are divided', () => {
  const weigh = (scale: 'std' | 'none') =>
    weighGroups({ groupSize: 2, advantageScale: scale, sampling: settings.sampling })([3, 3, -1, -1], [1, 2, 3, 4])
  for (const scale of ['std', 'none'] as const) expect(weigh(scale).perToken.map(Math.abs)).toEqual([0, 0, 0, 0])
})
