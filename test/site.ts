// A Temporal server and worker processes, as on a team's machines. A test can end each of them.
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Client, type WorkflowHandle } from '@temporalio/client'
import type { Role } from '../src/workers/worker'
import { snapshot } from '../src/cli/progress'
import { startDevServer } from './dev-server'
import { temporaryFolder } from './tiny-folder'

const COMMAND = resolve(__dirname, '..', 'dist', 'cli', 'main.js')
/** PENDING_ACTIVITY_STATE_STARTED in Temporal's API. */
const STARTED = 2
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

export interface Site {
  client: Client
  /** RLAIF_HOME of all its workers. */
  home: string
  /** Address of its Temporal server. */
  address: string
  /** Starts a process with workers for these roles. */
  worker(...roles: Role[]): ChildProcess
  /** The same, with additional environment variables. */
  workerWith(environment: NodeJS.ProcessEnv, ...roles: Role[]): ChildProcess
  /** The same, with additional arguments of `rlaif worker`. */
  workerArguments(more: string[], ...roles: Role[]): ChildProcess
  start(workflow: string, input: object, id: string): Promise<WorkflowHandle>
  close(): Promise<void>
}

const isAlive = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null

/** Ends a process and waits until it has exited. */
export async function ended(process: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isAlive(process)) return
  const gone = new Promise((done) => process.once('close', done))
  process.kill(signal)
  await gone
}

export async function openSite(home = join(temporaryFolder(), 'home')): Promise<Site> {
  const server = await startDevServer()
  const client = new Client({ connection: server.connection })
  const workers: ChildProcess[] = []
  const spawnWorker = (roles: Role[], environment: NodeJS.ProcessEnv, more: string[]) => {
    const worker = spawn(process.execPath, [COMMAND, 'worker', '--roles', roles.join(','), ...more], {
      env: { ...process.env, RLAIF_HOME: home, TEMPORAL_ADDRESS: server.address, ...environment },
      stdio: 'ignore',
    })
    workers.push(worker)
    return worker
  }
  return {
    client,
    home,
    address: server.address,
    worker: (...roles) => spawnWorker(roles, {}, []),
    workerWith: (environment, ...roles) => spawnWorker(roles, environment, []),
    workerArguments: (more, ...roles) => spawnWorker(roles, {}, more),
    start: (workflow, input, id) =>
      client.workflow.start(workflow, { taskQueue: 'rlaif', workflowId: id, args: [input] }),
    async close() {
      await Promise.all(workers.map((worker) => ended(worker, 'SIGTERM')))
      await server.close()
    },
  }
}

export interface Running {
  /** Process id of the worker that runs the stage. */
  pid: number
  attempt: number
  /** Progress that the stage last reported. */
  done: number
}

/** The stage that a worker is running now, or undefined. */
export async function running(handle: WorkflowHandle): Promise<Running | undefined> {
  const pending = (await handle.describe()).raw.pendingActivities?.[0]
  const pid = /^\w+-(\d+)@/.exec(pending?.lastWorkerIdentity ?? '')?.[1]
  if (!pending?.lastStartedTime || pid === undefined || pending.state !== STARTED) return undefined
  return { pid: Number(pid), attempt: pending.attempt ?? 1, done: (await snapshot(handle)).progress?.done ?? 0 }
}

/** Calls `look` until it returns a value. */
export async function until<T>(look: () => Promise<T | undefined>, seconds = 120): Promise<T> {
  for (const end = Date.now() + seconds * 1000; ; await pause(100)) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (Date.now() > end) throw new Error(`site: gave up waiting after ${seconds} s`)
  }
}

/** The child processes of a process (Linux). */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return [] // the process has exited
  }
}
