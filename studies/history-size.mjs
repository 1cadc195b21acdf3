// The size of a workflow's history when it labels many pairs: real server, workers and HTTP, and an endpoint that
// answers immediately.
//
//   node studies/history-size.mjs [--pairs 50000]
import { fork, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { readFlags } from '../setup/flags.mjs'
import { counted, formatBytes, formatDuration } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { Client, Connection } = require('@temporalio/client')
const { fileStore } = require('../dist/artifacts/file-store.js')
const { writeJsonl } = require('../dist/json-lines.js')

const { values } = readFlags('node studies/history-size.mjs', {
  pairs: { type: 'string', number: true, default: 50000 },
})
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const home = temporaryFolder('rlaif-study-')
const endpoint = fork(join(root, 'bench', 'label-endpoint.mjs'), ['0'])
const port = await new Promise((resolve) => endpoint.once('message', resolve))
const up = spawn(process.execPath, [join(root, 'dist', 'cli', 'main.js'), 'up'], {
  env: { ...process.env, RLAIF_HOME: home },
  stdio: ['ignore', 'pipe', 'inherit'],
})
await new Promise((resolve) => up.stdout.on('data', (chunk) => String(chunk).includes('Ctrl-C ends them') && resolve()))
const connection = await Connection.connect({
  address: JSON.parse(readFileSync(join(home, 'server.json'), 'utf8')).address,
})

async function sizeFor(pairs) {
  const store = fileStore(join(home, 'store'))
  const work = await store.begin('sample', `pairs-${pairs}`)
  const response = (text) => ({ text, ids: [1], stopped: true })
  writeJsonl(
    join(work.output, 'samples.jsonl'),
    Array.from({ length: pairs }, (_, i) => ({
      id: String(i),
      messages: [{ role: 'user', content: `Post ${i}` }],
      context: `Post ${pairs}-${i}`,
      first: response('one'),
      second: response('two'),
    })),
  )
  const samples = await store.commit(work, {
    stage: 'sample',
    version: 1,
    key: `pairs-${pairs}`,
    seconds: 0,
    input: {},
    summary: { pairs },
  })
  const handle = await new Client({ connection }).workflow.start('label', {
    taskQueue: 'rlaif',
    workflowId: `label-${pairs}`,
    args: [{ samples, labeler: { baseUrl: `http://127.0.0.1:${port}/v1`, model: 'study', concurrency: 64 } }],
  })
  const started = Date.now()
  const { summary } = await handle.result()
  const { historySize, historyLength } = await handle.describe()
  console.log(
    `${counted(pairs, 'pair')}: ${counted(summary.labels, 'label')} in ${formatDuration((Date.now() - started) / 1000)}; ` +
      `history ${formatBytes(historySize)}, ${counted(historyLength, 'event')}`,
  )
}

try {
  for (const pairs of [50, values.pairs]) await sizeFor(pairs)
} finally {
  await connection.close()
  endpoint.kill()
  up.kill('SIGTERM')
  await new Promise((resolve) => up.once('close', resolve))
}
