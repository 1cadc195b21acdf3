// Temporal's development server with a database file, for one machine. A server that is already up is used as it is.
import { spawn } from 'node:child_process'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Connection } from '@temporalio/client'
import { z } from 'zod'
import { cacheFolder } from '../cache-folder'
import { configuredServer, localServer, type TemporalServer } from '../workers/temporal'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 10_000
const PORT = 7233
const UI_PORT = 8233

export interface Server {
  address: string
  /** How to connect to it. */
  temporal: TemporalServer
  /** Base address of the UI, if known. */
  ui: string | undefined
  /** Whether another process of this home owns the server, and runs the workers. */
  ownedElsewhere: boolean
  /** Stops the server if this process owns it. */
  stop(): Promise<void>
}

const recordSchema = z.object({ pid: z.number(), owner: z.number(), address: z.string(), ui: z.string() })
type ServerRecord = z.infer<typeof recordSchema>
const recordFile = (home: string) => join(home, 'server.json')

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The `temporal` command: on the PATH, or the one that set-up downloaded. */
export function findTemporal(): string | undefined {
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, 'temporal'))
  const cache = cacheFolder()
  const downloaded = existsSync(cache)
    ? readdirSync(cache)
        .filter((name) => /^temporal-[\d.]+$/.test(name))
        .sort()
        .reverse()
    : []
  const inWheel = downloaded.flatMap((name) =>
    readdirSync(join(cache, name)).map((data) => join(cache, name, data, 'scripts', 'temporal')),
  )
  return [...onPath, ...inWheel].find(isExecutable)
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** This home's running server, if any. */
export function runningServer(home: string): ServerRecord | undefined {
  try {
    const record = recordSchema.parse(JSON.parse(readFileSync(recordFile(home), 'utf8')))
    return isAlive(record.pid) ? record : undefined
  } catch {
    return undefined
  }
}

/** The port if it can be listened on; 0 for any free port. */
function portIfFree(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(undefined))
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : undefined))
    })
  })
}

/**
 * Reserves the port for this process for as long as it lives: two processes that start at the same moment would both
 * find the port free, and the second would take the first one's server for its own.
 * @returns whether this process has it
 */
function reserve(port: number): boolean {
  const file = join(tmpdir(), `rlaif-port-${port}`)
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
  } catch {
    const owner = ownerOf(file)
    if (owner !== process.pid && isAlive(owner)) return false
    rmSync(file, { force: true }) // its owner is gone
    writeFileSync(file, String(process.pid))
  }
  return true
}

const ownerOf = (file: string): number => Number(existsSync(file) ? readFileSync(file, 'utf8') : NaN)

/** The preferred port, or else any free one. */
const freePort = async (preferred: number) =>
  (reserve(preferred) ? await portIfFree(preferred) : undefined) ?? (await portIfFree(0))!

/** Whether a Temporal server answers at the address. */
export async function answers({ connection: options }: TemporalServer): Promise<boolean> {
  try {
    const connection = await Connection.connect({ ...options, connectTimeout: 3000 })
    await connection.close()
    return true
  } catch {
    return false
  }
}

/** Uses the configured server or this home's running one, else starts one. */
export async function openServer(home: string): Promise<Server> {
  const configured = configuredServer()
  if (configured) {
    const { address } = configured.connection
    if (!(await answers(configured)))
      throw new Error(
        `start: no Temporal server answers at ${address} (TEMPORAL_ADDRESS); ` +
          'start it, correct the address, or unset it to use a local one',
      )
    const ui = process.env.TEMPORAL_UI_URL
    return { address, temporal: configured, ui, ownedElsewhere: false, stop: async () => {} }
  }
  const running = runningServer(home)
  if (running && (await answers(localServer(running.address)))) {
    const orphan = !isAlive(running.owner) // its owner was killed: this process owns it now
    if (orphan) writeFileSync(recordFile(home), JSON.stringify({ ...running, owner: process.pid }))
    return {
      address: running.address,
      temporal: localServer(running.address),
      ui: running.ui,
      ownedElsewhere: !orphan,
      stop: async () => (orphan ? stopServer(running.pid, home) : undefined),
    }
  }
  return startServer(home)
}

async function startServer(home: string): Promise<Server> {
  const command = findTemporal()
  if (!command)
    throw new Error('start: the `temporal` command is not installed; run `npm run setup`, or set TEMPORAL_ADDRESS')
  mkdirSync(home, { recursive: true })
  const onDefaultPorts = await launch(command, home, await freePort(PORT), await freePort(UI_PORT))
  // The default ports may have been taken after they were checked.
  const server = onDefaultPorts ?? (await launch(command, home, await freePort(0), await freePort(0)))
  if (!server) throw new Error(`start: the Temporal server exited immediately; see ${logFile(home)}`)
  return server
}

const logFile = (home: string) => join(home, 'temporal.log')

/** Starts the server and waits until it answers. @returns undefined if it exited */
async function launch(command: string, home: string, port: number, uiPort: number): Promise<Server | undefined> {
  const address = `127.0.0.1:${port}`
  const ui = `http://127.0.0.1:${uiPort}`
  const log = openSync(logFile(home), 'a')
  const addresses = ['--ip', '127.0.0.1', '--port', `${port}`, '--ui-ip', '127.0.0.1', '--ui-port', `${uiPort}`]
  // In its own process group: Ctrl-C must reach the workers first.
  const child = spawn(
    command,
    [
      'server',
      'start-dev',
      ...addresses,
      '--db-filename',
      join(home, 'temporal.db'),
      '--log-level',
      'error',
      '--ui-disable-news-fetch',
    ],
    { detached: true, stdio: ['ignore', log, log] },
  )
  closeSync(log)
  const { pid } = child
  if (pid === undefined) throw new Error(`start: ${command} cannot be run; run \`npm run setup\` again`)
  writeFileSync(recordFile(home), JSON.stringify({ pid, owner: process.pid, address, ui }))
  const deadline = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) return undefined
    if (await answers(localServer(address)))
      return { address, temporal: localServer(address), ui, ownedElsewhere: false, stop: () => stopServer(pid, home) }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await stopServer(pid, home)
  throw new Error(
    `start: the Temporal server did not answer at ${address} within ${START_TIMEOUT_MS / 1000} s; see ${logFile(home)}`,
  )
}

async function stopServer(pid: number, home: string): Promise<void> {
  if (isAlive(pid)) process.kill(pid, 'SIGTERM')
  const deadline = Date.now() + STOP_TIMEOUT_MS
  while (isAlive(pid) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100))
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  rmSync(recordFile(home), { force: true })
}
