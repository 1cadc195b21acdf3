// Training with matrix products in bfloat16: it learns, resumes bit for bit, and says how far sampling and training differ.
import { collapsed } from '../../src/activities/rl-collapse'
import { onlyForReading } from '../../src/model/reading-copy'
import { valuesOf } from '../../src/model/data-type'
import { withAdapter } from '../../src/model/adapter'
import { trainedWeights, type Model } from '../../src/model/model'
import { isHalf, tf } from '../../src/model/tf'
import { cloneModel } from '../../src/model/weights'
import type { Metrics } from '../../src/training/checkpoint'
import type { Precision } from '../../src/contracts/precision'
import { trainDpo } from '../../src/training/dpo'
import { trainGrpo } from '../../src/training/grpo'
import { trainOnlineDpo, type LiveLabels } from '../../src/training/online-dpo'
import { trainReinforce } from '../../src/training/reinforce'
import { addScoreHead, trainRewardModel } from '../../src/training/reward-model'
import { trainRloo } from '../../src/training/rloo'
import type { Reward } from '../../src/training/rollout'
import { trainSft } from '../../src/training/sft'
import { temporaryFolder } from '../tiny-folder'
import { reference, tinyModel } from '../tiny-model'

const sequences = reference.prompts.map((prompt, i) => ({ prompt, response: reference.responses[i]! }))
const pairs = [0, 1, 2].map((i) => ({
  group: String(i),
  first: sequences[i]!,
  second: sequences[(i + 1) % 3]!,
  preferFirst: 0.8,
}))
/** Higher for lower token ids. */
const reward: Reward = {
  score: (responses) => Promise.resolve(responses.map(({ ids }) => -ids.reduce((a, b) => a + b, 0) / ids.length / 30)),
}
/** The same preference; every third pair has no label. */
const labels: LiveLabels = {
  label: (pairs) =>
    Promise.resolve(
      pairs.map(({ first, second }, i) => (i % 3 === 2 ? undefined : { preferFirst: Number(first[0]! < second[0]!) })),
    ),
}
const rl = {
  ...{ steps: 4, batchSize: 4, microBatchSize: 2, learningRate: 3e-3, klWeight: 0.05, missingEosPenalty: 1, seed: 7 },
  sampling: { maxTokens: 6, temperature: 0.9, stopIds: [5] },
}
const task = { prompts: reference.prompts, reward }

class Killed extends Error {}

interface Job {
  models: Model[]
  run(host: Parameters<typeof trainSft>[3]): Promise<{ history: Metrics[]; stopped?: string | undefined }>
}
const ready = (precision: Precision): Model => ({ ...tinyModel(), precision })

/** Trainings of every kind, on fresh models. */
const JOBS: Record<string, (precision: Precision) => Job> = {
  sft(precision) {
    const model = ready(precision)
    const settings = { epochs: 4, batchSize: 3, microBatchSize: 3, learningRate: 5e-3, seed: 1 }
    return { models: [model], run: (host) => trainSft(model, sequences, settings, host) }
  },
  'sft of an adapter on weights that are only read'(precision) {
    const base = precision === 'bfloat16' ? onlyForReading(tinyModel()) : tinyModel()
    const model = withAdapter(base, { rank: 2, alpha: 8, targets: ['q_proj', 'down_proj'] }, 1)
    const settings = { epochs: 4, batchSize: 3, microBatchSize: 3, learningRate: 5e-3, seed: 1 }
    return { models: [model], run: (host) => trainSft(model, sequences, settings, host) }
  },
  'a reward model'(precision) {
    const model = ready(precision)
    addScoreHead(model, 1, 1)
    const settings = { epochs: 4, batchSize: 3, microBatchSize: 2, learningRate: 1e-3, seed: 1, plateau: 0 }
    return { models: [model], run: (host) => trainRewardModel(model, pairs, settings, host) }
  },
  dpo(precision) {
    const model = ready(precision)
    const referenced = pairs.map((pair) => ({ ...pair, reference: [-9, -8] as const }))
    const settings = { epochs: 4, batchSize: 3, microBatchSize: 2, learningRate: 1e-3, seed: 1, beta: 0.1 }
    return { models: [model], run: (host) => trainDpo(model, referenced, settings, host) }
  },
  'online dpo'(precision) {
    const policy = ready(precision)
    const models = { policy, reference: onlyForReading(cloneModel(policy)) }
    const { klWeight: _, missingEosPenalty: __, ...sampled } = rl
    const settings = { ...sampled, beta: 0.1 }
    const run: Job['run'] = (host) => trainOnlineDpo(models, { prompts: reference.prompts, labels }, settings, host)
    return { models: Object.values(models), run }
  },
  reinforce(precision) {
    const [policy, value] = [ready(precision), ready(precision)]
    addScoreHead(value, 1, 0)
    const models = { policy, value, reference: cloneModel(policy) }
    const settings = { ...rl, valueLearningRate: 1e-2 }
    return { models: Object.values(models), run: (host) => trainReinforce(models, task, settings, host) }
  },
  rloo(precision) {
    const policy = ready(precision)
    const models = { policy, reference: onlyForReading(cloneModel(policy)) }
    const settings = { ...rl, groupSize: 2 }
    return { models: Object.values(models), run: (host) => trainRloo(models, task, settings, host) }
  },
  grpo(precision) {
    const policy = ready(precision)
    const models = { policy, reference: onlyForReading(cloneModel(policy)) }
    const settings = { ...rl, groupSize: 2, lossMean: 'token' as const }
    return { models: Object.values(models), run: (host) => trainGrpo(models, task, settings, host) }
  },
}
const names = Object.keys(JOBS)

const digest = ({ weights }: Model) =>
  [...weights].map(([name, tensor]) => `${name} ${Buffer.from(valuesOf(tensor).buffer).toString('base64')}`).join('\n')

async function train(job: Job, checkpoints = temporaryFolder(), killAfter = Infinity) {
  const onStep = (step: number) => {
    if (step >= killAfter) throw new Killed()
  }
  return job.run({ checkpoints, checkpointEvery: 2, onStep })
}

test.each(names)('killed after step 3, a resumed run ends with the same weights, bit for bit: %s', async (name) => {
  const make = JOBS[name]!
  const undisturbed = make('bfloat16')
  await train(undisturbed)
  const checkpoints = temporaryFolder()
  await expect(train(make('bfloat16'), checkpoints, 3)).rejects.toThrow(Killed)
  const resumed = make('bfloat16')
  const { history } = await train(resumed, checkpoints)
  expect(history.at(-1)!.resumedAt).toBe(2)
  expect(digest(resumed.models[0]!)).toBe(digest(undisturbed.models[0]!))
  const exact = make('float32')
  await train(exact)
  expect(digest(exact.models[0]!)).not.toBe(digest(resumed.models[0]!))
})

test.each(names)('steps leave no tensor over, and trained weights are in float32: %s', async (name) => {
  const job = () => JOBS[name]!('bfloat16')
  await train(job()) // creates the small constants that are kept
  const { models, run } = job()
  const counts: number[] = []
  const onStep = () => void counts.push(tf.memory().numTensors)
  await run({ checkpoints: temporaryFolder(), checkpointEvery: 100, onStep })
  expect(counts).toHaveLength(4)
  expect(counts.slice(2)).toEqual([counts[1], counts[1]]) // the first step opens the optimizer
  expect([...trainedWeights(models[0]!).values()].filter(isHalf)).toEqual([])
})

describe('the gap between log π in sampling and in training', () => {
  test.each(['reinforce', 'rloo'])('is logged at each step in bfloat16, and not in float32: %s', async (name) => {
    const { history } = await train(JOBS[name]!('bfloat16'))
    expect(history).toHaveLength(rl.steps)
    for (const { samplerGap } of history) {
      expect(samplerGap).toBeGreaterThan(0)
      expect(samplerGap).toBeLessThan(0.05)
    }
    const exact = await train(JOBS[name]!('float32'))
    for (const metrics of exact.history) expect(metrics).not.toHaveProperty('samplerGap')
  })

  const limits = { maxKl: 10, minEntropy: 0, minLength: 1 }
  const sound = { kl: 1, entropy: 2, length: 5 }
  test('ends training where it is large, with the reason and what to do', async () => {
    expect(collapsed(sound, limits)).toBeUndefined()
    expect(collapsed({ ...sound, samplerGap: 0.2 }, limits)).toBeUndefined()
    const reason =
      'log-probabilities of sampled tokens differ by 0.300 nats on average from those of the training pass, ' +
      'above 0.25: set rl.precision to "float32"'
    expect(collapsed({ ...sound, samplerGap: 0.3 }, limits)).toBe(reason)

    const policy = ready('bfloat16')
    let step = 0
    const gapFromStep4 = (metrics: Metrics) =>
      collapsed({ ...metrics, ...sound, ...(++step > 3 && { samplerGap: 0.3 }) }, limits)
    const { history, stopped } = await trainRloo(
      { policy, reference: cloneModel(policy) },
      { ...task, collapsed: gapFromStep4 },
      { ...rl, groupSize: 2 },
      { checkpoints: temporaryFolder(), checkpointEvery: 2, onStep: () => {} },
    )
    expect(stopped).toContain(reason)
    expect(history).toHaveLength(2)
  })
})
