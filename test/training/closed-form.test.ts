// Training against the optimum of the objective, known in closed form: π* ∝ π_SFT · exp((1−β) r / β) over whole
// responses; of DPO π* ∝ π_SFT · exp(r / β), r the rewards of the labels' Bradley–Terry model.
import { parseModelConfig } from '../../src/model/config'
import type { Model } from '../../src/model/model'
import { tf } from '../../src/model/tf'
import { weightShapes } from '../../src/model/weight-names'
import { cloneModel } from '../../src/model/weights'
import { trainDpo } from '../../src/training/dpo'
import { responseTokens, tokenLogProbs } from '../../src/training/gradients'
import { trainGrpo, type GrpoSettings } from '../../src/training/grpo'
import { trainReinforce } from '../../src/training/reinforce'
import { addScoreHead } from '../../src/training/reward-model'
import { trainOnlineDpo, type LiveLabels } from '../../src/training/online-dpo'
import { withReference } from '../../src/training/reference-log-probs'
import { trainRloo } from '../../src/training/rloo'
import type { Reward } from '../../src/training/rollout'
import { normal } from '../../src/random'
import { temporaryFolder } from '../tiny-folder'

const ACTIONS = 5
const PROMPT = [0, 1]
const TEMPERATURE = 0.9

function smallModel(): Model {
  const config = parseModelConfig(
    {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size: ACTIONS,
      hidden_size: 16,
      intermediate_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 2,
      max_position_embeddings: 16,
      tie_word_embeddings: false,
      eos_token_id: 99,
    },
    'small',
  )
  const weights = new Map(
    [...weightShapes(config)].map(
      ([name, shape]) =>
        [
          name,
          tf.tensor(
            Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
              shape.length === 1 ? 1 : 0.2 * normal([name, i]),
            ),
            shape,
          ),
        ] as const,
    ),
  )
  return { config, weights }
}

const REWARDS = [0.1, 0.9, -0.4, 0.5, 0.3]
/** Reward of one action, or of two, where that of the second depends on the first. */
const rewardOf = (actions: readonly number[]) =>
  actions.length === 1
    ? REWARDS[actions[0]!]!
    : REWARDS[actions[0]!]! - 0.8 * Number(actions[0] === actions[1]) + 0.1 * actions[1]!
const reward: Reward = { score: (responses) => Promise.resolve(responses.map(({ ids }) => rewardOf(ids))) }

/** Every response of the given number of steps. */
const responses = (steps: number): number[][] =>
  steps === 0
    ? [[]]
    : responses(steps - 1).flatMap((before) => Array.from({ length: ACTIONS }, (_, action) => [...before, action]))

function distribution(model: Model, steps: number, temperature = TEMPERATURE): number[] {
  const tokens = responseTokens(responses(steps).map((response) => ({ prompt: PROMPT, response })))
  const logProbs = tokenLogProbs(model, tokens, temperature)
  return tokens.starts
    .slice(0, -1)
    .map((start, row) => Math.exp(logProbs.slice(start, tokens.starts[row + 1]).reduce((a, b) => a + b, 0)))
}

function optimum(reference: readonly number[], steps: number, beta: number, scale = 1 - beta): number[] {
  const weights = responses(steps).map((response, i) => reference[i]! * Math.exp((scale * rewardOf(response)) / beta))
  const total = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / total)
}

const totalVariation = (p: readonly number[], q: readonly number[]) =>
  p.reduce((sum, value, i) => sum + Math.abs(value - q[i]!), 0) / 2

type Variant = Pick<GrpoSettings, 'advantageScale' | 'lossMean'>

async function train(
  algorithm: 'reinforce' | 'rloo' | 'grpo',
  actions: number,
  beta: number,
  steps: number,
  variant: Variant = {},
) {
  const policy = smallModel()
  const reference = cloneModel(policy)
  const settings = {
    steps,
    batchSize: 64,
    microBatchSize: 64,
    groupSize: 8,
    learningRate: 0.02,
    valueLearningRate: 0.05,
    optimizer: 'adamw' as const,
    schedule: 'linear' as const,
    klWeight: beta,
    missingEosPenalty: 0,
    seed: 3,
    sampling: { maxTokens: actions, temperature: TEMPERATURE, stopIds: [], batchSize: 64 },
    ...variant,
  }
  const host = { checkpoints: temporaryFolder(), checkpointEvery: 1e6, onStep: () => {} }
  const problem = { prompts: Array.from({ length: 64 }, () => PROMPT), reward }
  const value = cloneModel(policy)
  addScoreHead(value, 1, 0)
  if (algorithm === 'rloo') await trainRloo({ policy, reference }, problem, settings, host)
  else if (algorithm === 'grpo') await trainGrpo({ policy, reference }, problem, settings, host)
  else await trainReinforce({ policy, reference, value }, problem, settings, host)
  return { trained: distribution(policy, actions), reference: distribution(reference, actions) }
}

test.each([0.15, 0.3, 0.5])('one step, β = %d: REINFORCE converges to the optimum', async (beta) => {
  const { trained, reference } = await train('reinforce', 1, beta, 100)
  const want = optimum(reference, 1, beta)
  expect(totalVariation(reference, want)).toBeGreaterThan(0.05) // there was something to learn
  expect(totalVariation(trained, want)).toBeLessThan(0.02)
})

test('one step without KL: the best action gets almost all probability', async () => {
  const { trained } = await train('reinforce', 1, 0, 100)
  expect(trained[1]).toBeGreaterThan(0.98)
})

test.each([
  ['reinforce', 300],
  ['rloo', 150],
] as const)(
  'two steps: %s converges to the optimum over whole responses, found by enumeration',
  async (algorithm, steps) => {
    const { trained, reference } = await train(algorithm, 2, 0.3, steps)
    const want = optimum(reference, 2, 0.3)
    expect(totalVariation(reference, want)).toBeGreaterThan(0.1)
    expect(totalVariation(trained, want)).toBeLessThan(0.02)
  },
)

test.each<[Variant, number]>([
  [{}, 150],
  [{ advantageScale: 'none', lossMean: 'token' }, 150],
  [{ advantageScale: 'none', lossMean: 'constant' }, 150],
])('two steps: GRPO %j converges to the same optimum', async (variant, steps) => {
  const { trained, reference } = await train('grpo', 2, 0.3, steps, variant)
  expect(totalVariation(trained, optimum(reference, 2, 0.3))).toBeLessThan(0.02)
})

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

/** Every pair of different responses once, with the soft label of the rewards' Bradley–Terry model. */
const labelledPairs = (steps: number) =>
  responses(steps).flatMap((first, i) =>
    responses(steps)
      .slice(i + 1)
      .map((second) => ({
        group: 'all',
        first: { prompt: PROMPT, response: first },
        second: { prompt: PROMPT, response: second },
        preferFirst: sigmoid(rewardOf(first) - rewardOf(second)),
      })),
  )

test.each([
  [1, 0.3],
  [1, 1],
  [2, 0.3],
])(
  'responses of %d actions, β = %d: DPO on soft labels reaches the optimum of their rewards',
  async (actions, beta) => {
    const policy = smallModel()
    const before = distribution(policy, actions, 1)
    const pairs = await withReference('all', policy, labelledPairs(actions), {
      folder: temporaryFolder(),
      microBatchSize: 64,
    })
    const batchSize = actions === 1 ? pairs.length : 60
    const settings = { beta, batchSize, microBatchSize: 64, epochs: (150 * batchSize) / pairs.length, seed: 3 }
    const training = { ...settings, learningRate: 0.02, optimizer: 'adamw' as const, schedule: 'linear' as const }
    await trainDpo(policy, pairs, training, { checkpoints: temporaryFolder(), checkpointEvery: 1e6, onStep: () => {} })
    const want = optimum(before, actions, beta, 1)
    expect(totalVariation(before, want)).toBeGreaterThan(0.05) // there was something to learn
    expect(totalVariation(distribution(policy, actions, 1), want)).toBeLessThan(0.02)
  },
)

test('one step: online DPO, labelled as it samples, reaches the same optimum, found by enumeration', async () => {
  const policy = smallModel()
  const reference = cloneModel(policy)
  const labels: LiveLabels = {
    label: (pairs) =>
      Promise.resolve(pairs.map(({ first, second }) => ({ preferFirst: sigmoid(rewardOf(first) - rewardOf(second)) }))),
  }
  const beta = 0.5
  const settings = {
    ...{ beta, steps: 150, batchSize: 32, microBatchSize: 32, seed: 3, learningRate: 0.02 },
    ...{ optimizer: 'adamw' as const, schedule: 'linear' as const },
    sampling: { maxTokens: 1, temperature: TEMPERATURE, stopIds: [], batchSize: 64 },
  }
  const host = { checkpoints: temporaryFolder(), checkpointEvery: 1e6, onStep: () => {} }
  const task = { prompts: Array.from({ length: 32 }, () => PROMPT), labels }
  const { history } = await trainOnlineDpo({ policy, reference }, task, settings, host)
  const before = distribution(reference, 1)
  const want = optimum(before, 1, beta, 1)
  expect(totalVariation(before, want)).toBeGreaterThan(0.05)
  expect(totalVariation(distribution(policy, 1), want)).toBeLessThan(0.02)
  expect(history[0]!.loss).toBeCloseTo(Math.LN2, 5) // the policy starts as its reference
  expect(history[0]).toMatchObject({ labels: 32, unlabelled: 0 })
})
