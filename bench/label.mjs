// Labelling: the rate through an HTTP endpoint against the ideal, and the local model beside transformers on the same prompts.
import { fork } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultModelFolder } from '../setup/places.mjs'
import { peerPython } from './peer.mjs'
import { inTurn, openSide, speedRow } from './sides.mjs'

const require = createRequire(import.meta.url)
const here = dirname(fileURLToPath(import.meta.url))
const { endpointLabeler } = require('../dist/feedback/endpoint-labeler.js')
const { keepingAnswers } = require('../dist/feedback/kept-answers.js')
const { openAnswers } = require('../dist/artifacts/answers.js')
const { judgePairs, PLAIN } = require('../dist/feedback/preference.js')
const { preferenceQuestion } = require('../dist/feedback/prompt.js')
const { readTask, taskFolder } = require('../dist/data/task.js')
const { labelerSchema } = require('../dist/contracts/settings.js')
const { loadTokenizer } = require('../dist/model/tokenizer.js')

const PAIRS = 20_000
const CONCURRENCY = 64
const DELAY_MS = 50
const task = readTask(taskFolder('summarization'))

export async function* bench({ rounds }) {
  yield await httpRate()
  yield await localLabels(rounds)
}

async function httpRate() {
  const server = fork(join(here, 'label-endpoint.mjs'), [String(DELAY_MS)])
  const port = await new Promise((resolve) => server.once('message', resolve))
  const settings = labelerSchema.parse({ baseUrl: `http://127.0.0.1:${port}/v1`, model: 'bench', concurrency: CONCURRENCY })
  const labeler = keepingAnswers(endpointLabeler(settings), openAnswers(mkdtempSync(join(tmpdir(), 'rlaif-bench-'))))
  const pairs = Array.from({ length: PAIRS }, (_, i) => ({ context: `Post ${i}. ${'Some words of a post. '.repeat(20)}`, first: 'A summary.', second: 'Another summary.' }))
  const memory = []
  const started = performance.now()
  await judgePairs(labeler, task, pairs, PLAIN, 1, (done) => {
    if (done % 2000 === 0) memory.push(process.memoryUsage().rss / 1e6)
  })
  const seconds = (performance.now() - started) / 1000
  server.kill()
  const ours = (2 * PAIRS) / seconds
  const ideal = CONCURRENCY / (DELAY_MS / 1000)
  const [early, late] = [memory[Math.floor(memory.length / 4)], memory.at(-1)]
  return { figure: 'http-rate', ours, peer: ideal, unit: 'requests/s', ratio: ours / ideal, low: ours / ideal, high: ours / ideal, note: `${PAIRS} pairs, peer is the ideal; memory ${early.toFixed(0)} MB after a quarter, ${late.toFixed(0)} MB at the end` }
}

async function localLabels(rounds) {
  const file = join(mkdtempSync(join(tmpdir(), 'rlaif-bench-')), 'prompts.json')
  const tokenizer = loadTokenizer(defaultModelFolder)
  const exemplars = task.preference.exemplars
  const texts = Array.from({ length: 64 }, (_, i) => {
    const { context, first, second } = exemplars[i % exemplars.length]
    const { text, ending } = preferenceQuestion(task, { preamble: 'detailed', exemplars: 0, chainOfThought: false }, i % 2 === 0 ? { context: `${context} ${i}`, first, second } : { context: `${context} ${i}`, first: second, second: first })
    return tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: text }]) + ending)
  })
  writeFileSync(file, JSON.stringify(texts))
  const ours = openSide(process.execPath, [join(here, 'model-ours.mjs'), defaultModelFolder])
  const peer = openSide(peerPython(), [join(here, 'model_peer.py'), defaultModelFolder])
  try {
    const lengths = texts.map((ids) => ids.length)
    return speedRow('local-labels', await inTurn(ours, peer, { figure: 'score-file', file }, rounds), 64, 'prompts/s', `64 questions of ${Math.min(...lengths)}–${Math.max(...lengths)} tokens, detailed preamble`)
  } finally {
    ours.close()
    peer.close()
  }
}
