// Does a run in bfloat16 end where one in float32 does? SFT, a reward model and RL on the default model, paired by seed.
//
//   node studies/precision.mjs [--seeds 1,2,3,4,5] [--home FOLDER]
//
// Data: the 100 pairs of studies/cheerful-pairs.jsonl, as continuations of their first words, every fourth with the gloomy
// one preferred: without such labels, a reward model makes no mistake in either precision. Each seed runs method
// "rlhf" in both precisions on a local server of its own, a minute each on two quiet cores. Prints, for each figure, both
// means over the seeds and the mean difference with its 95 % interval (Student's t, paired). With --home, what is there
// already is not run again.
import { createRequire } from 'node:module'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readFlags } from '../setup/flags.mjs'
import { withLocalServer } from './local/server.mjs'
import { formatNumber } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { tTest } = require('../dist/evaluation/student.js')

const { values: flags } = readFlags('node studies/precision.mjs', {
  seeds: { type: 'string', numbers: true, default: '1,2,3,4,5' },
  home: { type: 'string' },
})
const home = flags.home ?? mkdtempSync(join(tmpdir(), 'rlaif-precision-'))

const FIGURES = [
  ['sft', 'firstLoss'],
  ['sft', 'loss'],
  ['reward-model', 'loss'],
  ['reward-model', 'accuracy'],
  ['rl', 'firstReward'],
  ['rl', 'lastReward'],
  ['rl', 'validationBest'],
  ['rl', 'kl'],
  ['evaluate', 'winRate'],
]

/** @returns a file with a row for each pair: its first three words as the prompt, the rest as the responses */
function writeRows() {
  const file = join(home, 'rows.jsonl')
  const pairs = readFileSync(join(import.meta.dirname, 'cheerful-pairs.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const rows = pairs.map((line, i) => {
    const { cheerful, gloomy } = JSON.parse(line)
    return {
      prompt: cheerful.split(' ').slice(0, 3).join(' '),
      reference: cheerful,
      responses: [cheerful, gloomy],
      preferred: i % 4 === 3 ? 2 : 1,
    }
  })
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  return file
}

const trained = { batchSize: 16, microBatchSize: 16, optimizer: 'adamw' }
const inputOf = (path, precision, seed) => ({
  method: 'rlhf',
  task: 'cheerful',
  precision,
  seed,
  data: { path, evaluationPrompts: 24 },
  limits: { promptTokens: 64, responseTokens: 24 },
  judge: { model: 'policy', comparison: 'pointwise' },
  sft: { ...trained, epochs: 2, learningRate: 5e-5 },
  rewardModel: { ...trained, head: 'fitted', epochs: 1, learningRate: 5e-5 },
  rl: {
    ...trained,
    algorithm: 'rloo',
    groupSize: 4,
    steps: 8,
    learningRate: 1e-5,
    minEntropy: 0,
    validateEvery: 4,
    validationPrompts: 12,
  },
  evaluate: { agreementPairs: 0 },
})

async function figuresOf(client, precision, seed, path) {
  const start = { taskQueue: 'rlaif', workflowId: `${precision}-${seed}`, args: [inputOf(path, precision, seed)] }
  const { stages } = await client.workflow.execute('align', { ...start, workflowIdConflictPolicy: 'USE_EXISTING' })
  return FIGURES.map(([stage, figure]) => stages[stage].summary[figure])
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length

function row([stage, figure], full, half) {
  const { value, low, high } = tTest(half.map((value, i) => value - full[i]))
  const shown = [mean(full), mean(half), value, low, high].map((x) => formatNumber(x, 3))
  return `| ${stage} ${figure} | ${shown[0]} | ${shown[1]} | ${shown[2]} (${shown[3]} to ${shown[4]}) |`
}

console.error(`runs and artifacts: ${home}`)
mkdirSync(home, { recursive: true })
const path = writeRows()
const figures = { float32: [], bfloat16: [] }
await withLocalServer(home, async (client) => {
  for (const seed of flags.seeds)
    for (const precision of Object.keys(figures)) {
      figures[precision].push(await figuresOf(client, precision, seed, path))
      console.error(
        `seed ${seed}, ${precision}: ${figures[precision]
          .at(-1)
          .map((x) => formatNumber(x, 3))
          .join(' ')}`,
      )
    }
})
console.log('| figure | float32 | bfloat16 | difference, paired |\n|---|---|---|---|')
FIGURES.forEach((figure, at) =>
  console.log(row(figure, ...Object.values(figures).map((runs) => runs.map((run) => run[at])))),
)
