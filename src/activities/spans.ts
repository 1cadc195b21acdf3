// OpenTelemetry spans across the border of a process: from a stage's activity to the child that computes it. What turns traces on, and
// what they hold: workers/tracing.ts.
import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'

/** By which a span in another process finds its parent. */
export type TraceParent = Record<string, string>

/** The span that this process is in; empty without traces. */
export function traceParent(): TraceParent {
  const carrier: TraceParent = {}
  propagation.inject(context.active(), carrier)
  return carrier
}

/** Does work in a span below one of another process. */
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
