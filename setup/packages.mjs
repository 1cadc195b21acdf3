// Installs npm packages without running install scripts: in a clone everything in the lock file; in a user's project,
// TensorFlow.js if npm has left it out.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { IS_PACKAGE, PROJECT, packageFolder } from './places.mjs'

const TENSORFLOW_JS = '@tensorflow/tfjs-node-gpu'

const mark = join(PROJECT, 'node_modules', '.rlaif-lock')
const lockDigest = () =>
  createHash('sha256')
    .update(readFileSync(join(PROJECT, 'package-lock.json')))
    .digest('hex')

export const packagesAreInstalled = () =>
  IS_PACKAGE
    ? packageFolder(TENSORFLOW_JS) !== undefined
    : existsSync(mark) && readFileSync(mark, 'utf8') === lockDigest()

export function installPackages() {
  if (IS_PACKAGE) return installTensorFlowJs()
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: PROJECT,
    stdio: ['ignore', process.stderr, 'inherit'],
  })
  if (status !== 0) throw new Error('set-up: `npm ci` failed; see its messages above, then run the same command again')
  writeFileSync(mark, lockDigest())
}

/**
 * npm leaves the package out if its installer has failed, for example because it could not download the TensorFlow of
 * 2022.
 */
function installTensorFlowJs() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'))
  const project = PROJECT.slice(0, PROJECT.lastIndexOf(`${sep}node_modules${sep}`))
  const { status } = spawnSync(
    'npm',
    [
      'install',
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      `${TENSORFLOW_JS}@${optionalDependencies[TENSORFLOW_JS]}`,
    ],
    { cwd: project, stdio: ['ignore', process.stderr, 'inherit'] },
  )
  if (status !== 0)
    throw new Error(
      `set-up: npm could not install ${TENSORFLOW_JS}; see its messages above, then run the same command again`,
    )
}
