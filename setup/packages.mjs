// npm's packages, by the lock file, without any package's install script.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from './places.mjs'

const mark = join(PROJECT, 'node_modules', '.rlaif-lock')
const lockDigest = () => createHash('sha256').update(readFileSync(join(PROJECT, 'package-lock.json'))).digest('hex')

export const packagesAreInstalled = () => existsSync(mark) && readFileSync(mark, 'utf8') === lockDigest()

export function installPackages() {
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: PROJECT, stdio: ['ignore', process.stderr, 'inherit'] })
  if (status !== 0) throw new Error('set-up: `npm ci` failed; see its messages above, then run the same command again')
  writeFileSync(mark, lockDigest())
}
