// Does RL increase its reward on the default model, while KL stays bounded?
//
//   node studies/rl-learns.mjs --data hh-harmless-base.jsonl.gz [--reward words|FOLDER] [--seeds 1,2,3] [--steps 8]
//     [--validation 40] [--every 4] [--rate 5e-5]
//
// "words": 5 − mean characters per word, which rewards short words. FOLDER: a reward model, e.g. the one that
// reward-model.mjs writes to seed-1/trained. Prints the validation reward by step: the mean over greedy responses to
// held-out prompts, with the 95 % interval of the paired difference to the policy before training.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { readFlags } from '../setup/flags.mjs'
import { defaultModelFolder } from '../setup/places.mjs'
import { formatDuration, formatNumber, formatPercent } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { dataSchema } = require('../dist/contracts/settings.js')
const { readDataset } = require('../dist/data/dataset.js')
const { readTask, taskFolder } = require('../dist/data/task.js')
const { stopIds } = require('../dist/model/ending.js')
const { generate } = require('../dist/model/generate.js')
const { loadModelAndTokenizer } = require('../dist/model/loaded.js')
const { disposeModel } = require('../dist/model/model.js')
const { cloneModel, loadModel } = require('../dist/model/weights.js')
const { trainReinforce } = require('../dist/training/reinforce.js')
const { addScoreHead, rewards } = require('../dist/training/reward-model.js')

const { values: flags } = readFlags('node studies/rl-learns.mjs', {
  data: { type: 'string', required: true },
  reward: { type: 'string', default: 'words' },
  seeds: { type: 'string', numbers: true, default: '1,2,3' },
  steps: { type: 'string', number: true, default: 8 },
  validation: { type: 'string', number: true, default: 40 },
  every: { type: 'string', number: true, default: 4 },
  rate: { type: 'string', number: true, default: 5e-5 },
})

const [PROMPTS, PROMPT_TOKENS, TOKENS] = [96, 64, 32]
const [VALIDATION, EVERY] = [flags.validation, flags.every]
const settings = {
  steps: flags.steps,
  batchSize: 16,
  microBatchSize: 8,
  learningRate: flags.rate,
  valueLearningRate: 2e-4,
  optimizer: 'adamw',
  maxGradientNorm: 1,
  klWeight: 0.05,
  missingEosPenalty: 0,
}

function plainness(text) {
  const words = text.match(/[A-Za-z']+/g) ?? []
  return words.length < 3 ? -5 : 5 - words.join('').length / words.length
}

function rewardOf(tokenizer, prompts) {
  if (flags.reward === 'words')
    return (responses) => Promise.resolve(responses.map(({ ids }) => plainness(tokenizer.decode(ids))))
  return (responses) =>
    rewards(
      judge,
      responses.map(({ prompt, ids }) => ({ prompt: prompts[prompt], response: ids })),
      8,
    )
}

const judge = flags.reward === 'words' ? undefined : loadModel(flags.reward, { 'score.weight': [1, 576] })
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length
const meanOf = (rows, name) => mean(rows.map((row) => row[name]))

/** The mean of paired differences with its 95 % interval. */
function difference(after, before) {
  const each = after.map((value, i) => value - before[i])
  const centre = mean(each)
  const half = (1.96 * Math.sqrt(mean(each.map((d) => (d - centre) ** 2)))) / Math.sqrt(each.length - 1)
  return { centre, low: centre - half, high: centre + half }
}

/** Mean length of responses, and the share that ended before the limit. */
const lengthOf = ({ length, ended }) => `${formatNumber(length, 1)} tokens, ${formatPercent(ended)} ended`

for (const seed of flags.seeds) {
  const loaded = loadModelAndTokenizer(defaultModelFolder)
  const { model: policy, tokenizer } = loaded
  const ids = (row) => tokenizer.encode(tokenizer.renderChat(row.messages))
  const data = dataSchema.parse({ path: flags.data, limit: PROMPTS + VALIDATION, evaluationPrompts: VALIDATION })
  const { train, evaluation } = await readDataset(data, readTask(taskFolder('harmless')), {
    seed,
    promptTokens: PROMPT_TOKENS,
    tokensOf: (row) => ids(row).length,
  })
  const [prompts, held] = [train.map(ids), evaluation.map(ids)]
  const ends = stopIds(loaded)
  const reference = cloneModel(policy)
  const value = cloneModel(policy)
  addScoreHead(value, seed, 0)
  const validate = async () => {
    const responses = await generate(policy, held, { maxTokens: TOKENS, temperature: 0, stopIds: ends }, [seed])
    return {
      rewards: await rewardOf(tokenizer, held)(responses.map(({ ids }, prompt) => ({ prompt, ids }))),
      length: mean(responses.map(({ ids }) => ids.length)),
      ended: mean(responses.map(({ stopped }) => Number(stopped))),
    }
  }
  const before = await validate()
  console.log(
    `seed ${seed}, reward ${flags.reward === 'words' ? 'words' : 'reward model'}: ` +
      `before ${formatNumber(mean(before.rewards), 3)}, ${lengthOf(before)}`,
  )
  const afterStep = async (step) => {
    if (step % EVERY !== 0) return {}
    const now = await validate()
    const { centre, low, high } = difference(now.rewards, before.rewards)
    console.log(
      `  step ${step}: validation reward ${formatNumber(mean(now.rewards), 3)}, ` +
        `${centre >= 0 ? '+' : ''}${formatNumber(centre, 3)} (${formatNumber(low, 3)} to ${formatNumber(high, 3)}); ${lengthOf(now)}`,
    )
    return { validationReward: mean(now.rewards) }
  }
  const host = {
    checkpoints: temporaryFolder('rlaif-study-'),
    checkpointEvery: 1e6,
    onStep: (step, total, m) =>
      process.stderr.write(
        `\r  step ${step}/${total} reward ${formatNumber(m.rawReward, 3)} ` +
          `KL ${formatNumber(m.kl, 2)} entropy ${formatNumber(m.entropy, 2)} `,
      ),
  }
  const { history } = await trainReinforce(
    { policy, reference, value },
    { prompts, reward: { score: rewardOf(tokenizer, prompts) }, afterStep },
    { ...settings, seed, sampling: { maxTokens: TOKENS, temperature: 0.9, stopIds: ends, batchSize: 16 } },
    host,
  )
  const last = history.slice(-5)
  console.log(
    [
      `  last five steps: KL ${formatNumber(meanOf(last, 'kl'), 2)} (k3 ${formatNumber(meanOf(last, 'kl3'), 2)}) nats per response`,
      ` entropy ${formatNumber(meanOf(last, 'entropy'), 2)}`,
      ` sampled reward ${formatNumber(meanOf(last, 'rawReward'), 3)}; ${formatDuration(meanOf(history, 'seconds'))} per step`,
    ].join(','),
  )
  for (const model of [policy, reference, value]) disposeModel(model)
}
