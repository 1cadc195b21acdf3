// TensorFlow's native part writes a banner to standard error when it starts, past Node and whatever the log level: two
// lines that look like a warning and say nothing of the run. This loads it without them.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const STDERR = 2

/** What TensorFlow prints at every start. */
export const BANNER = /absl::InitializeLog|oneDNN custom operations|^\s*$/

/** Runs `load` and writes what the native part has said meanwhile, but for its banner; where that is not possible, all. */
export function withoutBanner<T>(load: () => T): T {
  const restore = divert()
  try {
    return load()
  } finally {
    restore?.()
  }
}

/** Makes a file of standard error. @returns what undoes it; undefined where that cannot be done */
function divert(): (() => void) | undefined {
  let saved: number
  let folder: string
  try {
    saved = openSync(`/dev/fd/${STDERR}`, 'a') // fails where standard error is a socket: it stays as it is
    folder = mkdtempSync(join(tmpdir(), 'rlaif-start-'))
  } catch {
    return undefined
  }
  const heard = join(folder, 'stderr')
  replace(heard)
  return () => {
    replace(`/dev/fd/${saved}`)
    closeSync(saved)
    repeat(heard)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A file that is opened gets the lowest free number, that of the one just closed. */
function replace(file: string): void {
  closeSync(STDERR)
  openSync(file, 'a')
}

function repeat(file: string): void {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !BANNER.test(line))
  if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`)
}
