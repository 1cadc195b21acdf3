// npm run rehearse -- [--image <folder>] [--keep]: runs what docker-compose.yml describes without Docker: the worker
// image's build steps, then an S3 server, Temporal, Prometheus and workers by role, each as a process under its own
// user with its own home. The host of the GPU worker is a network namespace that reaches Temporal and the store, and
// nothing else. Then it does what a team does on such a site, and loses one worker on the way. Requires Linux, root
// (for users and namespaces), `ip`, `setpriv` and `unshare`.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { findOnPath, PROJECT } from '../setup/places.mjs'

const HELP = `npm run rehearse -- [--image <folder>] [--keep]

  --image   folder with the worker image's files, built there if missing (default: a temporary folder)
  --keep    keep the site's folder with homes, logs and store`

const { values: flags } = parseArgs({
  options: { image: { type: 'string' }, keep: { type: 'boolean' }, help: { type: 'boolean' } },
})
if (flags.help) {
  console.log(HELP)
  process.exit(0)
}
const missing = [
  process.platform !== 'linux' && 'Linux',
  process.getuid?.() !== 0 && 'root',
  ...['ip', 'setpriv', 'unshare'].map((command) => !findOnPath(command) && `\`${command}\``),
].filter(Boolean)
if (missing.length > 0) {
  console.error(`rehearse: requires ${missing.join(', ')}`)
  process.exit(2)
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms))
const site = mkdtempSync('/var/tmp/rlaif-site-')
chmodSync(site, 0o755)
const image = flags.image ?? join(site, 'image')
let stopping
const results = []
function check(what, holds, figure = '') {
  results.push({ what, holds })
  console.log(`${holds ? '✓' : '✗'} ${what}${figure && `: ${figure}`}`)
}
async function until(look, seconds, what) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(250)) {
    if (stopping) throw new Error('rehearse: stopped')
    const seen = await Promise.resolve()
      .then(look)
      .catch(() => undefined)
    if (seen) return seen
  }
  throw new Error(`rehearse: gave up waiting for ${what} after ${seconds} s; logs are in ${site}`)
}

// Hosts: this machine's own network, where the servers listen only on the address of the link, and the GPU worker's.
const NAMESPACE = `rlaif-gpu-${process.pid}`
const LINK = { here: `rl${process.pid}a`, there: `rl${process.pid}b`, server: '10.213.77.1', gpu: '10.213.77.2' }
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
function openNetwork() {
  ip('netns', 'add', NAMESPACE)
  ip('link', 'add', LINK.here, 'type', 'veth', 'peer', 'name', LINK.there, 'netns', NAMESPACE)
  ip('addr', 'add', `${LINK.server}/30`, 'dev', LINK.here)
  ip('link', 'set', LINK.here, 'up')
  ip('-n', NAMESPACE, 'addr', 'add', `${LINK.gpu}/30`, 'dev', LINK.there)
  for (const device of ['lo', LINK.there]) ip('-n', NAMESPACE, 'link', 'set', device, 'up')
}
function closeNetwork() {
  spawnSync('ip', ['link', 'del', LINK.here], { stdio: 'ignore' })
  spawnSync('ip', ['netns', 'del', NAMESPACE], { stdio: 'ignore' })
}

// Users: user ids without names, none of which may read another's files.
const FIRST_USER = 21_300
const users = new Map()
function homeOf(name) {
  if (!users.has(name)) {
    const uid = FIRST_USER + users.size
    const home = join(site, name)
    mkdirSync(home, { mode: 0o700 })
    chownSync(home, uid, uid)
    users.set(name, { uid, home })
  }
  return users.get(name)
}
const asUser = ({ uid }) => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs']
const inNamespace = (host) => (host === 'gpu' ? ['ip', 'netns', 'exec', NAMESPACE] : [])
const cleanEnvironment = (home, more) => ({
  PATH: process.env.PATH,
  HOME: home,
  USER: basename(home),
  LANG: 'C.UTF-8',
  ...more,
})

const processes = []
/** Gives a process its own /tmp, as a container does. */
const ownTmp = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /tmp && exec "$@"', 'sh']
/** Starts a process under its own user. @param host the host whose network it uses */
function start(name, command, { environment = {}, host = 'here' } = {}) {
  const user = homeOf(name)
  const log = join(site, `${name}.log`)
  const [program, ...args] = [...inNamespace(host), ...ownTmp, ...asUser(user), ...command]
  const child = spawn('sh', ['-c', 'exec "$@" >>"$LOG" 2>&1', 'sh', program, ...args], {
    cwd: user.home,
    env: { ...cleanEnvironment(user.home, environment), LOG: log },
    stdio: 'ignore',
  })
  processes.push(child)
  return child
}
/** Runs a command under a user and waits until it ends. */
async function run(name, command, { environment = {}, host = 'here' } = {}) {
  const user = homeOf(name)
  const [program, ...args] = [...inNamespace(host), ...ownTmp, ...asUser(user), ...command]
  const child = spawn(program, args, {
    cwd: user.home,
    env: cleanEnvironment(user.home, environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const text = { out: '', err: '' }
  child.stdout.on('data', (part) => (text.out += part))
  child.stderr.on('data', (part) => (text.err += part))
  const status = await new Promise((done) => child.once('close', done))
  return { status, out: text.out.trim(), err: text.err.trim() }
}
async function end(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((done) => child.once('exit', done))
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await gone
  clearTimeout(late)
}

function buildImage() {
  if (existsSync(join(image, 'dist'))) return
  mkdirSync(join(image, 'deploy'), { recursive: true })
  for (const name of [
    'package.json',
    'package-lock.json',
    '.npmrc',
    'setup',
    'tsconfig.json',
    'tsconfig.build.json',
    'src',
    'pages',
    'tasks',
    'deploy/image.sh',
    'deploy/s3',
    'schedules',
  ])
    cpSync(join(PROJECT, name), join(image, name), { recursive: true })
  execFileSync('sh', ['deploy/image.sh'], {
    cwd: image,
    env: { ...process.env, RLAIF_CACHE: join(image, 'cache'), TEMPORAL_ADDRESS: 'elsewhere:7233' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
/** Copies a program to where all users can execute it. */
function installed(file) {
  mkdirSync(join(site, 'bin'), { recursive: true })
  const target = join(site, 'bin', basename(file))
  copyFileSync(file, target)
  chmodSync(target, 0o755)
  return target
}

const secret = randomBytes(16).toString('hex')
const S3 = { AWS_ACCESS_KEY_ID: 'rlaif', AWS_SECRET_ACCESS_KEY: secret }
const PORTS = {
  temporal: 7233,
  ui: 8233,
  s3: 8333,
  metrics: { 'worker-workflow': 9464, 'worker-label': 9465, 'worker-gpu': 9464 },
}
const workerEnvironment = (name) => ({
  ...S3,
  AWS_REGION: 'us-east-1',
  AWS_ENDPOINT_URL_S3: `http://${LINK.server}:${PORTS.s3}`,
  RLAIF_STORE: 's3://rlaif/store',
  RLAIF_HOME: join(homeOf(name).home, 'rlaif'),
  RLAIF_CACHE: join(image, 'cache'),
  TEMPORAL_ADDRESS: `${LINK.server}:${PORTS.temporal}`,
  NODE_ENV: 'production',
})
const rlaif = (...args) => [process.execPath, join(image, 'dist', 'cli', 'main.js'), ...args]
const hostOf = (name) => (name.startsWith('worker-gpu') ? 'gpu' : 'here')
const addressOf = (name) =>
  `${hostOf(name) === 'gpu' ? LINK.gpu : '127.0.0.1'}:${PORTS.metrics[name.replace(/-again$/, '')]}`
const startWorker = (name, role) =>
  start(name, rlaif('worker', '--roles', role, '--metrics', addressOf(name)), {
    environment: workerEnvironment(name),
    host: hostOf(name),
  })
const isUp = async (url) => (await fetch(url)).ok

/** A Node program that forwards connections from the link's address to the loopback interface. */
const proxyProgram = (port) => `
const { connect, createServer } = require('node:net')
createServer((from) => {
  const to = connect(${port}, '127.0.0.1')
  from.pipe(to).pipe(from)
  for (const [one, other] of [[from, to], [to, from]]) one.on('error', () => other.destroy())
}).listen(${port}, '${LINK.server}')
`

async function startServers() {
  const weed = installed(
    execFileSync(process.execPath, [join(PROJECT, 'setup', 's3-server.mjs')], { encoding: 'utf8' }),
  )
  start(
    's3',
    [
      weed,
      'server',
      `-dir=${homeOf('s3').home}`,
      `-ip=${LINK.server}`,
      '-volume.max=0',
      '-filer',
      '-s3',
      `-s3.port=${PORTS.s3}`,
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
    ],
    { environment: S3 },
  )
  const { findTemporal } = await import(join(PROJECT, 'dist', 'cli', 'dev-server.js'))
  const temporal = installed(findTemporal())
  start('temporal', [
    temporal,
    'server',
    'start-dev',
    '--ip',
    '127.0.0.1',
    '--port',
    `${PORTS.temporal}`,
    '--ui-port',
    `${PORTS.ui}`,
    '--db-filename',
    join(homeOf('temporal').home, 'temporal.db'),
    '--log-level',
    'error',
  ])
  // The development server listens on the address it calls itself at; a proxy publishes its ports, as compose would.
  for (const port of [PORTS.temporal, PORTS.ui])
    start(`published-${port}`, [process.execPath, '-e', proxyProgram(port)])
  await until(() => isUp(`http://${LINK.server}:${PORTS.s3}/healthz`), 60, 'the S3 server')
  await until(() => isUp(`http://${LINK.server}:${PORTS.ui}/`), 60, 'Temporal')
  const createBucket = () =>
    run('s3', ['sh', join(image, 'deploy', 's3', 'bucket.sh')], {
      environment: {
        PATH: `${join(site, 'bin')}:${process.env.PATH}`,
        MASTER: `${LINK.server}:9333`,
        FILER: `${LINK.server}:8888`,
      },
    })
  await until(async () => (await createBucket()).status === 0, 30, 'the bucket')
}

function startPrometheus() {
  const prometheus = findOnPath('prometheus')
  if (!prometheus) return false
  const { home, uid } = homeOf('prometheus')
  const targets = Object.keys(PORTS.metrics)
  const config = targets
    .reduce(
      (text, name) => text.replace(`${name}:9464`, addressOf(name)),
      readFileSync(join(PROJECT, 'deploy', 'prometheus', 'prometheus.yml'), 'utf8'),
    )
    .replace('scrape_interval: 15s', 'scrape_interval: 2s')
  writeFileSync(join(home, 'prometheus.yml'), config)
  copyFileSync(join(PROJECT, 'deploy', 'prometheus', 'alerts.yml'), join(home, 'alerts.yml'))
  for (const file of ['prometheus.yml', 'alerts.yml']) chownSync(join(home, file), uid, uid)
  start('prometheus', [
    prometheus,
    `--config.file=${join(home, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(home, 'data')}`,
    '--web.listen-address=127.0.0.1:9590',
  ])
  return true
}
const queryPrometheus = async (query) =>
  (await (await fetch(`http://127.0.0.1:9590/api/v1/query?query=${encodeURIComponent(query)}`)).json()).data.result

const INPUT = {
  task: 'harmless',
  method: 'rlaif',
  model: 'default',
  data: { limit: 8, evaluationPrompts: 4 },
  limits: { promptTokens: 160, responseTokens: 16 },
  rl: { steps: 8, batchSize: 4, checkpointEvery: 1, candidates: 0 },
  evaluate: { agreementPairs: 8 },
}

async function rehearse() {
  await checkImage()
  openNetwork()
  await startServers()
  await checkNetwork()
  startWorker('worker-workflow', 'workflow')
  startWorker('worker-label', 'label')
  const gpuWorker = startWorker('worker-gpu', 'gpu')
  const isMeasured = startPrometheus()
  await checkSchedules()
  await checkRun(gpuWorker)
  check("no user reads another's files", (await run('person', ['ls', homeOf('worker-label').home])).status !== 0)
  if (isMeasured) await checkPrometheus()
  else console.log('– Prometheus is not installed on this machine')
  await checkHistory()
  console.log(
    '– not tested here: PostgreSQL as the database of Temporal (the package registries have no such server; ' +
      'the development server with a database file is used instead), the images themselves, vLLM, GPUs',
  )
}

async function checkImage() {
  const started = Date.now()
  buildImage()
  check(
    "the image's build steps produce a worker",
    (await run('worker-gpu', rlaif('--version'), { environment: workerEnvironment('worker-gpu') })).status === 0,
    `${((Date.now() - started) / 1000).toFixed(0)} s`,
  )
}

async function checkNetwork() {
  const doctor = await run('worker-gpu', rlaif('doctor'), { environment: workerEnvironment('worker-gpu'), host: 'gpu' })
  check(
    'the GPU host reaches Temporal and the store',
    /✓ server/.test(doctor.out) && /✓ store +s3:/.test(doctor.out),
    doctor.out
      .split('\n')
      .filter((line) => /server|store/.test(line))
      .map((line) => line.replace(/\s+/g, ' '))
      .join('; '),
  )
  const blocked = await run(
    'worker-gpu',
    [
      process.execPath,
      '-e',
      'fetch("http://1.1.1.1", { signal: AbortSignal.timeout(3000) })' +
        '.then(() => process.exit(0), () => process.exit(7))',
    ],
    { host: 'gpu' },
  )
  check('and nothing else', blocked.status === 7)
}

async function checkSchedules() {
  const applied = await run('worker-workflow', rlaif('schedule', 'apply', join(image, 'schedules')), {
    environment: workerEnvironment('worker-workflow'),
  })
  check('the schedules are applied', applied.status === 0, applied.err || applied.out)
}

/** A run whose GPU worker is lost with its disk during training. */
async function checkRun(gpuWorker) {
  const startedAt = Date.now()
  const person = workerEnvironment('person')
  const started = await run(
    'person',
    rlaif('run', 'align', '--id', 'rehearsal', '--detach', '--input', JSON.stringify(INPUT)),
    { environment: person },
  )
  check('a run starts', started.status === 0, started.err)
  const status = async () => (await run('person', rlaif('status', 'rehearsal'), { environment: person })).out
  await until(async () => /▸ rl .*[2-9]\/8/.test(await status()), 900, 'training')
  await pause(15_000) // a checkpoint is in the bucket
  await end(gpuWorker, 'SIGKILL')
  rmSync(join(homeOf('worker-gpu').home, 'rlaif'), { recursive: true, force: true })
  console.log('– the GPU worker is lost with its disk during training')
  startWorker('worker-gpu-again', 'gpu')
  const last = await until(
    async () => {
      const text = await status()
      return /align, (completed|failed)/.test(text) && text
    },
    1500,
    'the end of the run',
  )
  check(
    'the run ends, on another worker of the GPU host',
    /align, completed/.test(last),
    `${((Date.now() - startedAt) / 1000).toFixed(0)} s`,
  )
  console.log(last)
  const report = await run('person', rlaif('report', 'rehearsal'), { environment: person })
  check(
    'its report opens on a machine that knows only the address of the store',
    report.status === 0 && existsSync(report.out) && report.out.startsWith(homeOf('person').home),
  )
}

async function checkPrometheus() {
  const up = await until(
    async () => ((await queryPrometheus('sum(up)'))[0]?.value[1] === '3' ? '3' : undefined),
    30,
    'three targets',
  )
  const stages = await queryPrometheus('sum by (stage) (rlaif_stages_total{outcome="computed"})')
  check(
    'Prometheus scrapes the workers on both hosts',
    stages.length >= 5,
    `${up} targets, stages ${stages
      .map(({ metric }) => metric.stage)
      .sort()
      .join(', ')}`,
  )
  const rules = (await (await fetch('http://127.0.0.1:9590/api/v1/rules')).json()).data.groups.flatMap(
    ({ rules }) => rules,
  )
  check(
    'its alert rules are loaded',
    rules.length > 0 && rules.every(({ health }) => health === 'ok' || health === 'unknown'),
    `${rules.length} rules`,
  )
}

async function checkHistory() {
  const runPath = 'api/v1/namespaces/default/workflows/rehearsal'
  const program = `
    const encoded = Buffer.from("${secret}").toString("base64").slice(0, 20)
    fetch("http://${LINK.server}:${PORTS.ui}/${runPath}/history?maximumPageSize=1000")
      .then((response) => response.text())
      .then((text) => {
        const isClean = !text.includes("${secret}") && !text.includes(encoded)
        process.stdout.write(String(text.length > 5000 && isClean))
      })`
  const history = await run('person', [process.execPath, '-e', program])
  check("the store's key is in no history", history.out === 'true')
}

const stop = () =>
  (stopping ??= (async () => {
    await Promise.all(processes.map((child) => end(child)))
    closeNetwork()
    if (flags.keep) console.log(`kept in ${site}`)
    else rmSync(site, { recursive: true, force: true })
  })())
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void stop().then(() => process.exit(130)))
try {
  await rehearse()
} catch (error) {
  flags.keep ||= !stopping // the logs say why
  check(error.message, false)
} finally {
  await stop()
}
process.exit(results.every(({ holds }) => holds) ? 0 : 1)
