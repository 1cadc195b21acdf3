// A reward model on human preferences, compared with TRL's RewardTrainer on the same pairs, model, order and steps.
//
//   node studies/reward-model.mjs --data hh-harmless-base.jsonl.gz --python reference/bin/python [--seeds 1,2]
//     [--out folder]
//
// Prints the losses of the first steps side by side, and the accuracy on held-out pairs with Wilson's 95 % interval.
// The Python environment needs the packages of test/reference/requirements.txt.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFlags } from '../setup/flags.mjs'
import { defaultModelFolder } from '../setup/places.mjs'
import {
  formatDuration,
  formatFigure,
  formatNumber,
  formatPercent,
  formatPercentRange,
  pInWords,
} from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { readDataset } = require('../dist/data/dataset.js')
const { dataSchema } = require('../dist/contracts/settings.js')
const { readTask, taskFolder } = require('../dist/data/task.js')
const { wilson, mcnemarTest } = require('../dist/evaluation/statistics.js')
const { endId } = require('../dist/model/ending.js')
const { loadModelAndTokenizer } = require('../dist/model/loaded.js')
const { disposeModel } = require('../dist/model/model.js')
const { saveModel } = require('../dist/model/weights.js')
const { openBatches } = require('../dist/training/batches.js')
const { addScoreHead, rewards, trainRewardModel } = require('../dist/training/reward-model.js')

const { values: flags } = readFlags('node studies/reward-model.mjs', {
  data: { type: 'string', required: true },
  python: { type: 'string', required: true },
  seeds: { type: 'string', numbers: true, default: '1,2' },
  out: { type: 'string' },
})
const out = flags.out ?? mkdtempSync(join(tmpdir(), 'rlaif-study-'))
mkdirSync(out, { recursive: true })

const PROMPT_TOKENS = 128
const RESPONSE_TOKENS = 64 // 192 in all
const [TRAINING, TEST] = [200, 296]
const settings = {
  epochs: 1,
  plateau: 0,
  batchSize: 10,
  microBatchSize: 5,
  learningRate: 2e-5,
  optimizer: 'adamw',
  maxGradientNorm: 1,
  schedule: 'linear',
}

async function readPairs(seed, loaded) {
  const { tokenizer } = loaded
  const task = readTask(taskFolder('harmless'))
  const end = endId(loaded)
  const prompt = (row) => tokenizer.encode(tokenizer.renderChat(row.messages))
  const data = dataSchema.parse({ path: flags.data, limit: TRAINING + TEST, evaluationPrompts: TEST })
  const { train, evaluation } = await readDataset(data, task, {
    seed,
    promptTokens: PROMPT_TOKENS,
    tokensOf: (row) => prompt(row).length,
  })
  const response = (text) => [...tokenizer.encode(text), end].slice(0, RESPONSE_TOKENS)
  const pairOf = (row) => {
    const [one, two] = row.pairs[0].responses.map((text) => ({ prompt: prompt(row), response: response(text) }))
    return { group: row.id, first: one, second: two, preferFirst: row.pairs[0].preferred === 1 ? 1 : 0 }
  }
  return { training: train.map(pairOf), test: evaluation.map(pairOf) }
}

const whole = ({ prompt, response }) => [...prompt, ...response]
const chosenAndRejected = ({ first, second, preferFirst }) =>
  (preferFirst === 1 ? [first, second] : [second, first]).map(whole)

async function ours(model, training, test, seed, folder) {
  const started = performance.now()
  const { history } = await trainRewardModel(
    model,
    training,
    { ...settings, seed },
    {
      checkpoints: join(folder, 'checkpoints'),
      checkpointEvery: 1e6,
      onStep: (step, total, { loss }) =>
        process.stderr.write(`\rrlaif, seed ${seed}: step ${step}/${total} loss ${formatNumber(loss, 4)} `),
    },
  )
  const seconds = (performance.now() - started) / 1000
  const scores = await rewards(
    model,
    test.flatMap(({ first, second }) => [first, second]),
    8,
  )
  return {
    losses: history.map(({ loss }) => loss),
    seconds,
    right: test.map(({ preferFirst }, i) => scores[2 * i] > scores[2 * i + 1] === (preferFirst === 1)),
  }
}

function trl(training, test, seed, folder) {
  const steps = Math.ceil((training.length * settings.epochs) / settings.batchSize)
  const batchOf = openBatches(training.length, { batchSize: settings.batchSize, seed, stage: 'reward-model' })
  const ordered = Array.from({ length: steps }, (_, step) =>
    batchOf(step).map((i) => chosenAndRejected(training[i])),
  ).flat()
  writeFileSync(
    join(folder, 'trl.json'),
    JSON.stringify({ model: join(folder, 'initial'), settings, ordered, test: test.map(chosenAndRejected) }),
  )
  execFileSync(
    flags.python,
    [
      join(dirname(fileURLToPath(import.meta.url)), 'reward_model_trl.py'),
      join(folder, 'trl.json'),
      join(folder, 'trl-result.json'),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  return JSON.parse(readFileSync(join(folder, 'trl-result.json'), 'utf8'))
}

const show = ({ value, low, high }) => `${formatPercent(value, 1)} (${formatPercentRange(low, high)})`
for (const seed of flags.seeds) {
  const folder = join(out, `seed-${seed}`)
  mkdirSync(folder, { recursive: true })
  const loaded = loadModelAndTokenizer(defaultModelFolder)
  const { training, test } = await readPairs(seed, loaded)
  addScoreHead(loaded.model, seed)
  const classifier = {
    ...loaded.model.config,
    raw: { ...loaded.model.config.raw, architectures: ['LlamaForSequenceClassification'], num_labels: 1 },
  }
  saveModel({ ...loaded.model, config: classifier }, join(folder, 'initial'), defaultModelFolder)
  const mine = await ours(loaded.model, training, test, seed, folder)
  saveModel({ ...loaded.model, config: classifier }, join(folder, 'trained'), defaultModelFolder)
  disposeModel(loaded.model)
  const theirs = trl(training, test, seed, folder)
  const count = (list) => list.filter(Boolean).length
  const differences = mine.losses.slice(0, 5).map((loss, i) => Math.abs(loss - theirs.losses[i]))
  const p = mcnemarTest(
    count(mine.right.map((right, i) => right && !theirs.right[i])),
    count(mine.right.map((right, i) => !right && theirs.right[i])),
  )
  console.log(
    `seed ${seed}: ${training.length} training pairs, ${test.length} test pairs, ` +
      `${mine.losses.length} steps of ${settings.batchSize}`,
  )
  console.log(
    `  accuracy: rlaif ${show(wilson(count(mine.right), test.length))}, ` +
      `TRL ${show(wilson(count(theirs.right), test.length))}, McNemar ${pInWords(p)}`,
  )
  console.log(
    `  losses of the first steps, rlaif: ${mine.losses
      .slice(0, 5)
      .map((l) => formatNumber(l, 5))
      .join(' ')}`,
  )
  console.log(
    `                               TRL: ${theirs.losses
      .slice(0, 5)
      .map((l) => formatNumber(l, 5))
      .join(' ')}`,
  )
  console.log(
    `  largest difference over 5 steps: ${formatFigure(Math.max(...differences))}; ` +
      `training time: rlaif ${formatDuration(mine.seconds)}, TRL ${formatDuration(theirs.seconds)}`,
  )
}
