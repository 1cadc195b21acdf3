// A local stack as a user has it: the built command in separate processes, a real Temporal server, and a temporary
// RLAIF_HOME.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { temporaryFolder } from './tiny-folder'

const COMMAND = resolve(__dirname, '..', 'dist', 'cli', 'main.js')

export interface Ended {
  code: number | null
  out: string
  err: string
}

export interface LocalStack {
  home: string
  client: Client
  /** The process of `rlaif up`: owns the server and has all workers. */
  up: ChildProcess
  /** Address of its studio. */
  studio: string
  run(...args: string[]): Promise<Ended>
  /** Starts `rlaif up` again after its process has been killed. */
  upAgain(): Promise<void>
  close(): Promise<void>
}

/** A path in what a command printed, by the word before it. */
export const pathIn = (out: string, what: string): string => new RegExp(`^${what} +(.*)$`, 'm').exec(out)![1]!

/** The environment of the test, without the variables that name another Temporal server. */
function environment(home: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_NAMESPACE: _namespace, ...rest } = process.env
  return { ...rest, RLAIF_HOME: home, ...more }
}

/** @param cwd the working directory; default: that of the test */
export function rlaif(home: string, args: string[], more?: NodeJS.ProcessEnv, cwd?: string): Promise<Ended> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      env: environment(home, more),
      ...(cwd !== undefined && { cwd }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended: Ended = { code: null, out: '', err: '' }
    child.stdout.on('data', (chunk) => (ended.out += String(chunk)))
    child.stderr.on('data', (chunk) => (ended.err += String(chunk)))
    child.on('close', (code) => done({ ...ended, code }))
  })
}

function startUp(home: string, flags: readonly string[]): Promise<Pick<LocalStack, 'up' | 'studio'>> {
  return new Promise((done, fail) => {
    const up = spawn(process.execPath, [COMMAND, 'up', ...flags], {
      env: environment(home),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    const hear = (chunk: Buffer) => {
      said += String(chunk)
      if (said.includes('Ctrl-C ends them')) done({ up, studio: /^Studio (\S+)/m.exec(said)?.[1] ?? '' })
    }
    up.stdout.on('data', hear)
    up.stderr.on('data', hear)
    up.on('close', (code) => fail(new Error(`rlaif up ended with ${code}: ${said}`)))
  })
}

const record = (home: string) =>
  JSON.parse(readFileSync(join(home, 'server.json'), 'utf8')) as { pid: number; address: string }

/** @param flags of `rlaif up` */
export async function openLocalStack(...flags: string[]): Promise<LocalStack> {
  const home = join(temporaryFolder(), 'home')
  const started = await startUp(home, flags)
  const connections = [await Connection.connect({ address: record(home).address })]
  const stack: LocalStack = {
    home,
    client: new Client({ connection: connections[0]! }),
    ...started,
    run: (...args) => rlaif(home, args),
    async upAgain() {
      Object.assign(stack, await startUp(home, flags))
      connections.push(await Connection.connect({ address: record(home).address })) // existing handles keep the old one
      stack.client = new Client({ connection: connections.at(-1)! })
    },
    async close() {
      for (const connection of connections) await connection.close()
      const ended = new Promise((done) => stack.up.once('close', done))
      stack.up.kill('SIGTERM')
      await ended
      if (existsSync(join(home, 'server.json'))) process.kill(record(home).pid, 'SIGKILL')
    },
  }
  return stack
}
