// The Python of the engine on Ray (engines/ray): `npm run setup -- --engine ray`, and what tests and benchmarks start.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE, DEVICE, PROJECT, PYTHON_FOLDER } from './places.mjs'

/** src/ray/local-job.ts looks here too. The number changes with requirements.lock. */
const FOLDER = join(CACHE, 'ray-python-1')
const COMPLETE = join(FOLDER, 'complete')

/** What is fetched, about: PyTorch for CUDA brings NVIDIA's libraries. */
export const RAY_MEGABYTES = DEVICE === 'cuda' ? 3500 : 500

export const rayIsInstalled = () => existsSync(COMPLETE)

function run(command, ...args) {
  const { status } = spawnSync(command, args, { cwd: PYTHON_FOLDER, stdio: ['ignore', process.stderr, 'inherit'] })
  if (status !== 0) throw new Error(`set-up: ${command} ${args.join(' ')} failed; see above`)
}

/** Creates the environment, once; it takes 1.8 GB of the disk, and with CUDA's libraries 7 GB. */
export function installRay() {
  if (rayIsInstalled()) return
  rmSync(FOLDER, { recursive: true, force: true }) // one that was not finished
  run('python3', '-I', '-m', 'venv', FOLDER)
  const pip = ['-I', '-m', 'pip', 'install', '-qq', '--disable-pip-version-check']
  run(join(FOLDER, 'bin', 'python'), ...pip, '-r', join(PROJECT, 'engines', 'ray', 'requirements.lock'))
  writeFileSync(COMPLETE, '')
}

/** The folder of `python` and `ray`, which is created if it is missing. */
export function rayCommands() {
  if (!rayIsInstalled()) process.stderr.write('set-up: Ray, PyTorch and TRL, once\n')
  installRay()
  return join(FOLDER, 'bin')
}
