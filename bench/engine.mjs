// Both engines on the same work: SFT of the default model on this machine's CPUs, float32, the same batches. And what a
// job costs before it trains: from the start of the stage to its first step, without that step.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { endedByInterrupt, temporaryFolder } from '../chaos/interrupt.mjs'
import { defaultModelFolder } from '../setup/places.mjs'
import { median } from './sides.mjs'

const require = createRequire(import.meta.url)
const { startRay } = require('../chaos/ray-nodes.cjs')
const { data } = require('../dist/activities/stages/data.js')
const { sft } = require('../dist/activities/stages/sft.js')
const { sftOnRay } = require('../dist/activities/on-ray/sft.js')
const { parse } = require('../dist/contracts/parse.js')
const { stageSchemas } = require('../dist/contracts/stages.js')

const STEPS = 4
const ROWS = 4
const POST = 'My cat sits on the keyboard whenever I write, and nobody in the house knows what to do about it. '.repeat(
  3,
)
const SUMMARY = 'A cat that sits on the keyboard keeps somebody from writing, and they ask what to do.'
const limits = { promptTokens: 256, responseTokens: 32 }

const artifact = (folder) => ({ uri: `file://${folder}`, sha256: '0'.repeat(64), bytes: 1, summary: {} })

/** Runs a stage without store and workflow. @returns its folder, and after how many seconds the first step was done */
async function run(stage, name, input, root) {
  const output = mkdtempSync(join(root, `${name}-`))
  const started = performance.now()
  let firstStep
  const host = {
    open: ({ uri }) => Promise.resolve(uri.slice('file://'.length)),
    sources: {},
    output,
    checkpoints: join(output, 'checkpoints'),
    key: '0'.repeat(32),
    report({ phase, done }) {
      if (phase === 'training' && done >= 1) firstStep ??= (performance.now() - started) / 1000
    },
    note() {},
    handleInterruption: () => () => false,
    isCancelled: () => false,
  }
  await stage.run(parse(stageSchemas[name], input, name), host)
  return { folder: output, firstStep }
}

/** Seconds of each step but the first, which warms up. */
function stepsOf(folder) {
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n')
  const [first, ...rest] = lines.map((line) => JSON.parse(line).seconds)
  return { first, mean: rest.reduce((a, b) => a + b, 0) / rest.length }
}

export async function* bench({ rounds }) {
  const root = temporaryFolder('rlaif-bench-engine-')
  const cpus = availableParallelism()
  const ray = await startRay({ nodes: 0, cpus })
  const close = endedByInterrupt(() => ray.close())
  try {
    const model = artifact(defaultModelFolder)
    const file = join(root, 'rows.jsonl')
    mkdirSync(root, { recursive: true })
    const rows = Array.from({ length: 2 * STEPS * ROWS }, (_, i) => ({
      prompt: `Post ${i}. ${POST}`,
      reference: SUMMARY,
    }))
    writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
    const given = { task: 'summarization', data: { path: file, evaluationPrompts: STEPS * ROWS }, limits, model }
    const { folder: read } = await run(data, 'data', given, root)
    const input = { model, data: artifact(read), limits, settings: { batchSize: ROWS, microBatchSize: ROWS } }
    const on = { ray: { address: ray.address, workers: 1, gpusPerWorker: 0, precision: 'float32' } }
    const pairs = []
    for (let round = 0; round < rounds; round++) {
      const here = await run(sft, 'sft', input, root)
      const there = await run(sftOnRay, 'sft', { ...input, engine: on }, root)
      const [ours, peer] = [stepsOf(here.folder), stepsOf(there.folder)]
      pairs.push({ ours, peer, overhead: there.firstStep - peer.first })
    }
    yield* figuresOf(pairs, cpus)
  } finally {
    await close()
  }
}

function* figuresOf(pairs, cpus) {
  const ratios = pairs.map(({ ours, peer }) => peer.mean / ours.mean)
  const { ours, peer } = pairs.at(-1)
  yield {
    ...{ figure: 'step', ours: ours.mean, peer: peer.mean, unit: 's/step', ratio: median(ratios) },
    ...{ low: Math.min(...ratios), high: Math.max(...ratios) },
    note: `SFT, default model, ${ROWS} rows, float32, ${cpus} cores; peer: the engine on Ray, one worker`,
  }
  yield {
    ...{ figure: 'job-overhead', ours: median(pairs.map(({ overhead }) => overhead)), unit: 's' },
    note: 'of a job on Ray, from the start of the stage to the first step',
  }
}
