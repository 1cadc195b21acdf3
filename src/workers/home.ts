// Where a worker keeps its files: RLAIF_HOME, or `.rlaif` in the current folder. It holds keys, logs, the local server's
// database and what people and labelers answered.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { privateFile, privateFolder } from '../private-files'

export const homeFolder = (): string => resolve(process.env.RLAIF_HOME || '.rlaif')

/** Why the home is where it is. */
export const homeReason = (): string =>
  process.env.RLAIF_HOME ? 'as RLAIF_HOME says' : 'in the current folder; RLAIF_HOME names another place'

const PROBE_BYTES = 65_536
const FAULTS: Record<string, string> = {
  EROFS: 'it is on a read-only file system',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  ENOTDIR: 'a file is in its way',
  ENOSPC: 'its disk is full',
  EDQUOT: "this user's quota is used up",
}

/** Why nothing can be written into the home, with the remedy; undefined if it can. Leaves nothing behind. */
export function homeFault(home = homeFolder()): string | undefined {
  try {
    const probe = mkdtempSync(join(existingFolder(home), '.rlaif-'))
    try {
      writeFileSync(join(probe, 'probe'), Buffer.alloc(PROBE_BYTES), { flush: true })
    } finally {
      rmSync(probe, { recursive: true, force: true })
    }
    return undefined
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    return (
      `${home} cannot be written to: ${FAULTS[code] ?? message}; ` +
      (isFull ? 'free some space, e.g. with `rlaif artifacts gc`, or ' : '') +
      `set RLAIF_HOME to a folder ${isFull ? 'on another disk' : 'that can be'}`
    )
  }
}

/** The folder itself, or the nearest one above it that exists. */
export const existingFolder = (folder: string): string =>
  existsSync(folder) ? folder : existingFolder(dirname(folder))

/** Files of a home that everyone could read before homes were private. */
const FILES = ['rating.key', 'server.json', 'temporal.db', 'temporal.log', 'worker.log']

/** The home, made if there is none; other users of the machine cannot look into it. */
export function openHome(home = homeFolder()): string {
  const isNew = privateFolder(home, (line) => process.stderr.write(`home: ${line}\n`))
  for (const name of FILES) privateFile(join(home, name))
  if (isNew) writeFileSync(join(home, '.gitignore'), '*\n') // it may lie in somebody's repository
  return home
}
