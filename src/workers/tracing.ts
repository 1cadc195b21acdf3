// OpenTelemetry traces: one trace a run, from the command or the workflow through its stages and their computing processes to each
// request to an endpoint. On where OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is set; OTEL_TRACES_SAMPLER and the other
// variables of OpenTelemetry hold. Spans name stages, addresses, models and counts, and never a prompt, an answer or a key.
import type { ClientInterceptors } from '@temporalio/client'
import type { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry'
import { version } from '../version'

export interface Tracing {
  /** For workers. */
  plugin: OpenTelemetryPlugin
  /** For clients: what starts or moves a run is traced; looking at it again and again is not. */
  interceptors: ClientInterceptors
  /** Sends what has not been sent yet; call it before the process ends. */
  flush(): Promise<void>
}

const isWanted = () =>
  Boolean(process.env.OTEL_EXPORTER_OTLP_ENDPOINT || process.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)

let started: Promise<Tracing> | undefined
/** Once a process. The packages are loaded only where traces are wanted. */
export const startTracing = async (): Promise<Tracing | undefined> =>
  isWanted() ? await (started ??= start()) : undefined

async function start(): Promise<Tracing> {
  const [
    { AsyncLocalStorageContextManager },
    { OTLPTraceExporter },
    { detectResourcesSync, envDetectorSync, Resource },
    { BasicTracerProvider, BatchSpanProcessor },
    { OpenTelemetryPlugin, OpenTelemetryWorkflowClientInterceptor },
  ] = await Promise.all([
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-base'),
    import('@temporalio/interceptors-opentelemetry'),
  ])
  const resource = new Resource({
    'service.name': 'rlaif',
    'service.version': version,
    'process.pid': process.pid,
  }).merge(detectResourcesSync({ detectors: [envDetectorSync] }))
  const spanProcessor = new BatchSpanProcessor(new OTLPTraceExporter())
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
        .catch((error: unknown) => void process.stderr.write(`traces: not sent: ${(error as Error).message}\n`)),
  }
}
