// The overhead of Temporal: the pipeline with stages that do nothing, on the dev server with its database file.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { formatNumber } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { Client, Connection } = require('@temporalio/client')
const { DefaultLogger, NativeConnection, Runtime, Worker } = require('@temporalio/worker')
const { openServer } = require('../dist/cli/dev-server.js')
const { SEARCH_ATTRIBUTES } = require('../dist/contracts/search-attributes.js')
const { stageSchemas } = require('../dist/contracts/stages.js')

// Stages of align with method rlaif: model, data, sft, sample, label, reward-model, rl, choose, evaluate, report.
const STAGES = 10
const RUNS = 5
const queue = 'bench'

export async function* bench({ rounds }) {
  Runtime.install({ logger: new DefaultLogger('ERROR') })
  const home = temporaryFolder('rlaif-bench-')
  const server = await openServer(home)
  const connection = await Connection.connect({ address: server.address })
  for (const name of Object.values(SEARCH_ATTRIBUTES))
    await connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { [name]: 2 } })
  const nothing = (name) => async () => ({
    uri: `file:///${name}`,
    sha256: '0'.repeat(64),
    bytes: 0,
    summary: { task: 'summarization', candidates: 1, labeler: 'none' },
    reused: false,
  })
  const activities = Object.fromEntries(Object.keys(stageSchemas).map((name) => [name, nothing(name)]))
  const native = await NativeConnection.connect({ address: server.address })
  const worker = await Worker.create({
    connection: native,
    taskQueue: queue,
    workflowsPath: require.resolve('../dist/workflows/index.js'),
    activities,
  })
  const client = new Client({ connection })
  const run = (id) =>
    client.workflow.execute('align', {
      taskQueue: queue,
      workflowId: id,
      args: [{ queues: { light: queue, label: queue, gpu: queue } }],
    })
  try {
    const seconds = await worker.runUntil(async () => {
      await run('warm-up')
      const each = []
      for (let i = 0; i < RUNS * rounds; i++) {
        const started = performance.now()
        await run(`run-${i}`)
        each.push((performance.now() - started) / 1000 / STAGES)
      }
      return each.sort((a, b) => a - b)
    })
    yield {
      figure: 'seconds-per-stage',
      ours: seconds[Math.floor(seconds.length / 2)],
      unit: 's',
      note:
        `${seconds.length} runs of ${STAGES} stages that do nothing: ` +
        `${formatNumber(seconds[0], 3)} to ${formatNumber(seconds.at(-1), 3)} s per stage; target: at most 0.3`,
    }
  } finally {
    await connection.close()
    await native.close()
    await server.stop()
  }
}
