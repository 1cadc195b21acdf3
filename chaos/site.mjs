// A Temporal server with a database file and two worker processes. A killed process is restarted.
import { execFile, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { endedByInterrupt } from './interrupt.mjs'

const require = createRequire(import.meta.url)
const { Client, Connection } = require('@temporalio/client')
const { freePort } = require('./free-port.cjs')
const { findTemporal } = require('../dist/cli/dev-server.js')
const command = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'cli', 'main.js')

const RUN = 'chaos'
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Processes whose environment contains the folder's path, as id and command. */
export function processesOf(folder) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const belongs = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder)
        return belongs
          ? [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 100)}`]
          : []
      } catch {
        return [] // the process has ended
      }
    })
}

function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Restarts a process whenever it ends, until it is stopped. */
function keptUp(start) {
  let child
  let wanted = true
  const run = () => {
    if (!wanted) return
    child = start()
    child.once('exit', () => setTimeout(run, 300))
  }
  run()
  return {
    pid: () => (child.exitCode === null && child.signalCode === null ? child.pid : undefined),
    stop: (signal) =>
      new Promise((resolve) => {
        wanted = false
        if (child.exitCode !== null || child.signalCode !== null) return resolve()
        child.once('exit', resolve)
        child.kill(signal)
      }),
  }
}

async function connected(address) {
  for (let tries = 0; ; tries++) {
    try {
      return await Connection.connect({ address, connectTimeout: 1000 })
    } catch (error) {
      if (tries === 120) throw error
      await pause(250)
    }
  }
}

/** When which stage began and finished, according to the workers' logs. */
function stageEvents(folder) {
  const events = readdirSync(folder)
    .filter((name) => /^worker-\d+\.log$/.test(name))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter((line) => /"message":"stage (computes|finished)"/.test(line))
    .map((line) => JSON.parse(line))
    .sort((a, b) => (a.time < b.time ? -1 : 1))
  if (events.length === 0) throw new Error(`chaos: the workers' logs in ${folder} contain no stage`)
  return events
}

/** Repeats a call while the server is down. */
export async function patiently(ask) {
  for (let tries = 0; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === 240 || /WorkflowFailed/.test(error.name)) throw error
      await pause(250)
    }
  }
}

/** @param worker Node's arguments for a worker of the server at an address */
export async function openSite(folder, { worker = () => [command, 'worker'], workers: count = 2 } = {}) {
  mkdirSync(folder, { recursive: true })
  const address = `127.0.0.1:${await freePort()}`
  const env = { ...process.env, RLAIF_HOME: folder, TEMPORAL_ADDRESS: address }
  const log = (name) => openSync(join(folder, `${name}.log`), 'a')
  const spawned = (name, file, args) => {
    const out = log(name)
    const child = spawn(file, args, { env, stdio: ['ignore', out, out] })
    closeSync(out)
    return child
  }
  const server = keptUp(() =>
    spawned('temporal', findTemporal(), [
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      address.split(':')[1],
      '--headless',
      '--db-filename',
      join(folder, 'temporal.db'),
      '--log-level',
      'error',
    ]),
  )
  const workers = []
  const close = endedByInterrupt(async () => {
    await Promise.all(workers.map((worker) => worker.stop('SIGTERM')))
    await server.stop('SIGKILL')
    for (let tries = 0; tries < 40 && existsSync('/proc') && processesOf(folder).length > 0; tries++) await pause(250)
  })
  const connection = await connected(address)
  workers.push(
    ...Array.from({ length: count }, (_, i) => keptUp(() => spawned(`worker-${i}`, process.execPath, worker(address)))),
  )
  const client = new Client({ connection })
  let resolved = 0

  async function resumeWhenParked(runs, isOver) {
    while (!isOver()) {
      await pause(1000)
      for (const run of runs) {
        const handle = client.workflow.getHandle(run)
        const status = await handle.query('status').catch(() => undefined)
        if (!status?.stages.some(({ state }) => state === 'parked')) continue
        await handle.executeUpdate('resolveFailure', { args: [{ action: 'retry' }] }).then(
          () => resolved++,
          () => {},
        )
      }
    }
  }

  return {
    client,
    start: (input, workflow = 'align') =>
      patiently(() =>
        client.workflow.start(workflow, {
          taskQueue: 'rlaif',
          workflowId: RUN,
          workflowIdConflictPolicy: 'USE_EXISTING',
          args: [input],
        }),
      ),
    /** @param children names of the runs that it starts, as they stand behind its ID */
    async result(children = []) {
      let over = false
      void resumeWhenParked([RUN, ...children.map((name) => `${RUN}/${name}`)], () => over)
      return patiently(() => client.workflow.getHandle(RUN).result()).finally(() => (over = true))
    },
    /** @returns whether a process of this kind was killed */
    async kill(kind, random, signal = 'SIGKILL') {
      const pids =
        kind === 'server'
          ? [server.pid()]
          : kind === 'worker'
            ? workers.map((worker) => worker.pid())
            : workers.flatMap((worker) => childrenOf(worker.pid()))
      const alive = pids.filter((pid) => pid !== undefined)
      if (alive.length === 0) return false
      try {
        process.kill(alive[Math.floor(alive.length * random())], signal)
        return true
      } catch {
        return false // the process has ended
      }
    },
    resolved: () => resolved,
    /** Runs the command at this site. */
    rlaif: (...args) => promisify(execFile)(process.execPath, [command, ...args], { env }),
    /** Removes what nobody has used for `seconds` and no open run needs. @returns what the command said */
    collectGarbage: (seconds) =>
      promisify(execFile)(
        process.execPath,
        [command, 'artifacts', 'gc', '--older-than', (seconds / 86_400).toFixed(6), '--yes'],
        { env },
      ).then(
        ({ stdout }) => stdout,
        () => '', // the server is down: nothing is known about what runs need, and nothing is removed
      ),
    /** The stage that runs, if the server is up to say so. */
    async running() {
      const asked = client.workflow.getHandle(RUN).query('status')
      const status = await Promise.race([asked.catch(() => undefined), pause(1000)])
      return status?.stages.find(({ state }) => state === 'running')?.stage
    },
    /** How many artifacts of each stage have been computed. */
    finished() {
      const keys = new Map(stageEvents(folder).map(({ key, stage }) => [key, stage]))
      const counts = {}
      for (const stage of keys.values()) counts[stage] = (counts[stage] ?? 0) + 1
      return counts
    },
    /** Stages that were computed again after they had finished. */
    computedTwice() {
      const events = stageEvents(folder)
      const finished = new Set()
      return events.flatMap(({ message, stage, key }) =>
        message === 'stage finished' ? (finished.add(key), []) : finished.has(key) ? [stage] : [],
      )
    },
    async close() {
      await connection.close().catch(() => {})
      await close()
    },
  }
}
