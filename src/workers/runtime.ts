// Temporal's runtime in this process: its log and its metrics. Install it before creating the first worker.
import { createWriteStream, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker'
import { freeLoopbackPort, parseMetricsAddress, serveMetrics } from './metrics'

export interface RuntimeOptions {
  /** File of the log, as JSON lines; default: standard error. */
  logFile?: string
  /** host:port that answers GET /metrics; default: none. */
  metrics?: string | undefined
}

/** Shutdown signals are left to the caller, which may have more than workers to stop. */
export async function installRuntime({ logFile, metrics }: RuntimeOptions): Promise<void> {
  const sdkPort = metrics === undefined ? undefined : await freeLoopbackPort()
  const telemetry =
    sdkPort === undefined
      ? {}
      : {
          telemetryOptions: {
            metrics: {
              prometheus: {
                bindAddress: `127.0.0.1:${sdkPort}`,
                countersTotalSuffix: true,
                unitSuffix: true,
                useSecondsForDurations: true,
              },
            },
          },
        }
  Runtime.install({ logger: new DefaultLogger('INFO', jsonLines(logFile)), shutdownSignals: [], ...telemetry })
  if (sdkPort !== undefined) await serveMetrics(parseMetricsAddress(metrics!), sdkPort)
}

function jsonLines(file: string | undefined): (entry: LogEntry) => void {
  if (file) mkdirSync(dirname(file), { recursive: true })
  const out = file ? createWriteStream(file, { flags: 'a' }) : process.stderr
  return ({ timestampNanos, level, message, meta }) => {
    const { error, ...rest } = meta ?? {}
    const fields = {
      time: new Date(Number(timestampNanos / 1_000_000n)).toISOString(),
      level,
      message,
      ...rest,
      ...(error instanceof Error && { error: error.stack }),
    }
    out.write(`${JSON.stringify(fields, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`)
  }
}
