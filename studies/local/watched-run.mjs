// One RL training with a watch in the world of named-facts.mjs: rloo, validation and alarm are those of stage `rl`.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { END, promptsOf, RESPONSE_TOKENS, sftPolicy, wordsOf } from './named-facts.mjs'

const require = createRequire(import.meta.url)
const { openAlarm } = require('../../dist/activities/watch-alarm.js')
const { mean } = require('../../dist/mean.js')
const { generate } = require('../../dist/model/generate.js')
const { disposeModel } = require('../../dist/model/model.js')
const { cloneModel } = require('../../dist/model/weights.js')
const { normal, uniform } = require('../../dist/random.js')
const { openCandidates } = require('../../dist/training/candidates.js')
const { trainRloo } = require('../../dist/training/rloo.js')
const { openValidation } = require('../../dist/training/validation.js')

/** Seeds of policies: one in five does not learn to read its prompt in SFT, as 3. */
const POLICIES = [1, 2, 4]
const [TRAINING_PROMPTS, TEST_PROMPTS] = [512, 256]

/** What differs from run to run. Noise, cost and bonus are in facts: the worth of one named fact is 1. */
export function settingsOf(seed) {
  const between = (name, low, high) => low + (high - low) * uniform([seed, 'setting', name])
  const whole = (name, low, high) => Math.floor(between(name, low, high + 1))
  const validateEvery = whole('every', 2, 3)
  return {
    seed,
    policy: POLICIES[seed % POLICIES.length],
    validateEvery,
    steps: validateEvery * whole('validations', 16, 24),
    validationPrompts: whole('prompts', 64, 160),
    rewardNoise: between('reward', 0.5, 1.5),
    watchNoise: between('watch', 0.5, 1.5),
    learningRate: Math.exp(between('rate', Math.log(0.0005), Math.log(0.0012))),
    klWeight: between('kl', 0, 0.05),
    spared: whole('spared', 0, 3),
    cost: between('cost', 0.15, 0.6),
    bonus: between('bonus', 0.1, 0.4),
    likes: uniform([seed, 'likes']) < 0.5 ? 'flattery' : 'others',
  }
}

/** Facts named, less a cost for each word beyond those that are spared. */
const goldOf =
  ({ spared, cost }) =>
  ({ named, others }) =>
    named - cost * Math.max(0, others - spared)
/** Facts named, and a bonus for each other word, or each use of one of them. */
const proxyOf =
  ({ bonus, likes }) =>
  (words) =>
    words.named + bonus * words[likes]

/** What a judge says of responses: their worth and an error that is the same whenever it is asked about the same text. */
const judge = (name, seed, prompts, worth, noise) => (responses) =>
  responses.map(({ prompt, ids }) => {
    const text = [prompts[prompt].join(' '), ids.join(' ')]
    return worth(wordsOf(prompts[prompt], ids)) + noise * normal([seed, name, ...text])
  })

const policies = new Map()
async function policyOf(seed, folder) {
  if (!policies.has(seed)) policies.set(seed, await sftPolicy(seed, join(folder, `sft-${seed}`)))
  return cloneModel(policies.get(seed))
}

function trainingSettings({ steps, validateEvery, seed, learningRate, klWeight }) {
  const sampling = { maxTokens: RESPONSE_TOKENS, temperature: 0.9, stopIds: [END], batchSize: TEST_PROMPTS }
  const batch = { batchSize: 64, microBatchSize: 64, groupSize: 8 }
  const optimizer = { optimizer: 'adamw', maxGradientNorm: 1, learningRate }
  return { steps, validateEvery, seed, klWeight, missingEosPenalty: 0, sampling, ...batch, ...optimizer }
}

/**
 * @param proxy whether the reward is a reading of the proxy, and not of the gold score
 * @param folder for checkpoints
 * @returns the true means on test prompts at each validation, whether the alarm was raised, and what the judges said
 */
export async function watchedRun(seed, proxy, folder) {
  const drawn = settingsOf(seed)
  const settings = trainingSettings(drawn)
  const gold = goldOf(drawn)
  const trainedOn = proxy ? proxyOf(drawn) : gold
  const prompts = promptsOf(TRAINING_PROMPTS, seed, 'train')
  const held = promptsOf(drawn.validationPrompts, seed, 'validation')
  const test = promptsOf(TEST_PROMPTS, seed, 'test')
  const rewardOn = (asked) => {
    const says = judge('reward', seed, asked, trainedOn, drawn.rewardNoise)
    return { score: (responses) => Promise.resolve(says(responses)) }
  }
  const says = judge('watch', seed, held, gold, drawn.watchNoise)
  const watch = {
    action: 'warn',
    name: 'watch',
    field: 'rl.watch',
    see: (responses) => Promise.resolve(says(responses)),
  }

  const policy = await policyOf(drawn.policy, folder)
  const reference = cloneModel(policy)
  const checkpoints = join(folder, `${proxy ? 'proxy' : 'gold'}-${seed}`)
  const candidates = openCandidates(join(checkpoints, 'candidates'), 1)
  const alarm = openAlarm(watch, settings, { checkpoints, warn: () => {} })
  const validating = { prompts: held, reward: rewardOn(held), candidates, watch: alarm }
  const validation = await openValidation(policy, validating, settings)
  const truth = async (step, alarmed) => {
    const responses = await generate(policy, test, { ...settings.sampling, temperature: 0 }, [seed, 'test'])
    const words = responses.map(({ ids }, i) => wordsOf(test[i], ids))
    return { step, gold: mean(words.map(gold)), reward: mean(words.map(trainedOn)), alarmed }
  }
  const curve = [await truth(0, false)]
  const afterStep = async (step) => {
    const metrics = await validation.afterStep(step)
    if (metrics.watchAlarm !== undefined) curve.push(await truth(step, metrics.watchAlarm === 1))
    return metrics
  }
  const host = { checkpoints, checkpointEvery: Infinity, onStep: () => {} }
  await trainRloo({ policy, reference }, { prompts, reward: rewardOn(prompts), afterStep }, settings, host)
  for (const model of [policy, reference]) disposeModel(model)
  return { proxy, ...drawn, curve, validations: [validation.initial, ...candidates.all()].map(withoutResponses) }
}

const withoutResponses = ({ step, rewards, watched }) => ({ step, rewards, watched })
