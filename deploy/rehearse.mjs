// npm run rehearse -- [--image <folder>] [--keep]: runs what docker-compose.yml describes without Docker: the worker
// image's build steps, then an S3 server behind its door, Temporal, Prometheus and workers by role, each as a process
// under its own user, on a read-only root with its own home and cache. The GPU worker's host is a network namespace that
// reaches Temporal, the store and a Hub, and nothing else; the S3 server's is one that only the door reaches. Then it does
// what a team does on such a site, and loses one worker on the way. Requires Linux, root (for users and namespaces),
// `ip`, `setpriv` and `unshare`.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readFlags, refuse } from '../setup/flags.mjs'
import { findOnPath } from '../setup/places.mjs'
import { buildImage } from './rehearsal/image.mjs'
import { ADDRESS, closeSite, end, homeOf, openNetwork, openSite, run } from './rehearsal/site.mjs'
import { HUB_MODEL, METRICS_TOKEN, openTeam, PORTS, STORE_SECRET } from './rehearsal/team.mjs'

const HELP = `npm run rehearse -- [ray] [--image <folder>] [--keep]

  ray       instead: the engine on a real Ray of two nodes (rehearsal/ray/), on any Linux and without root
  --kills   for ray: how many kills, each of a training of its own (10)
  --seed    for ray: of the kills (1)
  --stage   for ray: the stage whose trainings are killed: sft, reward-model or rl (each in turn)
  --only    for ray: one part of it: runs, default-model, other-family, killed, cancelled
            or faults
  --image   folder with the worker image's files, built there if missing (default: a temporary folder)
  --keep    keep the site's folder with homes, logs and store`

const options = {
  image: { type: 'string' },
  keep: { type: 'boolean' },
  kills: { type: 'string', number: true, default: 10 },
  seed: { type: 'string', number: true, default: 1 },
  stage: { type: 'string' },
  only: { type: 'string' },
}
const { values: flags, positionals } = readFlags('npm run rehearse --', options, { most: 1, help: HELP })
if (positionals[0] !== undefined && positionals[0] !== 'ray')
  refuse(`npm run rehearse --: there is no rehearsal "${positionals[0]}"; name ray, or none for the whole site`)
if (positionals[0] === 'ray') {
  const { rehearseRay } = await import('./rehearsal/ray/main.mjs')
  const { kills, seed, stage, only } = flags
  const holds = await rehearseRay({ kills, seed, stage, only })
  process.exit(holds ? 0 : 1)
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
const site = openSite()
const image = flags.image ?? join(site, 'image')
let stopping
const results = []
function check(what, holds, figure = '') {
  results.push({ what, holds })
  console.log(`${holds ? '✓' : '✗'} ${what}${figure && `: ${figure}`}`)
}
async function until(look, seconds, what, everyMs = 250) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(everyMs)) {
    if (stopping) throw new Error('rehearse: stopped')
    const seen = await Promise.resolve()
      .then(look)
      .catch(() => undefined)
    if (seen) return seen
  }
  throw new Error(`rehearse: gave up waiting for ${what} after ${seconds} s; logs are in ${site}`)
}

const { rlaif, workerEnvironment, addressOf, startWorker, startServers, startPrometheus, queryPrometheus, dataFolder } =
  openTeam(image, { until, check })

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
  await checkRoot()
  await checkRun(gpuWorker)
  for (const model of [`hf:${HUB_MODEL}`, ggufFile()]) await checkModel(model)
  await checkNight()
  await checkMetrics()
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
  buildImage(image)
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

async function checkRoot() {
  const write = ['sh', '-c', 'touch /var/tmp/rehearsal-was-here 2>/dev/null || touch "$HOME/cache-can-be-written"']
  const worker = await run('worker-label', write)
  const isReadOnly = worker.status === 0 && !existsSync('/var/tmp/rehearsal-was-here')
  check('the root is read-only for workers, but for their home, cache and /tmp', isReadOnly)
  const found = await run('worker-gpu', rlaif('doctor'), { environment: workerEnvironment('worker-gpu'), host: 'gpu' })
  check('the default model is in the image, with an empty cache', /✓ default model/.test(found.out))
}

const statusOf = async (id) =>
  (await run('person', rlaif('status', id), { environment: workerEnvironment('person') })).out
/** The state of a run once it has ended, or waits for a person. */
const ended = (id, seconds) =>
  until(
    async () => {
      const text = await statusOf(id)
      return /^\S+: \w+, (?!running)|parked/.test(text) && text
    },
    seconds,
    `the end of ${id}`,
    5_000, // each look is a process
  )
const secondsSince = (started) => `${((Date.now() - started) / 1000).toFixed(0)} s`

const ggufFile = () =>
  join(
    dataFolder,
    readdirSync(dataFolder).find((name) => name.endsWith('.gguf')),
  )

/** Two responses to a few prompts, from a model that is downloaded or imported into the workers' caches. */
async function checkModel(model) {
  const started = Date.now()
  const id = model.startsWith('hf:') ? 'model-of-the-hub' : 'gguf-file'
  const input = { policy: model, task: 'harmless', data: { limit: 4, evaluationPrompts: 1 }, limits: INPUT.limits }
  const flags = ['--id', id, '--detach', '--input', JSON.stringify(input)]
  const { err } = await run('person', rlaif('run', 'sample', ...flags), { environment: workerEnvironment('person') })
  const last = err === '' ? await ended(id, 900) : err
  const isDone = /sample, completed/.test(last)
  check(`a run of ${model.replace(/^\/.*\//, '…/')} ends`, isDone, isDone ? secondsSince(started) : last)
}

/** The schedule nightly-miniature, once, as it ships. */
async function checkNight() {
  const started = Date.now()
  const environment = workerEnvironment('person')
  await run('person', rlaif('schedule', 'trigger', 'nightly-miniature'), { environment })
  const id = await until(
    async () => {
      const { out } = await run('person', rlaif('schedule', 'describe', 'nightly-miniature'), { environment })
      return /latest .* (\S+)$/m.exec(out)?.[1]
    },
    60,
    'the night to start',
  )
  const last = await ended(id, 3600)
  check(
    'nightly-miniature ends as it ships',
    /sweep, completed/.test(last) && !/failed/.test(last),
    secondsSince(started),
  )
  console.log(last)
}

async function checkMetrics() {
  const statuses = await Promise.all(
    ['worker-workflow', 'worker-label', 'worker-gpu'].flatMap((name) =>
      [{}, { authorization: `Bearer ${METRICS_TOKEN}` }].map(
        async (headers) => (await fetch(`http://${addressOf(name)}/metrics`, { headers })).status,
      ),
    ),
  )
  check("the workers' metrics are shown to those with the token only", `${statuses}` === '401,200,401,200,401,200')
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
  await until(async () => /▸ rl .*[2-9]\/8/.test(await statusOf('rehearsal')), 900, 'training', 2_000)
  await pause(15_000) // a checkpoint is in the bucket
  await end(gpuWorker, 'SIGKILL')
  for (const folder of ['rlaif', 'cache'])
    rmSync(join(homeOf('worker-gpu').home, folder), { recursive: true, force: true })
  console.log('– the GPU worker is lost with its disk during training')
  startWorker('worker-gpu-again', 'gpu')
  const last = await ended('rehearsal', 1500)
  check('the run ends, on another worker of the GPU host', /align, completed/.test(last), secondsSince(startedAt))
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
    const encoded = Buffer.from("${STORE_SECRET}").toString("base64").slice(0, 20)
    fetch("http://${ADDRESS.server}:${PORTS.ui}/${runPath}/history?maximumPageSize=1000")
      .then((response) => response.text())
      .then((text) => {
        const isClean = !text.includes("${STORE_SECRET}") && !text.includes(encoded)
        process.stdout.write(String(text.length > 5000 && isClean))
      })`
  const history = await run('person', [process.execPath, '-e', program])
  check("the store's key is in no history", history.out === 'true')
}

const stop = () =>
  (stopping ??= (async () => {
    await closeSite(flags.keep)
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
