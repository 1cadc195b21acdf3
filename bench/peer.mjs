// The peers' Python environment.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CACHE } from '../setup/places.mjs'

/** The path of a Python in its own environment with the pinned peers; creates the environment once. */
export function peerPython() {
  const folder = join(CACHE, 'bench-python-2')
  const python = join(folder, 'bin', 'python')
  if (existsSync(join(folder, 'complete'))) return python
  process.stderr.write('bench: creating the Python environment of the peers, once\n')
  const run = (command, args) => {
    if (spawnSync(command, args, { stdio: ['ignore', process.stderr, 'inherit'] }).status !== 0)
      throw new Error(`bench: ${command} ${args.join(' ')} failed`)
  }
  run('python3', ['-I', '-m', 'venv', folder]) // -I: nothing is imported from the current folder
  run(python, [
    '-I',
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    join(dirname(fileURLToPath(import.meta.url)), 'requirements.txt'),
  ])
  run(python, ['-I', '-c', `open(${JSON.stringify(join(folder, 'complete'))}, 'w')`])
  return python
}
