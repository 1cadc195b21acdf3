// Where Temporal's SDK writes its log. Install it before the first worker.
import { createWriteStream, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker'

/** JSON lines, to a file or to standard error. Signals are left to the caller, who may have more to stop than workers. */
export function installWorkerLog(file?: string): void {
  if (file) mkdirSync(dirname(file), { recursive: true })
  const out = file ? createWriteStream(file, { flags: 'a' }) : process.stderr
  const write = ({ timestampNanos, level, message, meta }: LogEntry) => {
    const { error, ...rest } = meta ?? {}
    const fields = { time: new Date(Number(timestampNanos / 1_000_000n)).toISOString(), level, message, ...rest, ...(error instanceof Error && { error: error.stack }) }
    out.write(`${JSON.stringify(fields, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`)
  }
  Runtime.install({ logger: new DefaultLogger('INFO', write), shutdownSignals: [] })
}
