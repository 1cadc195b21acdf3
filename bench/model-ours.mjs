// rlaif's side of bench/model.mjs.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(import.meta.url)
const { loadModelAndTokenizer } = require('../dist/model/loaded.js')
const { generate } = require('../dist/model/generate.js')
const { nextTokenLogProbs } = require('../dist/model/score.js')
const { differentiableLogProbs, responseTokens, tokenLogProbs } = require('../dist/training/gradients.js')
const { openOptimizer, update } = require('../dist/training/update.js')

const [, , folder, precision = 'float32'] = process.argv
let model // loaded for what is asked of it first
const reading = () => (model ??= loadModelAndTokenizer(folder, undefined, precision).model)
const training = () => (model ??= { ...loadModelAndTokenizer(folder).model, precision })
const settings = { optimizer: 'adamw', learningRate: 1e-6 }
const optimizer = openOptimizer(settings)

/** The same rows as in model_peer.py. */
const row = (r, time, shared = 0) =>
  Array.from({ length: time }, (_, i) => (((i < shared ? 0 : r) * 97 + i * 31) % 40000) + 100)
const rows = (batch, time, shared) => Array.from({ length: batch }, (_, r) => row(r, time, shared))
const whole = (batch, time) =>
  responseTokens(rows(batch, time).map(([first, ...rest]) => ({ prompt: [first], response: rest })))

const figures = {
  forward: ({ batch, time }) => tokenLogProbs(reading(), whole(batch, time)),
  'train-step': ({ batch, time, recompute = false }) => {
    const trained = { ...training(), recompute }
    const pass = differentiableLogProbs(trained, whole(batch, time))
    update(
      { model: trained, optimizer },
      pass.backward(new Float32Array(pass.values.length).fill(-1 / pass.values.length)),
      settings,
      1000,
    )
  },
  generate: ({ batch, time, tokens }) =>
    generate(reading(), rows(batch, time), { maxTokens: tokens, temperature: 1, stopIds: [] }, [1]),
  'score-file': ({ file }) => nextTokenLogProbs(reading(), JSON.parse(readFileSync(file, 'utf8')), [33, 34]),
  score: ({ batch, time, shared }) => nextTokenLogProbs(reading(), rows(batch, time, shared), [33, 34]),
}

for await (const line of createInterface({ input: process.stdin })) {
  const work = JSON.parse(line)
  const started = performance.now()
  const values = await figures[work.figure](work)
  process.stdout.write(
    `${JSON.stringify({
      seconds: (performance.now() - started) / 1000,
      peakBytes: process.resourceUsage().maxRSS * 1024,
      ...(work.values && { values }),
    })}\n`,
  )
}
