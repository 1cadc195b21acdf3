// The Python of the engine, without Ray, and what checks it.
import { execFile, execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { rayCommands } from '../../chaos/ray-nodes.cjs'

const PROJECT = resolve(__dirname, '..', '..')
const PACKAGE = join(PROJECT, 'engines', 'ray')

/** Runs a command in engines/ray. @returns its standard output @throws with its output when it fails */
async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, {
    cwd: PACKAGE,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' },
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout
}

/** Runs a module of engines/ray. @returns its standard output */
export const python = (module: string, ...args: string[]): Promise<string> =>
  run(join(rayCommands(), 'python'), '-m', module, ...args)

/** The folder of mypy and ruff; installs them if they are missing. */
const checkCommands = () =>
  execFileSync(
    process.execPath,
    ['-e', "import('./setup/ray.mjs').then(({ checkCommands }) => console.log(checkCommands()))"],
    { cwd: PROJECT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  ).trim()

/** Checks the types of the package, with those of the packages that it uses. @returns what mypy says */
export function checkTypes(): Promise<string> {
  const commands = checkCommands()
  const interpreter = join(rayCommands(), 'python')
  const kept = join(commands, '..', 'mypy-cache') // what is known of PyTorch need not be read again
  return run(join(commands, 'mypy'), '--python-executable', interpreter, '--cache-dir', kept, 'rlaif_ray', 'tests')
}

/** Checks the style and the layout of the package. @returns what ruff says */
export async function checkStyle(): Promise<string> {
  const ruff = join(checkCommands(), 'ruff')
  return `${await run(ruff, 'check', '--no-cache', '.')}${await run(ruff, 'format', '--check', '--no-cache', '.')}`
}
