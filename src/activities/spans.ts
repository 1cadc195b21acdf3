// OpenTelemetry spans across processes: from a stage's activity to the child that computes it. What enables traces, and
// what they contain: workers/tracing.ts.
import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'

/** By this a span in another process finds its parent. */
export type TraceParent = Record<string, string>

/** The current span of this process; empty without traces. */
export function traceParent(): TraceParent {
  const carrier: TraceParent = {}
  propagation.inject(context.active(), carrier)
  return carrier
}

/** Runs `work` in a span whose parent is in another process. */
export function inSpan<T>(name: string, parent: TraceParent, work: () => Promise<T>): Promise<T> {
  return trace.getTracer('rlaif').startActiveSpan(name, {}, propagation.extract(ROOT_CONTEXT, parent), async (span) => {
    try {
      return await work()
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).name })
      throw error
    } finally {
      span.end()
    }
  })
}
