// Where a worker keeps its files: RLAIF_HOME, or `.rlaif` in the current folder. It holds keys, logs, the local server's
// database and what people and labelers answered.
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { privateFile, privateFolder } from '../private-files'

export const homeFolder = (): string => resolve(process.env.RLAIF_HOME || '.rlaif')

/** Files of a home that everyone could read before homes were private. */
const FILES = ['rating.key', 'server.json', 'temporal.db', 'temporal.log', 'worker.log']

/** The home, made if there is none; other users of the machine cannot look into it. */
export function openHome(home = homeFolder()): string {
  const isNew = privateFolder(home, (line) => process.stderr.write(`home: ${line}\n`))
  for (const name of FILES) privateFile(join(home, name))
  if (isNew) writeFileSync(join(home, '.gitignore'), '*\n') // it may lie in somebody's repository
  return home
}
