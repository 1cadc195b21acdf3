// A worker process whose stages do nothing, or wait for a given time: what remains is the cost of orchestration.
// Reports its memory once a second.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { DefaultLogger, NativeConnection, Runtime, Worker } = require('@temporalio/worker')
const { stageSchemas } = require('../dist/contracts/stages.js')

const [address, taskQueue, milliseconds = '0'] = process.argv.slice(2)
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })
const nothing = (name) => async () => {
  await new Promise((done) => setTimeout(done, Number(milliseconds)))
  return {
    uri: `file:///${name}`,
    sha256: '0'.repeat(64),
    bytes: 0,
    summary: { task: 'summarization', candidates: 1, labeler: 'none', accuracy: 0.5 },
    reused: false,
  }
}
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  workflowsPath: require.resolve('../dist/workflows/index.js'),
  activities: Object.fromEntries(Object.keys(stageSchemas).map((name) => [name, nothing(name)])),
})
const run = worker.run()
process.send?.({ up: true })
setInterval(() => process.send?.({ megabytes: process.memoryUsage().rss / 1e6 }), 1000).unref()
if (process.send) process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => worker.shutdown())
await run
process.exit()
