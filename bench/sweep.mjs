// The overhead of a sweep's trial in addition to its stages, and whether the memory or history of a long sweep grows.
import { fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { formatBytes, formatDuration, formatNumber } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { Client, Connection } = require('@temporalio/client')
const { openServer } = require('../dist/cli/dev-server.js')
const { SEARCH_ATTRIBUTES } = require('../dist/contracts/search-attributes.js')

const TRIALS = 1000
const AT_A_TIME = 10
/** Number of different settings; further trials use further seeds. */
const POINTS = 500
const queue = 'bench'
const artifact = { uri: 'file:///store/x', sha256: '0'.repeat(64), bytes: 1, summary: {} }

/** A sweep whose trials have one stage. */
const input = (trials) => ({
  workflow: 'rewardModel',
  base: { policy: artifact, labels: artifact },
  axes: [{ field: 'rewardModel.epochs', values: Array.from({ length: Math.min(trials, POINTS) }, (_, i) => i + 1) }],
  seeds: Array.from({ length: Math.ceil(trials / POINTS) }, (_, i) => i + 1),
  maxConcurrent: AT_A_TIME,
  maxTrials: trials,
  queues: { light: queue, label: queue, gpu: queue },
})

export async function* bench({ trials = TRIALS }) {
  const home = temporaryFolder('rlaif-bench-')
  const server = await openServer(home)
  const connection = await Connection.connect({ address: server.address })
  for (const name of Object.values(SEARCH_ATTRIBUTES))
    await connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { [name]: 2 } })
  const client = new Client({ connection })
  const worker = fork(fileURLToPath(new URL('./stub-worker.mjs', import.meta.url)), [server.address, queue], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const memory = []
  const up = new Promise((done) => worker.on('message', ({ megabytes, up }) => (up ? done() : memory.push(megabytes))))
  try {
    await up
    await client.workflow.execute('sweep', { taskQueue: queue, workflowId: 'warm-up', args: [input(20)] })
    memory.length = 0
    const started = performance.now()
    const handle = await client.workflow.start('sweep', {
      taskQueue: queue,
      workflowId: 'sweep',
      args: [input(trials)],
    })
    const { trials: counted } = await handle.result()
    const seconds = (performance.now() - started) / 1000
    if (counted.done !== trials) throw new Error(`bench: ${counted.done} of ${trials} trials are done`)
    const runs = await histories(client, 'sweep')
    yield {
      figure: 'seconds-per-trial',
      ours: seconds / trials,
      unit: 's',
      note: `${trials} trials of one stage that does nothing, ${AT_A_TIME} at a time, in ${formatDuration(seconds)}`,
    }
    yield {
      figure: 'largest-history',
      ours: Math.max(...runs.map(({ events }) => events)),
      unit: 'events',
      note:
        `in ${runs.length} runs, ${formatBytes(Math.max(...runs.map(({ bytes }) => bytes)))} at most; ` +
        'Temporal allows 51,200 events and 50 MB',
    }
    const quarter = Math.floor(memory.length / 4)
    yield {
      figure: 'worker-memory',
      ours: mean(memory.slice(-quarter)),
      unit: 'MB',
      note:
        `in the last quarter; ${formatNumber(mean(memory.slice(quarter, 2 * quarter)), 0)} MB in the second, ` +
        `${formatNumber(Math.max(...memory), 0)} at most`,
    }
  } finally {
    worker.kill('SIGKILL')
    await connection.close()
    await server.stop()
  }
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length

/** The size of every run of a workflow, from the last to the first. */
async function histories(client, workflowId) {
  const found = []
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe()
    found.push({
      events: Number(raw.workflowExecutionInfo.historyLength),
      bytes: Number(raw.workflowExecutionInfo.historySizeBytes),
    })
  }
  return found
}
