// Temporal's runtime in this process: its log and its metrics. Install it before creating the first worker.
import { createWriteStream } from 'node:fs'
import { DefaultLogger, makeTelemetryFilterString, Runtime, type LogEntry } from '@temporalio/worker'
import { portsRefusedByBrowsers } from '../http/refused-ports'
import { PRIVATE_FILE } from '../private-files'
import { metricsToken, parseMetricsAddress, serveMetrics } from './metrics'
import { redact } from '../secrets'

export interface RuntimeOptions {
  /** File of the log, as JSON lines, in a folder that exists; default: standard error. */
  logFile?: string
  /** host:port that answers GET /metrics; default: none. */
  metrics?: string | undefined
  /** Whether other machines may read the metrics without a token. */
  metricsOpen?: boolean | undefined
}

/** Shutdown signals are left to the caller, which may have more than workers to stop. */
export async function installRuntime({ logFile, metrics, metricsOpen = false }: RuntimeOptions): Promise<void> {
  const address = metrics === undefined ? undefined : parseMetricsAddress(metrics)
  const token = address && metricsToken(address, metricsOpen)
  const [sdkPort] = address ? await portsRefusedByBrowsers(1) : [] // the SDK's own endpoint answers whoever asks
  const prometheus = {
    bindAddress: `127.0.0.1:${sdkPort}`,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
  }
  const telemetryOptions = {
    logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} }, // into our log
    ...(sdkPort !== undefined && { metrics: { prometheus } }),
  }
  Runtime.install({
    logger: new DefaultLogger('INFO', jsonLines(logFile)),
    shutdownSignals: [],
    telemetryOptions,
  })
  if (address) await serveMetrics(address, sdkPort!, token)
}

function jsonLines(file: string | undefined): (entry: LogEntry) => void {
  const out = file ? createWriteStream(file, { flags: 'a', mode: PRIVATE_FILE }) : process.stderr
  return ({ timestampNanos, level, message, meta }) => {
    const { error, ...rest } = meta ?? {}
    const fields = {
      time: new Date(Number(timestampNanos / 1_000_000n)).toISOString(),
      level,
      message,
      ...rest,
      ...(error instanceof Error && { error: error.stack }),
    }
    const line = JSON.stringify(fields, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
    out.write(`${redact(line)}\n`)
  }
}
