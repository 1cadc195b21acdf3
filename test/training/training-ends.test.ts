// How training ends before its last step, and what it keeps.
import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { calibration } from '../../src/evaluation/calibration'
import type { Model } from '../../src/model/model'
import { tf } from '../../src/model/tf'
import { SCORE_HEAD } from '../../src/model/weight-names'
import { openCandidates } from '../../src/training/candidates'
import { Diverged, trainSteps } from '../../src/training/checkpoint'
import { openOptimizer, update } from '../../src/training/update'
import { addScoreHead, hasPlateaued, paddingGap, rewards, trainRewardModel } from '../../src/training/reward-model'
import { leaveOneOut } from '../../src/training/rloo'
import { temporaryFolder } from '../tiny-folder'
import { reference, tinyModel, tinyModelWithHead } from '../tiny-model'

const host = (checkpoints = temporaryFolder()) => ({ checkpoints, checkpointEvery: 2, onStep: () => {} })

/** A model whose step writes the number of the step into a weight. */
function counting() {
  const model = tinyModel()
  const write = (index: number) => {
    model.weights.get('model.norm.weight')!.dispose()
    model.weights.set('model.norm.weight', tf.fill([16], index + 1))
    return Promise.resolve({ kl: index })
  }
  return {
    model,
    trained: { policy: { model, optimizer: openOptimizer({ learningRate: 1 }) } },
    write,
    step: () => model.weights.get('model.norm.weight')!.dataSync()[0],
  }
}

test('a collapsed policy is restored from the last checkpoint, and training ends there and says why', async () => {
  const { trained, write, step } = counting()
  const { history, stopped } = await trainSteps(10, trained, host(), {
    step: write,
    collapsed: ({ kl }) => (kl! > 4.5 ? `KL is ${kl}` : undefined),
  })
  expect(stopped).toBe('training: KL is 5 at step 6; the model is that of step 4')
  expect(history.map((metrics) => metrics.step)).toEqual([1, 2, 3, 4])
  expect(step()).toBe(4)
})

test.each([
  ['the newest checkpoint', 1, 4],
  ['every checkpoint', 2, 0],
])('%s is damaged: what is saved again at its step replaces it', async (_, damaged, resumedAt) => {
  const checkpoints = temporaryFolder()
  const stopAt = (step: number) => ({ ...host(checkpoints), interrupted: () => step === done })
  let done = 0
  const run = async (end: number) => {
    const { trained, write } = counting()
    const step = (index: number) => ((done = index + 1), write(index))
    return (await trainSteps(10, trained, stopAt(end), { step }).catch((error: Error) => error)) as {
      history?: { resumedAt: number }[]
    }
  }
  await run(6)
  const names = readdirSync(checkpoints).sort()
  expect(names).toEqual(['step-00000004', 'step-00000006'])
  for (const name of names.slice(-damaged)) truncateSync(join(checkpoints, name, 'policy.safetensors'), 100)
  const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
  await run(resumedAt + 2)
  expect(stderr).toHaveBeenCalledTimes(damaged)
  const { history } = await run(Infinity)
  expect(stderr).toHaveBeenCalledTimes(damaged)
  stderr.mockRestore()
  expect(history!.at(-1)!.resumedAt).toBe(resumedAt + 2)
})

test('without a checkpoint to go back to, training fails and says what to change', async () => {
  const { trained, write } = counting()
  await expect(trainSteps(10, trained, host(), { step: write, collapsed: () => 'KL is 9' })).rejects.toThrow(Diverged)
  await expect(trainSteps(10, trained, host(), { step: () => Promise.resolve({ loss: NaN }) })).rejects.toThrow(
    /loss became NaN at step 1; lower the learning rate .* step 1 of 10, is used/,
  )
})

test('a metric that is not finite ends training as a failure, checkpoint or not, unless the loop goes back', async () => {
  const nanAt = (write: (index: number) => Promise<{ kl: number }>) => async (index: number) => ({
    ...(await write(index)),
    loss: index === 5 ? NaN : 1,
  })
  const { trained, write } = counting()
  await expect(trainSteps(10, trained, host(), { step: nanAt(write) })).rejects.toThrow(
    /loss became NaN at step 6; .*maxGradientNorm.*failed at step 6 of 10/,
  )
  const other = counting()
  const result = await trainSteps(10, other.trained, host(), {
    step: nanAt(other.write),
    onDivergence: 'return to checkpoint',
  })
  expect(result.stopped).toBe('training: loss became NaN at step 6; the model is that of step 4')
  expect(other.step()).toBe(4)
})

test('what follows a step sees no broken or collapsed model', async () => {
  const { trained, write } = counting()
  const validated: number[] = []
  const afterStep = (done: number) => Promise.resolve(validated.push(done)).then(() => ({ validationReward: 1 }))
  const { history } = await trainSteps(10, trained, host(), {
    step: write,
    afterStep,
    collapsed: ({ kl }) => (kl! > 4.5 ? 'KL is high' : undefined),
  })
  expect(validated).toEqual([1, 2, 3, 4, 5])
  expect(history.at(-1)).toMatchObject({ step: 4, validationReward: 1 })
})

test('an update that breaks a weight shows in the metrics of its own step, the last one too', () => {
  const { model, trained } = counting()
  const gradient = () => new Map([['model.norm.weight', tf.ones([16])]])
  expect(update(trained.policy, gradient(), { learningRate: 1e-3 }, 1).weightNorm).toBeGreaterThan(0)
  model.weights.get('model.norm.weight')!.dispose()
  model.weights.set('model.norm.weight', tf.fill([16], NaN))
  expect(update(trained.policy, gradient(), { learningRate: 1e-3 }, 1).weightNorm).toBeNaN()
})

test('a reward model whose scores are not finite gives no score', async () => {
  const model = tinyModelWithHead()
  model.weights.set(SCORE_HEAD, tf.fill([1, model.config.hiddenSize], NaN))
  const sequence = { prompt: reference.prompts[0]!, response: reference.responses[0]! }
  await expect(rewards(model, [sequence], 2)).rejects.toThrow(Diverged)
  await expect(rewards(model, [sequence], 2)).rejects.toThrow(/score of sequence 1 of 1 is NaN; .*learningRate/)
})

test('a plateau is detected only at the end of an epoch', () => {
  expect(hasPlateaued([1, 1, 0.9, 0.9], 2, 0.05)).toBe(false)
  expect(hasPlateaued([1, 1, 0.99, 0.99], 2, 0.05)).toBe(true)
  expect(hasPlateaued([1, 1, 0.99], 2, 0.05)).toBe(false)
  expect(hasPlateaued([1, 1], 2, 0.05)).toBe(false)
})

test('reward-model training that reached its plateau stops before its last epoch', async () => {
  const model = tinyModelWithHead()
  const same = { prompt: reference.prompts[0]!, response: reference.responses[0]! }
  // Equal responses: the loss stays log 2.
  const pairs = Array.from({ length: 4 }, (_, i) => ({ group: String(i), first: same, second: same, preferFirst: 1 }))
  const { history } = await trainRewardModel(
    model,
    pairs,
    { epochs: 9, plateau: 0.01, batchSize: 2, microBatchSize: 2, learningRate: 1e-4, seed: 1 },
    host(),
  )
  expect(history).toHaveLength(4)
})

test('padding on the left or on the right does not change a score', () => {
  const model = tinyModel()
  addScoreHead(model, 1)
  expect(
    paddingGap(
      model,
      reference.prompts.map((prompt, i) => ({ prompt, response: reference.responses[i]! })),
    ),
  ).toBeLessThan(1e-4)
})

test('the best candidates are kept, among equals the later, and their weights can be loaded again', () => {
  const folder = join(temporaryFolder(), 'candidates')
  const candidates = openCandidates(folder, 2)
  const { model, write, step } = counting()
  const rewards = [0.1, 0.5, 0.3, 0.5, 0.2]
  rewards.forEach((reward, i) => {
    void write(i)
    candidates.consider({ step: i + 1, reward, responses: [[i]] }, model)
  })
  expect(candidates.list().map((record) => record.step)).toEqual([4, 2])
  expect(readdirSync(folder).filter((name) => name.startsWith('step'))).toEqual(['step-00000002', 'step-00000004'])
  expect(candidates.all().map((record) => record.step)).toEqual([1, 2, 3, 4, 5]) // every validation is recorded
  expect(step()).toBe(5)
  const use = jest.fn((policy: Model) => expect(policy.weights.get('model.norm.weight')!.dataSync()[0]).toBe(4))
  candidates.withPolicy(candidates.list()[0]!, model, use)
  expect(use).toHaveBeenCalledTimes(1)
})

test('leave-one-out advantages equal those computed by hand', () => {
  expect(leaveOneOut([1, 2, 6])).toEqual([-3, -1.5, 4.5])
  expect(leaveOneOut([2, 2])).toEqual([0, 0])
})

test('the calibration error equals that computed by hand', () => {
  const { bins, error } = calibration([0.91, 0.95, 0.12, 0.16], [1, 0, 0, 0], 10)
  expect(bins.map(({ observed, pairs }) => [observed, pairs])).toEqual([
    [0, 2],
    [0.5, 2],
  ])
  expect(bins[0]!.predicted).toBeCloseTo(0.14, 10)
  expect(error).toBeCloseTo(0.5 * 0.14 + 0.5 * 0.43, 10)
})
