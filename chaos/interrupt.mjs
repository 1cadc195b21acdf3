// What a command of this repository leaves behind: nothing, also after Ctrl-C, after an error and after its end.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CODES = { SIGINT: 130, SIGTERM: 143 }
const open = []
const folders = []

async function endAll(signal) {
  process.once(signal, () => process.exit(CODES[signal])) // the second time, at once
  for (const end of open.toReversed()) await end().catch((error) => console.error(error.message))
  process.exit(CODES[signal])
}

/** @returns `close`, which runs once, at the latest at Ctrl-C: what was opened last ends first */
export function endedByInterrupt(close) {
  if (open.length === 0) for (const signal of Object.keys(CODES)) process.once(signal, endAll)
  let closed
  const once = () => (closed ??= Promise.resolve().then(close))
  open.push(once)
  return once
}

/** A folder that is removed when the process ends. */
export function temporaryFolder(prefix) {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  if (folders.push(folder) === 1) process.once('exit', removeFolders)
  return folder
}

function removeFolders() {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
