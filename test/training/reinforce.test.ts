// REINFORCE on the tiny model: returns, learning, and resuming from checkpoints.
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tf } from '../../src/model/tf'
import type { Model } from '../../src/model/model'
import { cloneModel } from '../../src/model/weights'
import { openCandidates } from '../../src/training/candidates'
import type { TrainingHost } from '../../src/training/checkpoint'
import { returnsOf, trainReinforce, type ReinforceSettings } from '../../src/training/reinforce'
import { rewardWithEosRule, type Reward } from '../../src/training/rollout'
import { addScoreHead } from '../../src/training/reward-model'
import { trainSft } from '../../src/training/sft'
import { openValidation } from '../../src/training/validation'
import { temporaryFolder } from '../tiny-folder'
import { reference, tinyModel } from '../tiny-model'

const settings: ReinforceSettings = {
  steps: 6,
  batchSize: 4,
  microBatchSize: 2,
  learningRate: 3e-3,
  valueLearningRate: 1e-2,
  klWeight: 0.05,
  missingEosPenalty: 1,
  sampling: { maxTokens: 6, temperature: 0.9, stopIds: [5] },
  seed: 7,
}
/** Higher for lower token ids. */
const reward: Reward = {
  score: async (responses) => responses.map(({ ids }) => -ids.reduce((a, b) => a + b, 0) / ids.length / 30),
}

class Killed extends Error {}

function flipBit(file: string): void {
  const bytes = readFileSync(file)
  bytes[bytes.length - 10]! ^= 1
  writeFileSync(file, bytes)
}

/** Trains the tiny model; throws out of the loop after step `killAfter`, leaving what a killed process would leave. */
async function train(checkpoints: string, killAfter = Infinity, steps = settings.steps) {
  const policy = tinyModel()
  const value = cloneModel(policy)
  addScoreHead(value, 1, 0)
  const host: TrainingHost = {
    checkpoints,
    checkpointEvery: 2,
    onStep: (step) => {
      if (step >= killAfter) throw new Killed()
    },
  }
  const { history } = await trainReinforce(
    { policy, reference: cloneModel(policy), value },
    { prompts: reference.prompts, reward },
    { ...settings, steps },
    host,
  )
  return { policy, value, history }
}
const digest = ({ weights }: Model) =>
  [...weights].map(([name, tensor]) => `${name} ${Buffer.from(tensor.dataSync().buffer).toString('base64')}`).join('\n')

test('returns combine the reward and the KL still to come, as computed by hand', () => {
  const got = [...returnsOf(2, [0.1, -0.2, 0.4], 0.05)]
  const want = [0.95 * 2 - 0.05 * 0.3, 0.95 * 2 - 0.05 * 0.2, 0.95 * 2 - 0.05 * 0.4]
  expect(got).toHaveLength(want.length)
  got.forEach((value, i) => expect(value).toBeCloseTo(want[i]!, 6))
  expect([...returnsOf(2, [0.1, 0.2], 0)]).toEqual([2, 2])
})

test('a response without an end-of-turn token loses the penalty, but not below the floor', () => {
  expect(rewardWithEosRule(0.5, true, 1, -1)).toBe(0.5)
  expect(rewardWithEosRule(0.5, false, 1, -1)).toBe(-0.5)
  expect(rewardWithEosRule(-0.5, false, 1, -1)).toBe(-1)
  expect(rewardWithEosRule(-0.5, false, 1)).toBe(-1.5)
})

test('KL is 0 at the first step and grows as the policy moves', async () => {
  const { history } = await train(temporaryFolder())
  expect(Math.abs(history[0]!.kl!)).toBeLessThan(1e-4)
  expect(history.at(-1)!.kl3).toBeGreaterThan(history[0]!.kl3!)
})

test('the policy learns to get more reward', async () => {
  const { history } = await train(temporaryFolder(), Infinity, 150)
  const mean = (rows: typeof history) => rows.reduce((sum, row) => sum + row.rawReward!, 0) / rows.length
  expect(mean(history.slice(-10)) - mean(history.slice(0, 10))).toBeGreaterThan(0.2)
})

test.each([1, 2, 3, 5])('killed after step %i, a resumed run ends with the same weights, bit for bit', async (step) => {
  const undisturbed = await train(temporaryFolder())
  const checkpoints = temporaryFolder()
  await expect(train(checkpoints, step)).rejects.toThrow(Killed)
  const resumed = await train(checkpoints)
  expect(resumed.history.at(-1)!.resumedAt).toBe(step - ((step - 1) % 2) - 1)
  expect(digest(resumed.policy)).toBe(digest(undisturbed.policy))
  expect(digest(resumed.value)).toBe(digest(undisturbed.value))
})

test.each<[string, (file: string) => void]>([
  ['cut short', (file) => truncateSync(file, 1000)],
  ['with one bit flipped', flipBit],
  ['missing', rmSync],
])('a checkpoint with weights %s is skipped in favour of the one before it', async (_, damage) => {
  const checkpoints = temporaryFolder()
  await expect(train(checkpoints, 6)).rejects.toThrow(Killed)
  const newest = readdirSync(checkpoints).sort().at(-1)!
  damage(join(checkpoints, newest, 'policy.safetensors'))
  const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
  const resumed = await train(checkpoints)
  expect(stderr.mock.calls.join()).toMatch(/step-00000004 cannot be read .*trying the one before/)
  stderr.mockRestore()
  expect(resumed.history.at(-1)!.resumedAt).toBe(2)
  expect(digest(resumed.policy)).toBe(digest((await train(temporaryFolder())).policy))
})

test('a loss that is not a number stops training and says what to change', async () => {
  const model = tinyModel()
  const poisoned = model.weights.get('model.norm.weight')!
  model.weights.set('model.norm.weight', tf.fill(poisoned.shape, NaN))
  const sequences = reference.prompts.map((prompt, i) => ({ prompt, response: reference.responses[i]! }))
  const host = { checkpoints: temporaryFolder(), checkpointEvery: 5, onStep: () => {} }
  await expect(
    trainSft(model, sequences, { epochs: 1, batchSize: 3, microBatchSize: 3, learningRate: 1e-3, seed: 1 }, host),
  ).rejects.toThrow(/loss became NaN at step 1; lower the learning rate/)
})

test('SFT overfits three sequences', async () => {
  const model = tinyModel()
  const sequences = reference.prompts.map((prompt, i) => ({ prompt, response: reference.responses[i]! }))
  const { history } = await trainSft(
    model,
    sequences,
    { epochs: 150, batchSize: 3, microBatchSize: 3, learningRate: 5e-3, seed: 1 },
    { checkpoints: temporaryFolder(), checkpointEvery: 1000, onStep: () => {} },
  )
  expect(history.at(-1)!.loss).toBeLessThan(0.1)
})

test('what is done within a step is told: tokens, scores, micro-batches, validations and what is written', async () => {
  const told: string[] = []
  const onPart = (doing: string, done: number, total: number) => void told.push(`${doing} ${done}/${total}`)
  const checkpoints = temporaryFolder()
  const policy = tinyModel()
  const value = cloneModel(policy)
  addScoreHead(value, 1, 0)
  const scored: Reward = {
    score: async (responses, onScored) => {
      responses.forEach((_, i) => onScored?.(i + 1))
      return reward.score(responses)
    },
  }
  const task = { prompts: reference.prompts, reward: scored }
  const candidates = openCandidates(join(checkpoints, 'candidates'), 1)
  const every = { ...settings, steps: 2, validateEvery: 1 }
  const { afterStep } = await openValidation(policy, { ...task, candidates, onPart }, every)
  const validated = told.splice(0)
  expect(validated).toContain('validating: sampling tokens 6/6')
  expect(validated).toContain('validating: scoring responses 1/' + reference.prompts.length)
  const host = { checkpoints, checkpointEvery: 1, onStep: () => {}, onPart }
  await trainReinforce({ policy, reference: cloneModel(policy), value }, { ...task, afterStep }, every, host)
  for (const part of [
    'sampling tokens 1/6',
    'sampling tokens 6/6',
    'scoring responses 3/3',
    'comparing with the SFT model 2/3',
    'learning values 2/3',
    'learning 3/3',
    'validating: sampling tokens 1/6',
    'validating: writing the candidate 0/1',
    'writing the checkpoint 1/2',
    'reading the checkpoint back 3/4',
  ])
    expect(told).toContain(part)
})

test('so are the micro-batches of supervised fine-tuning', async () => {
  const told: number[] = []
  const sequences = reference.prompts.map((prompt) => ({ prompt, response: [3, 4] }))
  const batches = { epochs: 1, batchSize: sequences.length, microBatchSize: 1, learningRate: 1e-3, seed: 1 }
  const host = { checkpoints: temporaryFolder(), checkpointEvery: 9, onStep: () => {} }
  await trainSft(tinyModel(), sequences, batches, { ...host, onPart: (_, done) => void told.push(done) })
  expect(told).toEqual(sequences.map((_, i) => i + 1))
})
