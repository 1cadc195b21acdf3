// Shows a file in whatever browser this machine has.
import { spawn } from 'node:child_process'

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer', linux: 'xdg-open' }

/** @throws when the machine has nothing that opens files */
export function openInBrowser(file: string): Promise<void> {
  const opener = OPENERS[process.platform] ?? 'xdg-open'
  return new Promise((resolve, reject) => {
    const child = spawn(opener, [file], { stdio: 'ignore', detached: true })
    child.once('error', () =>
      reject(
        new Error(
          `report: ${opener} is not installed, so the page cannot be shown from here; open the file above in a browser`,
        ),
      ),
    )
    child.once('spawn', () => {
      child.unref()
      resolve()
    })
  })
}
