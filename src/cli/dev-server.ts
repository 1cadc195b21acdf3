// Temporal's development server with a database file, for one machine. A server that is already up is used as it is.
//
// It checks neither who asks nor, by default, for whom: its HTTP API would start a workflow for any web page that finds
// the port. So the API answers to a host with a random name alone, the UI has a door (ui-door.ts), and UI and metrics
// listen where no browser connects to.
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, closeSync, constants, existsSync, openSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Connection } from '@temporalio/client'
import { cacheFolder } from '../cache-folder'
import { freePort, portIfFree, portsRefusedByBrowsers } from '../http/refused-ports'
import { setupCommand } from '../installation'
import { PRIVATE_FILE } from '../private-files'
import { openHome } from '../workers/home'
import { configuredServer, localServer, type TemporalServer } from '../workers/temporal'
import { isAlive, isItself, removeRecord, runningServer, writeRecord, type ServerRecord } from '../runs/server-record'
import { openUiDoor, type UiDoor } from './ui-door'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 10_000
const PORT = 7233
const UI_PORT = 8233
/** A port may be taken between the look and the server's start. */
const TRIES = 4
/** Permissions that files of the server do not get. */
const PRIVATE_UMASK = 0o077

export interface Server {
  address: string
  /** How to connect to it. */
  temporal: TemporalServer
  /** Base address of the UI, if known. */
  ui: string | undefined
  /** Whether it is not one of this machine that rlaif starts: TEMPORAL_ADDRESS names it. */
  isRemote: boolean
  /** Whether another process of this home owns the server, and runs the workers. */
  ownedElsewhere: boolean
  /** Stops the server if this process owns it. */
  stop(): Promise<void>
}

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
    return { address, temporal: configured, ui, isRemote: true, ownedElsewhere: false, stop: async () => {} }
  }
  const running = runningServer(home)
  if (running && (await isItself(running)))
    return isAlive(running.owner) ? ownedElsewhere(running) : adopt(running, home)
  return startServer(home)
}

const ownedElsewhere = ({ address, ui }: ServerRecord): Server => ({
  address,
  temporal: localServer(address),
  ui,
  isRemote: false,
  ownedElsewhere: true,
  stop: async () => {},
})

/** Takes over a server whose owner was killed, and with it the door of the UI. */
async function adopt(running: ServerRecord, home: string): Promise<Server> {
  const door = await openUiDoor(running.innerUi, Number(new URL(running.ui).port))
  writeRecord(home, { ...running, owner: process.pid, ui: door.url })
  return owned(running, door, home)
}

const owned = ({ address, pid }: ServerRecord, door: UiDoor, home: string): Server => ({
  address,
  temporal: localServer(address),
  ui: door.url,
  isRemote: false,
  ownedElsewhere: false,
  async stop() {
    door.close()
    await stopServer(pid, home)
  },
})

async function startServer(home: string): Promise<Server> {
  const command = findTemporal()
  if (!command)
    throw new Error(
      `start: the \`temporal\` command is not installed; run \`${setupCommand()}\`, or set TEMPORAL_ADDRESS`,
    )
  openHome(home)
  for (let tries = 0; tries < TRIES; tries++) {
    const server = await launch(command, home)
    if (server) return server
  }
  throw new Error(`start: the Temporal server exited immediately; see ${logFile(home)}`)
}

/** The file that the server of a home logs to. */
export const logFile = (home: string): string => join(home, 'temporal.log')

/** Starts the server and waits until it answers. @returns undefined if it exited */
async function launch(command: string, home: string): Promise<Server | undefined> {
  const [innerUi, metrics] = (await portsRefusedByBrowsers(2)) as [number, number]
  const api = { port: await freePort(), host: `rlaif-${randomBytes(16).toString('hex')}` }
  const port = (await portIfFree(PORT)) ?? (await freePort())
  const child = spawnServer(command, home, [
    ...['--ip', '127.0.0.1', '--port', `${port}`, '--metrics-port', `${metrics}`],
    ...['--http-port', `${api.port}`, '--dynamic-config-value', `frontend.httpAllowedHosts=["${api.host}"]`],
    ...['--ui-ip', '127.0.0.1', '--ui-port', `${innerUi}`, '--ui-disable-news-fetch'],
    ...['--db-filename', join(home, 'temporal.db'), '--log-level', 'error'],
  ])
  const { pid } = child
  if (pid === undefined) throw new Error(`start: ${command} cannot be run; run \`${setupCommand()}\` again`)
  const door = await openUiDoor(innerUi, UI_PORT)
  const record = { pid, owner: process.pid, address: `127.0.0.1:${port}`, ui: door.url, innerUi, api }
  writeRecord(home, record)
  const server = owned(record, door, home)
  if (await isUp(child, record)) return server
  const exited = !isRunning(child)
  await server.stop()
  if (exited) return undefined
  throw new Error(
    `start: the Temporal server did not answer at ${record.address} within ${START_TIMEOUT_MS / 1000} s; ` +
      `see ${logFile(home)}`,
  )
}

/** In its own process group: Ctrl-C must reach the workers first. Its files are its user's alone. */
function spawnServer(command: string, home: string, options: string[]): ChildProcess {
  const log = openSync(logFile(home), 'a', PRIVATE_FILE)
  const umask = process.umask(PRIVATE_UMASK)
  try {
    return spawn(command, ['server', 'start-dev', ...options], { detached: true, stdio: ['ignore', log, log] })
  } finally {
    process.umask(umask)
    closeSync(log)
  }
}

const isRunning = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null

/** Waits until this very server answers: another one may have taken its port. */
async function isUp(child: ChildProcess, record: ServerRecord): Promise<boolean> {
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end && isRunning(child);) {
    if ((await isItself(record)) && (await answers(localServer(record.address)))) return true
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return false
}

async function stopServer(pid: number, home: string): Promise<void> {
  if (isAlive(pid)) process.kill(pid, 'SIGTERM')
  const deadline = Date.now() + STOP_TIMEOUT_MS
  while (isAlive(pid) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100))
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  removeRecord(home)
}
