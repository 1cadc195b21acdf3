// Labelling: the rate through an HTTP endpoint compared with the ideal, and the local model compared with transformers
// and with llama.cpp on the same prompts.
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { defaultModelFolder } from '../setup/places.mjs'
import { LLAMA, llamaRow, openLlama } from './llama.mjs'
import { peerPython } from './peer.mjs'
import { closeSides, inTurn, openSide, openSides, speedRow } from './sides.mjs'
import { formatNumber } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const here = dirname(fileURLToPath(import.meta.url))
const { label } = require('../dist/activities/stages/label.js')
const { openAnswers } = require('../dist/artifacts/answers.js')
const { writeJsonl } = require('../dist/json-lines.js')
const { preferenceQuestion } = require('../dist/feedback/prompt.js')
const { readTask, taskFolder } = require('../dist/data/task.js')
const { labelerSchema } = require('../dist/contracts/labeler-settings.js')
const { loadTokenizer } = require('../dist/model/tokenizer.js')

const PAIRS = 20_000
const CONCURRENCY = 64
const DELAY_MS = 50
const task = readTask(taskFolder('summarization'))

export async function* bench({ rounds }) {
  yield await httpRate()
  const questions = localQuestions()
  yield await localLabels('local-labels', openTransformers, questions, rounds)
  yield await llamaRow('local-labels-llama', () => labelsBesideLlama(questions, rounds))
}

/** Runs the stage itself, as a worker's child process does. */
async function httpRate() {
  const server = fork(join(here, 'label-endpoint.mjs'), [String(DELAY_MS)])
  const port = await new Promise((resolve) => server.once('message', resolve))
  const settings = labelerSchema.parse({
    baseUrl: `http://127.0.0.1:${port}/v1`,
    model: 'bench',
    concurrency: CONCURRENCY,
  })
  const folders = stageFolders()
  const memory = []
  const host = {
    open: (artifact) => folders[artifact.uri],
    answers: () => answers,
    output: folders.output,
    note: () => {},
    report: ({ done }) =>
      done % 1000 === 0 && done > memory.length * 1000 && memory.push(process.memoryUsage().rss / 1e6),
  }
  const answers = openAnswers(folders.output)
  const started = performance.now()
  await label.run(
    {
      data: { uri: 'data' },
      samples: { uri: 'samples', summary: { pairs: PAIRS } },
      labeler: { settings },
      settings: { maxFailedShare: 0 },
      seed: 1,
    },
    host,
  )
  const seconds = (performance.now() - started) / 1000
  server.kill()
  const ours = (2 * PAIRS) / seconds
  const ideal = CONCURRENCY / (DELAY_MS / 1000)
  const [early, late] = [memory[Math.floor(memory.length / 4)], memory.at(-1)]
  return {
    figure: 'http-rate',
    ours,
    peer: ideal,
    unit: 'requests/s',
    ratio: ours / ideal,
    low: ours / ideal,
    high: ours / ideal,
    note: [
      `${PAIRS} pairs, the peer is the ideal; memory ${formatNumber(early, 0)} MB after a quarter`,
      `${formatNumber(late, 0)} MB at the end`,
      `${formatNumber(Math.max(...memory), 0)} MB at most`,
    ].join(', '),
  }
}

function stageFolders() {
  const folders = Object.fromEntries(
    ['data', 'samples', 'output'].map((name) => [name, temporaryFolder('rlaif-bench-')]),
  )
  writeFileSync(join(folders.data, 'task.json'), JSON.stringify({ ...task, prompts: 'prompts.jsonl' }))
  for (const name of ['train', 'evaluation']) writeJsonl(join(folders.data, `${name}.jsonl`), [])
  const response = (text) => ({ text, ids: [], stopped: true })
  const messages = [{ role: 'user', content: 'A post.' }]
  writeJsonl(
    join(folders.samples, 'samples.jsonl'),
    Array.from({ length: PAIRS }, (_, i) => ({
      id: String(i),
      messages,
      context: `Post ${i}. ${'Some words of a post. '.repeat(20)}`,
      first: response('A summary.'),
      second: response('Another summary.'),
    })),
  )
  return folders
}

const openOurs = (precision) =>
  openSide(process.execPath, [join(here, 'model-ours.mjs'), defaultModelFolder, precision])
const openTransformers = (precision) =>
  openSide(peerPython(), [join(here, 'model_peer.py'), defaultModelFolder, precision])

/** 64 questions in a file, as ids. @returns its path, and what they are in words */
function localQuestions() {
  const file = join(temporaryFolder('rlaif-bench-'), 'prompts.json')
  const tokenizer = loadTokenizer(defaultModelFolder)
  const exemplars = task.preference.exemplars
  const texts = Array.from({ length: 64 }, (_, i) => {
    const { context, first, second } = exemplars[i % exemplars.length]
    const { text, ending } = preferenceQuestion(
      task,
      { preamble: 'detailed', exemplars: 0, chainOfThought: false },
      i % 2 === 0
        ? { context: `${context} ${i}`, first, second }
        : { context: `${context} ${i}`, first: second, second: first },
    )
    return tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: text }]) + ending)
  })
  writeFileSync(file, JSON.stringify(texts))
  const lengths = texts.map((ids) => ids.length)
  const note = `64 questions of ${Math.min(...lengths)}–${Math.max(...lengths)} tokens, detailed preamble`
  return { file, note }
}

async function localLabels(figure, openPeer, { file, note }, rounds) {
  const sides = openSides(openOurs, openPeer)
  try {
    const times = await inTurn(sides, { figure: 'score-file', file }, rounds)
    return speedRow(figure, times, { amount: 64, unit: 'prompts/s', note })
  } finally {
    closeSides(sides)
  }
}

/** Compares the answers before the times: a model written wrongly would be as fast. */
async function labelsBesideLlama({ file, note }, rounds) {
  const differences = await answerDifferences(file)
  const shown = differences.map((most, i) => `${['float32', 'bfloat16'][i]} ${most.toFixed(4)}`).join(', ')
  return localLabels(
    'local-labels-llama',
    (precision) => openLlama(defaultModelFolder, precision),
    { file, note: `${note}, peer: ${LLAMA}; log-probabilities differ from ours in float32 by at most ${shown}` },
    rounds,
  )
}

const MOST_DIFFERENCE = 0.25 // nats; bfloat16 keeps 8 bits, weights in a wrong order shift by whole nats

/** The largest difference of llama.cpp's log-probabilities from ours in float32, in float32 and in bfloat16. */
async function answerDifferences(file) {
  const answersOf = async (side) => {
    const { values } = await side.ask({ figure: 'score-file', file, values: true })
    side.close()
    return values.flat()
  }
  const ours = await answersOf(openOurs('float32'))
  const differences = []
  for (const precision of ['float32', 'bfloat16']) {
    const theirs = await answersOf(openLlama(defaultModelFolder, precision))
    differences.push(Math.max(...theirs.map((value, i) => Math.abs(value - ours[i]))))
  }
  if (!(Math.max(...differences) < MOST_DIFFERENCE))
    throw new Error(
      `bench: ${LLAMA} answers differently: log-probabilities differ by up to ${differences.join(' and ')} nats; ` +
        `at most ${MOST_DIFFERENCE} is expected of the same model`,
    )
  return differences
}
