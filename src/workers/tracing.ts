// OpenTelemetry traces: one trace per run, from the command or the workflow through its stages and their child
// processes to each request to an endpoint. Enabled by OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT);
// OTEL_TRACES_SAMPLER and the other variables of OpenTelemetry apply. Spans contain stages, addresses, models and
// counts, never a prompt, an answer or a key.
import type { ClientInterceptors } from '@temporalio/client'
import type { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry'
import { version } from '../version'

export interface Tracing {
  /** For workers. */
  plugin: OpenTelemetryPlugin
  /** For clients: starts, signals and updates are traced; queries, which poll, are not. */
  interceptors: ClientInterceptors
  /** Sends the spans that have not been sent yet; call it before the process exits. */
  flush(): Promise<void>
}

const isEnabled = () =>
  Boolean(process.env.OTEL_EXPORTER_OTLP_ENDPOINT || process.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)

let started: Promise<Tracing> | undefined
/** Once per process. Loads the packages only when traces are enabled. */
export const startTracing = async (): Promise<Tracing | undefined> =>
  isEnabled() ? await (started ??= start()) : undefined

async function start(): Promise<Tracing> {
  const [
    { AsyncLocalStorageContextManager },
    { OTLPTraceExporter },
    { detectResourcesSync, envDetectorSync, Resource },
    { BasicTracerProvider, BatchSpanProcessor },
    { OpenTelemetryPlugin, OpenTelemetryWorkflowClientInterceptor },
    { exportingWithoutSecrets },
  ] = await Promise.all([
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-base'),
    import('@temporalio/interceptors-opentelemetry'),
    import('./without-secrets.js'),
  ])
  const resource = new Resource({
    'service.name': 'rlaif',
    'service.version': version,
    'process.pid': process.pid,
  }).merge(detectResourcesSync({ detectors: [envDetectorSync] }))
  const spanProcessor = new BatchSpanProcessor(exportingWithoutSecrets(new OTLPTraceExporter()))
  const provider = new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] })
  provider.register({ contextManager: new AsyncLocalStorageContextManager().enable() })
  const client = new OpenTelemetryWorkflowClientInterceptor()
  return {
    plugin: new OpenTelemetryPlugin({ resource, spanProcessor }),
    interceptors: {
      workflow: [
        {
          start: client.start.bind(client),
          signal: client.signal.bind(client),
          startUpdate: client.startUpdate.bind(client),
        },
      ],
    },
    flush: () =>
      provider
        .forceFlush()
        .catch(
          (error: unknown) => void process.stderr.write(`traces: could not be sent: ${(error as Error).message}\n`),
        ),
  }
}
