// rlaif's side of bench/rl.mjs.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { temporaryFolder } from '../chaos/interrupt.mjs'

const require = createRequire(import.meta.url)
const { loadModelAndTokenizer } = require('../dist/model/loaded.js')
const { onlyForReading } = require('../dist/model/reading-copy.js')
const { cloneModel } = require('../dist/model/weights.js')
const { trainRloo } = require('../dist/training/rloo.js')

const [, , folder, precision = 'float32'] = process.argv
const { model, tokenizer } = loadModelAndTokenizer(folder)
const reference = precision === 'bfloat16' ? onlyForReading(cloneModel(model)) : cloneModel(model)
const policy = { ...model, precision }
const reward = { score: async (responses) => responses.map(({ ids }) => new Set(ids).size / ids.length) }

for await (const line of createInterface({ input: process.stdin })) {
  const { texts, groupSize, tokens, steps } = JSON.parse(line)
  const task = { reward, prompts: texts.map((text) => tokenizer.encode(text)) }
  const settings = {
    steps,
    batchSize: texts.length * groupSize,
    groupSize,
    microBatchSize: 8,
    learningRate: 1e-6,
    optimizer: 'adamw',
    klWeight: 0.05,
    missingEosPenalty: 0,
    seed: 1,
    sampling: { maxTokens: tokens, temperature: 0.9, stopIds: [] },
  }
  const { history } = await trainRloo({ policy, reference }, task, settings, {
    checkpoints: temporaryFolder('rlaif-bench-'),
    checkpointEvery: 1e6,
    onStep: () => {},
  })
  const seconds = history.slice(1).reduce((sum, step) => sum + step.seconds, 0) / (steps - 1)
  process.stdout.write(`${JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`)
}
