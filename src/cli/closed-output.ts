// What happens when the reader of the command's output has gone, as `| head` does: the command ends without a word.
import { writeSync } from 'node:fs'
import { exitCode } from '../contracts/exit-codes'

let isClosed = false
/** Whether a reader of the output has gone. */
export const outputIsClosed = (): boolean => isClosed

/** A server or worker is stopped as by SIGTERM, so that it hands its work back; any other command ends at once. */
export function endWhenOutputCloses(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', end)
}

function end(error: NodeJS.ErrnoException): void {
  if (isClosed) return
  isClosed = true
  if (error.code !== 'EPIPE') endWithReason(error) // e.g. a file on a full disk
  if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM')
  else process.exit(exitCode('outputClosed'))
}

function endWithReason(error: Error): never {
  try {
    writeSync(STANDARD_ERROR, `rlaif: the output cannot be written: ${error.message}\n`)
  } finally {
    process.exit(exitCode('failed'))
  }
}
const STANDARD_ERROR = 2
