// A real Ray on this machine, of a head and other nodes, whose nodes and workers can be killed. For tests and rehearsals.
const { execFileSync, spawn } = require('node:child_process')
const { mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs')
const { get } = require('node:http')
const { join, resolve } = require('node:path')
const { freePort } = require('./free-port.cjs')

const root = resolve(__dirname, '..')
/** Without it, Ray asks for a token where this user has one (~/.ray/auth_token), as a local Ray leaves it. */
const OPEN = { RAY_AUTH_MODE: 'disabled' }
const pause = (ms) => new Promise((done) => setTimeout(done, ms))

/** The folder of `python` and `ray`; installs them if they are missing, which takes minutes. */
const rayCommands = () =>
  execFileSync(
    process.execPath,
    ['-e', "import('./setup/ray.mjs').then(({ rayCommands }) => console.log(rayCommands()))"],
    { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  ).trim()

/**
 * @param nodes besides the head
 * @param cpus of each
 * @param commands folder of `python` and `ray`; default: that of the engine
 * @param memory bytes that each process may have at most; default: all
 */
async function startRay({ nodes = 1, cpus = 1, environment = {}, commands = rayCommands(), memory } = {}) {
  const folder = mkdtempSync('/tmp/rlaif-ray-') // sockets have short paths
  const [port, dashboard, client] = [await freePort(), await freePort(), await freePort()]
  const address = `http://127.0.0.1:${dashboard}`
  const start = async (...flags) => {
    const always = ['--node-ip-address', '127.0.0.1', '--disable-usage-stats', '--block', '--num-cpus', `${cpus}`]
    const agent = ['--dashboard-agent-listen-port', `${await freePort()}`]
    const [file, ...args] = [...limitedTo(memory), join(commands, 'ray'), 'start', ...flags, ...always, ...agent]
    const child = spawn(file, args, {
      detached: true, // a group, which ends together
      stdio: 'ignore',
      env: {
        ...process.env,
        PATH: `${commands}:${process.env.PATH}`,
        RLAIF_RAY_CLUSTER: folder,
        ...OPEN,
        ...environment,
      },
    })
    return { pid: child.pid, kill: () => killGroup(child.pid) }
  }
  const startHead = async () => {
    const head = await start(
      ...['--head', '--port', `${port}`, '--temp-dir', folder, '--ray-client-server-port', `${client}`],
      ...['--dashboard-host', '127.0.0.1', '--dashboard-port', `${dashboard}`],
    )
    await untilAnswered(address)
    return head
  }
  const startNode = () => start('--address', `127.0.0.1:${port}`)
  const cluster = {
    address,
    head: await startHead(),
    nodes: [],
    /** Kills the head and with it the cluster, and starts another one at the same address. */
    async replaceHead() {
      for (const node of [...cluster.nodes, cluster.head]) node.kill()
      await pause(2000)
      cluster.head = await startHead()
      cluster.nodes = await Promise.all(cluster.nodes.map(startNode))
    },
    /** Kills a node, and starts another one. */
    async replaceNode() {
      cluster.nodes[0].kill()
      await pause(1000)
      cluster.nodes[0] = await startNode()
    },
    /** Kills a process of Ray Train. @param at which one, from 0 to 1 @returns whether there was one */
    killTrainWorker(at = 0) {
      const workers = processesNamed(/^ray::.*(TrainWorker|RayTrainWorker)/)
      return workers.length > 0 && kill(workers[Math.floor(workers.length * at)])
    },
    close() {
      for (const node of [...cluster.nodes, cluster.head]) node.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  for (let i = 0; i < nodes; i++) cluster.nodes.push(await startNode())
  return cluster

  /** Processes of this cluster alone. */
  function processesNamed(pattern) {
    return readdirSync('/proc').filter((pid) => {
      try {
        const mine = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder)
        return mine && pattern.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      } catch {
        return false // it has ended, or is no process
      }
    })
  }
}

/** The command before a command that limits the memory of its process and of all that it starts. */
const limitedTo = (bytes) => (bytes === undefined ? [] : ['prlimit', `--data=${bytes}`, '--'])

function kill(pid) {
  try {
    process.kill(Number(pid), 'SIGKILL')
    return true
  } catch {
    return false
  }
}

function killGroup(group) {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // it has ended
  }
}

/** Waits until the dashboard takes jobs. */
async function untilAnswered(address) {
  for (let tries = 0; tries < 240; tries++) {
    const status = await new Promise((done) =>
      get(`${address}/api/jobs/none`, (response) => done(response.resume().statusCode)).on('error', () => done(0)),
    )
    if ([401, 403, 404].includes(status)) return
    await pause(500)
  }
  throw new Error(`Ray at ${address} does not answer`)
}

module.exports = { rayCommands, startRay }
