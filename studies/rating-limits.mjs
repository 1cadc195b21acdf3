// 2,000 prompts × 3 raters: does a human evaluation stay within Temporal's limits, and is every rating in the result
// exactly once?
//
//   node studies/rating-limits.mjs [--prompts 2000] [--raters 3]
//
// Uses a dev server, a worker, a generated contest, and raters who answer as fast as they can. Prints the runs of the
// chain with their events and bytes (Temporal ends a run at 51,200 events or 50 MiB, and allows 2,000 updates per run)
// and the ratings in the result.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { readFlags } from '../setup/flags.mjs'
import { counted, formatDuration, formatNumber } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { Client, Connection } = require('@temporalio/client')
const { freePort } = require('../chaos/free-port.cjs')
const { findTemporal } = require('../dist/cli/dev-server.js')
const { fileStore } = require('../dist/artifacts/file-store.js')
const { writeJsonl } = require('../dist/json-lines.js')
const { evaluationOf } = require('../dist/cli/rating-run.js')

const { values: flags } = readFlags('node studies/rating-limits.mjs', {
  prompts: { type: 'string', number: true, default: 2000 },
  raters: { type: 'string', number: true, default: 3 },
})
const [PROMPTS, RATERS] = [flags.prompts, flags.raters]
const RUN = 'limits'
const names = Array.from({ length: RATERS }, (_, i) => `rater-${i + 1}`)

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function contestIn(home) {
  const store = fileStore(join(home, 'store'))
  const work = await store.begin('contest', 'by-hand')
  const text = (policy, i) => `${policy} on ${i}: ${'words of a response '.repeat(10)}`
  writeJsonl(
    join(work.output, 'prompts.jsonl'),
    Array.from({ length: PROMPTS }, (_, i) => ({
      id: `p${i}`,
      context: `prompt ${i}`,
      responses: { a: text('a', i), b: text('b', i), c: text('c', i) },
    })),
  )
  writeJsonl(join(work.output, 'bouts.jsonl'), [])
  writeFileSync(join(work.output, 'result.json'), JSON.stringify({ task: 'helpful', judge: 'nobody' }))
  return store.commit(work, {
    stage: 'contest',
    version: 1,
    key: 'by-hand',
    seconds: 1,
    input: { seed: 1 },
    summary: { task: 'helpful' },
  })
}

async function rateAll(evaluation, rater) {
  let rated = 0
  for (let view = await evaluation.view(rater); !view.over && view.item !== null; rated++) {
    const order = [0, 1, 2].sort((x, y) => ((view.item * 7 + x * 5) % 3) - ((view.item * 7 + y * 5) % 3))
    view = await evaluation.rate({ rater, item: view.item, answer: order, seconds: 1 })
  }
  return rated
}

const home = temporaryFolder('rlaif-limits-')
const address = `127.0.0.1:${await freePort()}`
const server = spawn(
  findTemporal(),
  ['server', 'start-dev', '--ip', '127.0.0.1', '--port', address.split(':')[1], '--headless', '--log-level', 'error'],
  { stdio: 'ignore' },
)
const command = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'cli', 'main.js')
let worker
try {
  let connection
  while (!connection) connection = await Connection.connect({ address, connectTimeout: 1000 }).catch(() => pause(250))
  worker = spawn(process.execPath, [command, 'worker', '--roles', 'workflow'], {
    env: { ...process.env, RLAIF_HOME: home, TEMPORAL_ADDRESS: address },
    stdio: 'ignore',
  })
  const client = new Client({ connection })
  const contest = await contestIn(home)
  const started = await client.workflow.start('humanEvaluation', {
    taskQueue: 'rlaif',
    workflowId: RUN,
    args: [{ contest, prompts: PROMPTS, ratingsPerPrompt: RATERS, raters: names }],
  })
  const handle = client.workflow.getHandle(RUN)
  while (!(await handle.query('ratings').catch(() => ({}))).items) await pause(250)
  const began = performance.now()
  const rated = await Promise.all(names.map((name) => rateAll(evaluationOf(handle), name)))
  const seconds = (performance.now() - began) / 1000
  const { report } = await handle.result()
  const acknowledged = rated.reduce((a, b) => a + b, 0)
  console.log(
    `${counted(acknowledged, 'rating')} acknowledged in ${formatDuration(seconds)}, ` +
      `${formatNumber(acknowledged / seconds, 0)} per second`,
  )
  for (let runId = started.firstExecutionRunId, run = 1; runId; run++) {
    const runHandle = client.workflow.getHandle(RUN, runId)
    const { events } = await runHandle.fetchHistory()
    const { raw } = await runHandle.describe()
    const input = events[0].workflowExecutionStartedEventAttributes.input.payloads[0].data.length
    console.log(
      `run ${run}: ${events.length} events, ${raw.workflowExecutionInfo.historySizeBytes} bytes, input ${input} bytes`,
    )
    runId = events.at(-1).workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId
  }
  const lines = readFileSync(join(fileURLToPath(report.uri), 'ratings.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(JSON.parse)
  console.log(
    `in the result: ${lines.length}, distinct ${new Set(lines.map(({ rater, item }) => `${rater} ${item}`)).size}, ` +
      `attention checks ${lines.filter(({ check }) => check).length}`,
  )
  await connection.close()
} finally {
  worker?.kill('SIGTERM')
  await pause(3000)
  server.kill('SIGKILL')
}
