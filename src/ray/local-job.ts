// A job on this machine: the same program, with a Ray of its own that ends with it.
import { spawn } from 'node:child_process'
import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { installedFolder } from '../cache-folder'
import { InvalidInput } from '../contracts/parse'
import { setupCommand } from '../installation'
import type { RunningJob } from './job'
import { codeFolder } from './job-folder'

const STOPPED_WITHIN_MS = 10_000

/** Python of the engine, as set-up with `--engine ray` installs it (setup/ray.mjs). RLAIF_RAY_PYTHON is another. */
function python(): string {
  const installed = process.env.RLAIF_RAY_PYTHON ?? join(installedFolder(), 'ray-python-1', 'bin', 'python')
  if (existsSync(installed)) return installed
  throw new InvalidInput(
    `ray: engine.ray.address is "local", but ${installed} is not there: run \`${setupCommand('--engine ray')}\` on this ` +
      'worker, or set RLAIF_RAY_PYTHON to a Python with the packages of engines/ray/requirements.lock',
  )
}

/**
 * Starts the program; it ends with this process. Without a cluster nothing is attached to: the next attempt starts it
 * again, from its checkpoints.
 */
export function startLocalJob(folder: string): RunningJob {
  const file = join(folder, 'log.txt')
  const log = createWriteStream(file)
  const child = spawn(python(), ['-m', 'rlaif_ray', folder], {
    stdio: ['pipe', 'pipe', 'pipe'], // the program ends when its standard input does
    env: { ...process.env, PYTHONPATH: codeFolder(folder), HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
  })
  child.stdout.pipe(log)
  child.stderr.pipe(log)
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
  let isOver = false
  void ended.then(() => (isOver = true))
  return {
    name: `of process ${child.pid}`,
    hasEnded: () => Promise.resolve(isOver),
    log: () => Promise.resolve(existsSync(file) ? readFileSync(file, 'utf8').slice(-8000) : ''),
    async stop() {
      child.kill('SIGTERM')
      const killed = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS)
      await ended
      clearTimeout(killed)
    },
  }
}
