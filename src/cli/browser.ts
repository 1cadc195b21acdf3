// Opens a file in this machine's browser.
import { spawn } from 'node:child_process'

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer', linux: 'xdg-open' }

/** @throws when this machine has no command that opens files */
export function openInBrowser(file: string): Promise<void> {
  const opener = OPENERS[process.platform] ?? 'xdg-open'
  return new Promise((resolve, reject) => {
    const child = spawn(opener, [file], { stdio: 'ignore', detached: true })
    child.once('error', () =>
      reject(
        new Error(
          `report: the report cannot be opened because ${opener} is not installed; open the file above in a browser`,
        ),
      ),
    )
    child.once('spawn', () => {
      child.unref()
      resolve()
    })
  })
}
