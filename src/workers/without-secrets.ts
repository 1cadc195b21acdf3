// The border of a worker: its failures, log and traces leave it without the secrets of its environment. What a child
// process sends passes it on the child's side (child-main.ts), notifications in activities/notify.ts.
import { join, sep } from 'node:path'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base'
import { ApplicationFailure } from '@temporalio/common'
import type { ActivityInterceptorsFactory } from '@temporalio/worker'
import { redact, redactAll } from '../secrets'

/** Where this program is: stacks name its files without it. */
const PROGRAM = join(__dirname, '..', '..') + sep
const shown = (text: string) => redact(text).replaceAll(PROGRAM, '')

/** Causes of an error that are looked through; Temporal stores them all. */
const MOST_CAUSES = 8

/** Takes the secrets out of an error and its causes, and out of stacks where this program is. @returns the same error */
export function withoutSecrets(thrown: unknown, causes = MOST_CAUSES): unknown {
  if (!(thrown instanceof Error)) return redactAll(thrown)
  thrown.message = redact(thrown.message)
  if (thrown.stack !== undefined) thrown.stack = shown(thrown.stack)
  if (thrown instanceof ApplicationFailure && thrown.details)
    Object.assign(thrown, { details: redactAll(thrown.details, shown) })
  if (thrown.cause !== undefined)
    Object.assign(thrown, { cause: causes > 0 ? withoutSecrets(thrown.cause, causes - 1) : undefined })
  return thrown
}

/** Every failure of an activity reaches Temporal and the log without secrets. */
export const failuresWithoutSecrets: ActivityInterceptorsFactory = () => ({
  inbound: {
    async execute(input, next) {
      try {
        return await next(input)
      } catch (error) {
        throw withoutSecrets(error)
      }
    },
  },
})

/** An exporter of spans whose names, attributes, events and status are redacted. */
export function exportingWithoutSecrets(exporter: SpanExporter): SpanExporter {
  return {
    export: (spans, done) => exporter.export(spans.map(redactedSpan), done),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  }
}

const redactedSpan = (span: ReadableSpan): ReadableSpan =>
  Object.create(span, {
    name: { value: redact(span.name) },
    attributes: { value: redactAll(span.attributes) },
    status: { value: redactAll(span.status) },
    events: {
      value: span.events.map((event) => ({
        ...event,
        name: redact(event.name),
        attributes: redactAll(event.attributes),
      })),
    },
  }) as ReadableSpan
