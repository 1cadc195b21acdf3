// Does SFT in bfloat16 lose as much as PyTorch's autocast does on the same batches?
//
//   node studies/sft-precision.mjs --python FILE [--seeds 1,2,3,4,5]
//
// The default model learns the 100 cheerful sentences of studies/cheerful-pairs.jsonl, two epochs of AdamW, in four
// ways: TensorFlow.js and PyTorch, each in float32 and with matrix products in bfloat16, with the same batches in the
// same order. Prints, for each library, the loss of the last step, and that of all sentences afterwards, read in float32
// whatever it was trained in; and the paired difference between the precisions with its 95 % interval over the seeds
// (Student's t). Ten minutes on two quiet cores; 3 GB of memory. The Python needs torch and transformers
// (test/reference/requirements.txt).
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { readFlags } from '../setup/flags.mjs'
import { formatNumber } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { z } = require('zod')
const { tTest } = require('../dist/evaluation/student.js')
const { readJsonl } = require('../dist/json-lines.js')
const { loadModelAndTokenizer } = require('../dist/model/loaded.js')
const { locateModel } = require('../dist/model/locate.js')
const { openBatches } = require('../dist/training/batches.js')
const { responseTokens, tokenLogProbs } = require('../dist/training/gradients.js')
const { trainSft } = require('../dist/training/sft.js')

const { values: flags } = readFlags('node studies/sft-precision.mjs', {
  python: { type: 'string', default: 'python3' },
  seeds: { type: 'string', numbers: true, default: '1,2,3,4,5' },
  train: { type: 'string' }, // a precision: trains in it on the first seed, and prints the losses
})
const SETTINGS = { epochs: 2, batchSize: 16, microBatchSize: 16, learningRate: 5e-5, optimizer: 'adamw' }
const PRECISIONS = ['float32', 'bfloat16']

const folder = await locateModel('default')
const { model, tokenizer } = loadModelAndTokenizer(folder)
const sentences = readJsonl(
  join(import.meta.dirname, 'cheerful-pairs.jsonl'),
  z.object({ cheerful: z.string(), gloomy: z.string() }),
)
const sequences = sentences.map(({ cheerful }) => {
  const words = cheerful.split(' ')
  return {
    prompt: tokenizer.encode(words.slice(0, 3).join(' ')),
    response: tokenizer.encode(` ${words.slice(3).join(' ')}`),
  }
})
const steps = Math.ceil((sequences.length * SETTINGS.epochs) / SETTINGS.batchSize)

/** Trains in this process, which keeps the optimizer's memory until it ends. */
async function trained(precision, seed) {
  const host = { checkpoints: temporaryFolder('rlaif-sft-precision-'), checkpointEvery: Infinity, onStep: () => {} }
  const { history } = await trainSft({ ...model, precision }, sequences, { ...SETTINGS, seed }, host)
  const read = sequences.flatMap((sequence) => [...tokenLogProbs(model, responseTokens([sequence]))])
  return { losses: history.map(({ loss }) => loss), after: -mean(read) }
}

const ours = (precision, seed) =>
  printed(process.execPath, [fileURLToPath(import.meta.url), '--seeds', `${seed}`, '--train', precision])

function theirs(precision, seed) {
  const batchOf = openBatches(sequences.length, { ...SETTINGS, seed, stage: 'sft' })
  const batches = Array.from({ length: steps }, (_, step) => batchOf(step).map((i) => sequences[i]))
  const input = JSON.stringify({ folder, precision, learningRate: SETTINGS.learningRate, batches, rows: sequences })
  return printed(flags.python, [join(import.meta.dirname, 'sft_precision_torch.py')], input)
}

/** What a program prints as JSON. */
function printed(command, args, input) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, encoding: 'utf8' })
  if (status !== 0) throw new Error(`sft-precision: ${command} has failed: ${error?.message ?? stderr.slice(-2000)}`)
  return JSON.parse(stdout)
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length

/** @returns by precision, what each seed has printed */
function allSeeds(name, train) {
  const all = { float32: [], bfloat16: [] }
  for (const seed of flags.seeds)
    for (const precision of PRECISIONS) {
      const { losses, after } = train(precision, seed)
      all[precision].push({ last: losses.at(-1), after })
      console.error(
        `${name}, seed ${seed}, ${precision}: ${[...losses, after].map((x) => formatNumber(x, 4)).join(' ')}`,
      )
    }
  return all
}

function row(name, figure, { float32, bfloat16 }) {
  const [full, half] = [float32, bfloat16].map((seeds) => seeds.map((seed) => seed[figure]))
  const { value, low, high } = tTest(half.map((loss, i) => loss - full[i]))
  const shown = [mean(full), mean(half), value, low, high].map((x) => formatNumber(x, 4))
  return `| ${name} | ${shown[0]} | ${shown[1]} | ${shown[2]} (${shown[3]} to ${shown[4]}) |`
}

if (flags.train) {
  console.log(JSON.stringify(await trained(flags.train, flags.seeds[0])))
  process.exit()
}
console.log('| | float32 | bfloat16 | difference, paired |\n|---|---|---|---|')
for (const [name, train] of Object.entries({ 'TensorFlow.js': ours, PyTorch: theirs })) {
  const all = allSeeds(name, train)
  console.log(row(`${name}, last step`, 'last', all))
  console.log(row(`${name}, read in float32`, 'after', all))
}
