// Replays histories (protobuf) on today's workflows; prints one JSON line a file: {file, error?}. With --swap, the third stage of each is
// another one: the workflows cannot lead there. With --traced, traces are on. A process of its own: protobuf's readers do not work inside Jest's module registry.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { temporal } = require('@temporalio/proto')
const { startTracing } = require('../../dist/workers/tracing.js')
const { bundleWorkflowCode, DefaultLogger, Worker } = require('@temporalio/worker')

const files = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = process.argv.includes('--traced') ? 'http://127.0.0.1:9' : ''
const tracing = await startTracing()
const plugins = tracing ? [tracing.plugin] : []
const workflowBundle = await bundleWorkflowCode({
  plugins,
  workflowsPath: require.resolve('../../dist/workflows/index.js'),
  logger: new DefaultLogger('ERROR', () => {}),
})
for (const file of files) {
  const history = temporal.api.history.v1.History.decode(readFileSync(file))
  if (process.argv.includes('--swap'))
    history.events.filter(
      (event) => event.activityTaskScheduledEventAttributes,
    )[2].activityTaskScheduledEventAttributes.activityType.name = 'report'
  const { workflowId } = history.events[0].workflowExecutionStartedEventAttributes // of which children's ids are made
  const error = await Worker.runReplayHistory({ workflowBundle, plugins }, history, workflowId || 'unknown').then(
    () => undefined,
    (reason) => String(reason.message),
  )
  console.log(JSON.stringify({ file, error }))
}
