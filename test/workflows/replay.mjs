// Replays histories (protobuf) on today's workflows; prints one JSON line per file: {file, error?}. --swap replaces the
// third stage of each history by another, which the workflows cannot produce. --traced turns tracing on. It is a
// separate process because protobuf's readers do not work inside Jest's module registry.
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
  const { workflowId } = history.events[0].workflowExecutionStartedEventAttributes // part of the IDs of child workflows
  const error = await Worker.runReplayHistory({ workflowBundle, plugins }, history, workflowId || 'unknown').then(
    () => undefined,
    (reason) => String(reason.message),
  )
  console.log(JSON.stringify({ file, error }))
}
