// The Python of the engine, without Ray.
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { rayCommands } from '../../chaos/ray-nodes.cjs'

/** Runs a module of engines/ray. @returns its standard output */
export async function python(module: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(join(rayCommands(), 'python'), ['-m', module, ...args], {
    cwd: resolve(__dirname, '..', '..', 'engines', 'ray'),
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' },
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout
}
