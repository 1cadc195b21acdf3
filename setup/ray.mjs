// The Python of the engine on Ray (engines/ray): `npm run setup -- --engine ray`, and what tests and benchmarks start.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE, DEVICE, PROJECT, PYTHON_FOLDER } from './places.mjs'

/** The number of a folder changes with its lock file. src/ray/local-job.ts looks for the engine's too. */
const ENGINE = environment('ray-python-1', 'requirements.lock')
/** What checks the types and the style of the package. */
const CHECKS = environment('ray-checks-1', 'checks.lock')

/** What is fetched, about: PyTorch for CUDA brings NVIDIA's libraries. */
export const RAY_MEGABYTES = DEVICE === 'cuda' ? 3500 : 500

function environment(name, lock) {
  const folder = join(CACHE, name)
  return { folder, complete: join(folder, 'complete'), lock: join(PROJECT, 'engines', 'ray', lock) }
}

export const rayIsInstalled = () => existsSync(ENGINE.complete)

function run(command, ...args) {
  const { status } = spawnSync(command, args, { cwd: PYTHON_FOLDER, stdio: ['ignore', process.stderr, 'inherit'] })
  if (status !== 0) throw new Error(`set-up: ${command} ${args.join(' ')} failed; see above`)
}

/** Creates an environment, once. */
function install({ folder, complete, lock }) {
  if (existsSync(complete)) return
  rmSync(folder, { recursive: true, force: true }) // one that was not finished
  run('python3', '-I', '-m', 'venv', folder)
  const pip = ['-I', '-m', 'pip', 'install', '-qq', '--disable-pip-version-check']
  run(join(folder, 'bin', 'python'), ...pip, '-r', lock)
  writeFileSync(complete, '')
}

/** Creates the engine's environment, once; it takes 1.8 GB of the disk, and with CUDA's libraries 7 GB. */
export const installRay = () => install(ENGINE)

/** The folder of `python` and `ray`, which is created if it is missing. */
export function rayCommands() {
  if (!rayIsInstalled()) process.stderr.write('set-up: Ray, PyTorch and TRL, once\n')
  installRay()
  return join(ENGINE.folder, 'bin')
}

/** The folder of `mypy` and `ruff`, which is created if it is missing. */
export function checkCommands() {
  install(CHECKS)
  return join(CHECKS.folder, 'bin')
}
