// Does SFT in bfloat16 end where one in float32 does, and as near as PyTorch's autocast on the same batches?
//
//   node studies/sft-precision.mjs --python FILE [--seeds 1,2,3,4,5]
//   node studies/sft-precision.mjs --library TensorFlow.js --data rows.jsonl --held-out 100 [--epochs 1] [--batch-size 8]
//
// The default model learns the 100 cheerful sentences of studies/cheerful-pairs.jsonl, two epochs of AdamW, in four
// ways: TensorFlow.js and PyTorch, each in float32 and with matrix products in bfloat16, with the same batches in the
// same order. Or it learns rows of your own ({"prompt", "reference"}, the prompt's last and the reference's first
// 48 tokens), of which the first ones are held out. Prints, for each library, the loss of the last tenth of the steps; that
// of all rows, or of those held out, afterwards, read in the precision of the training and in float32; and the paired
// difference between the precisions with its 95 % interval over the seeds (Student's t). The sentences take ten minutes
// on two quiet cores and 3 GB of memory. The Python needs torch and transformers (test/reference/requirements.txt).
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { readFlags, refuse } from '../setup/flags.mjs'
import { formatNumber } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { z } = require('zod')
const { trainable } = require('../dist/activities/trainable.js')
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
  data: { type: 'string' },
  'held-out': { type: 'string', number: true, default: '0' },
  epochs: { type: 'string', number: true, default: '2' },
  'batch-size': { type: 'string', number: true, default: '16' },
  'learning-rate': { type: 'string', number: true, default: '5e-5' },
  library: { type: 'string' }, // one of LIBRARIES alone
  train: { type: 'string' }, // a precision: trains in it on the first seed, and prints the losses
})
const SETTINGS = {
  epochs: flags.epochs,
  batchSize: flags['batch-size'],
  microBatchSize: flags['batch-size'],
  learningRate: flags['learning-rate'],
  optimizer: 'adamw',
}
const PRECISIONS = ['float32', 'bfloat16']
const LIBRARIES = { 'TensorFlow.js': ours, PyTorch: theirs }
if (flags.library && !LIBRARIES[flags.library])
  refuse(`sft-precision: --library is "${flags.library}"; set it to one of ${Object.keys(LIBRARIES).join(', ')}`)
const LENGTH = 48 // tokens of a prompt and of a reference
const FIGURES = {
  last: 'last steps',
  read: 'read afterwards, in its precision',
  after: 'read afterwards, in float32',
}

const folder = await locateModel('default')
const { model, tokenizer } = loadModelAndTokenizer(folder)
const sequences = (flags.data ? rowsOf(flags.data) : sentences()).map(({ prompt, reference }) => ({
  prompt: tokenizer.encode(prompt).slice(-LENGTH),
  response: tokenizer.encode(` ${reference}`).slice(0, LENGTH),
}))
const learned = sequences.slice(flags['held-out'])
if (learned.length === 0)
  refuse(`sft-precision: --held-out leaves none of ${sequences.length} rows to learn from; set it lower`)
const readAfterwards = flags['held-out'] ? sequences.slice(0, flags['held-out']) : sequences
const steps = Math.ceil((learned.length * SETTINGS.epochs) / SETTINGS.batchSize)

function rowsOf(file) {
  return readJsonl(file, z.object({ prompt: z.string().min(1), reference: z.string().min(1) }))
}

/** Sentences as continuations of their first three words. */
function sentences() {
  const file = join(import.meta.dirname, 'cheerful-pairs.jsonl')
  return readJsonl(file, z.object({ cheerful: z.string(), gloomy: z.string() })).map(({ cheerful }) => {
    const words = cheerful.split(' ')
    return { prompt: words.slice(0, 3).join(' '), reference: words.slice(3).join(' ') }
  })
}

/** Trains in this process, which keeps the optimizer's memory until it ends. */
async function trained(precision, seed) {
  const host = { checkpoints: temporaryFolder('rlaif-sft-precision-'), checkpointEvery: Infinity, onStep: () => {} }
  const policy = trainable(model, { precision }, seed)
  const { history } = await trainSft(policy, learned, { ...SETTINGS, seed }, host)
  const readIn = (arithmetic) => {
    const reader = { ...model, precision: arithmetic }
    return -mean(readAfterwards.flatMap((sequence) => [...tokenLogProbs(reader, responseTokens([sequence]))]))
  }
  return { losses: history.map(({ loss }) => loss), read: readIn(precision), after: readIn('float32') }
}

function ours(precision, seed) {
  const args = process.argv.slice(2)
  const program = fileURLToPath(import.meta.url)
  return printed(process.execPath, [program, ...args, '--seeds', `${seed}`, '--train', precision])
}

function theirs(precision, seed) {
  const batchOf = openBatches(learned.length, { ...SETTINGS, seed, stage: 'sft' })
  const batches = Array.from({ length: steps }, (_, step) => batchOf(step).map((i) => learned[i]))
  const given = { folder, precision, learningRate: SETTINGS.learningRate, batches, rows: readAfterwards }
  return printed(flags.python, [join(import.meta.dirname, 'sft_precision_torch.py')], JSON.stringify(given))
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
      const { losses, ...readings } = train(precision, seed)
      const run = { last: mean(losses.slice(-Math.max(1, Math.floor(losses.length / 10)))), ...readings }
      all[precision].push(run)
      const shown = Object.entries(run).map(([figure, loss]) => `${figure} ${formatNumber(loss, 6)}`)
      console.error(`${name}, seed ${seed}, ${precision}, ${losses.length} steps: ${shown.join(', ')}`)
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
console.log('| loss | float32 | bfloat16 | difference, paired |\n|---|---|---|---|')
for (const [name, train] of Object.entries(LIBRARIES)) {
  if (flags.library && name !== flags.library) continue
  const all = allSeeds(name, train)
  for (const [figure, text] of Object.entries(FIGURES)) console.log(row(`${name}, ${text}`, figure, all))
}
