// llama.cpp's side of bench/label.mjs and bench/model.mjs: questions one after the other, what they share stays in its
// cache; texts are sampled side by side, one sequence each, in one batch a step.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [, , library, modelPath] = process.argv
const entry = join(library, 'node_modules', 'node-llama-cpp', 'dist', 'index.js')
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(entry))
const threads = availableParallelism()
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads })
const model = await llama.loadModel({ modelPath, gpuLayers: 0 })
const ANSWERS = [33, 34]

/** The same rows as in model-ours.mjs. */
const row = (r, time) => Array.from({ length: time }, (_, i) => ((r * 97 + i * 31) % 40000) + 100)

const contexts = new Map()
/** Sequences of a context of that shape, which is kept for the next request. */
async function sequencesOf(count, length) {
  const name = `${count} × ${length}`
  if (!contexts.has(name)) {
    const context = await model.createContext({
      sequences: count,
      contextSize: length,
      batchSize: 512,
      threads: { ideal: threads, min: threads },
      ignoreMemorySafetyChecks: true,
    })
    contexts.set(
      name,
      Array.from({ length: count }, () => context.getSequence()),
    )
  }
  const sequences = contexts.get(name)
  for (const sequence of sequences) await sequence.clearHistory()
  return sequences
}

/** What follows `ids`; `ids` that the sequence has computed already are not computed again. */
async function next(sequence, ids, generateNext) {
  const kept = Math.min(sequence.compareContextTokens(ids).firstDifferentIndex, ids.length - 1)
  if (kept < sequence.nextTokenIndex)
    await sequence.eraseContextTokenRanges([{ start: kept, end: sequence.nextTokenIndex }])
  const last = [ids.at(-1), { generateNext }]
  return (await sequence.controlledEvaluate([...ids.slice(kept, -1), last])).at(-1).next
}

/** The likeliest token of each question: the same logits as for probabilities, which would be copied to JavaScript. */
async function scoreFile({ file, values }) {
  const prompts = JSON.parse(readFileSync(file, 'utf8'))
  const [sequence] = await sequencesOf(1, Math.max(...prompts.map((ids) => ids.length)) + 1)
  const answers = []
  for (const ids of prompts) {
    const { probabilities } = await next(sequence, ids, values ? { probabilities: true } : { token: true })
    if (values) answers.push(ANSWERS.map((id) => Math.log(probabilities.get(id))))
  }
  return answers
}

async function generate({ batch, time, tokens }) {
  const sequences = await sequencesOf(batch, time + tokens)
  const sampling = (step, r) => ({ temperature: 1, topK: 0, topP: 1, minP: 0, seed: step * batch + r + 1 })
  let added = Array.from({ length: batch }, (_, r) => row(r, time))
  for (let step = 0; step < tokens; step++)
    added = await Promise.all(
      sequences.map(async (sequence, r) => {
        const generateNext = { token: true, options: sampling(step, r) }
        const last = [added[r].at(-1), { generateNext }]
        return [(await sequence.controlledEvaluate([...added[r].slice(0, -1), last])).at(-1).next.token]
      }),
    )
}

const figures = { 'score-file': scoreFile, generate }
for await (const line of createInterface({ input: process.stdin })) {
  const work = JSON.parse(line)
  const started = performance.now()
  const values = await figures[work.figure](work)
  const seconds = (performance.now() - started) / 1000
  const peakBytes = process.resourceUsage().maxRSS * 1024
  process.stdout.write(`${JSON.stringify({ seconds, peakBytes, ...(work.values && { values }) })}\n`)
}
