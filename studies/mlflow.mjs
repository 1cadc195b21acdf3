// The tracker MLflow on a real server: a tiny run of RLAIF whose workers and child processes are killed five times during
// `rl`, while the server is away for a part of it. Afterwards every step of every metric must be there once.
//
//   python3 -m venv mlflow && mlflow/bin/pip install mlflow==3.17.2
//   node studies/mlflow.mjs --mlflow mlflow/bin/mlflow
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { endedByInterrupt, temporaryFolder } from '../chaos/interrupt.mjs'
import { randomFrom } from '../chaos/random.mjs'
import { openSite } from '../chaos/site.mjs'
import { tinyInput, writeTinyModel } from '../chaos/tiny.mjs'
import { readFlags } from '../setup/flags.mjs'

const { freePort } = createRequire(import.meta.url)('../chaos/free-port.cjs')
const { values: flags } = readFlags('node studies/mlflow.mjs', { mlflow: { type: 'string', required: true } })
const STEPS = 60
/** What is killed once `rl` has done so many steps. */
const KILLS = [
  [4, 'child'],
  [10, 'worker'],
  [17, 'child'],
  [24, 'worker'],
  [31, 'child'],
]
/** The tracker is away from the first kill to the third. */
const [AWAY_FROM, AWAY_TO] = [1, 3]

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const root = temporaryFolder('rlaif-mlflow-')
const url = `http://127.0.0.1:${await freePort()}`

/** Starts the server, which keeps what it has in a folder. @returns a function that ends it */
async function startMlflow() {
  const store = ['--backend-store-uri', `sqlite:///${root}/mlflow.db`, '--artifacts-destination', join(root, 'mlflow')]
  const args = ['server', '--host', '127.0.0.1', '--port', new URL(url).port, '--workers', '1', ...store]
  const server = spawn(flags.mlflow, args, { stdio: 'ignore', detached: true })
  for (
    let tries = 0;
    tries < 600 &&
    !(await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ));
    tries++
  )
    await pause(500)
  return endedByInterrupt(async () => {
    try {
      process.kill(-server.pid, 'SIGKILL') // with its workers
    } catch {
      return // it has ended
    }
  })
}

const api = async (path, body) => {
  const init = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  return (await fetch(`${url}/api/2.0/mlflow/${path}`, init)).json()
}

/** Number of steps of `rl` that are done. */
function stepsDone(home) {
  const curves = join(home, 'curves')
  const files = existsSync(curves) ? readdirSync(curves, { recursive: true }) : []
  const file = files.find((name) => /(^|\/)rl-\w+\/steps\.jsonl$/.test(name))
  return file === undefined ? 0 : readFileSync(join(curves, file), 'utf8').split('\n').length - 1
}

let failures = 0
function expect(holds, what) {
  console.log(`${holds ? '✓' : '✗'} ${what}`)
  failures += Number(!holds)
}

async function killOnTheWay(site, home, server) {
  const random = randomFrom(1)
  let back
  let kills = 0
  for (const [i, [step, kind]] of KILLS.entries()) {
    while (stepsDone(home) < step) await pause(100)
    if (i === AWAY_FROM) await server.end()
    if (i === AWAY_TO) back = startMlflow() // training does not wait for it
    const killed = await site.kill(kind, random)
    console.log(`step ${stepsDone(home)}: ${kind} ${killed ? 'killed' : 'had ended'}`)
    if (killed && stepsDone(home) < STEPS) kills++
  }
  server.end = await back
  expect(kills === KILLS.length, `${kills} kills during rl`)
}

/** Steps of a metric as the server has them. */
async function historyOf(run, metric) {
  const { metrics } = await api(
    `metrics/get-history?run_id=${run}&metric_key=${encodeURIComponent(metric)}&max_results=10000`,
  )
  return metrics.map(({ step }) => Number(step))
}

const once = (steps) => steps.length === new Set(steps).size
const home = join(root, 'site')
const server = { end: await startMlflow() }
console.log(`MLflow ${execFileSync(flags.mlflow, ['--version'], { encoding: 'utf8' }).trim()}`)
const site = await openSite(home, { workers: 1 })
try {
  const input = { ...tinyInput(writeTinyModel(join(root, 'model'))), track: { mlflow: { url, experiment: 'study' } } }
  input.rl.steps = STEPS
  await site.start(input)
  const killing = killOnTheWay(site, home, server)
  const result = await site.result()
  await killing
  await pause(3000) // what a stage does not wait for
  const { experiment } = await api('experiments/get-by-name?experiment_name=study')
  const { runs } = await api('runs/search', { experiment_ids: [experiment.experiment_id] })
  expect(runs.length === 1, `one run is there (${runs.length})`)
  const [{ info, data }] = runs
  expect(info.status === 'FINISHED', `its status is ${info.status}`)
  const keys = data.metrics.map(({ key }) => key)
  const curves = keys.filter((key) => key.startsWith('rl/'))
  const histories = await Promise.all(keys.map((key) => historyOf(info.run_id, key)))
  expect(histories.every(once), `no step of ${keys.length} metrics is there twice`)
  const reward = await historyOf(info.run_id, 'rl/reward')
  const all = Array.from({ length: STEPS }, (_, i) => i + 1)
  expect(
    String(reward.toSorted((a, b) => a - b)) === String(all),
    `rl/reward has the steps 1 to ${STEPS} (${reward.length})`,
  )
  expect(curves.length > 5, `curves of rl: ${curves.join(', ')}`)
  const tags = new Map(data.tags.map(({ key, value }) => [key, value]))
  const stages = Object.entries(result.stages)
  expect(
    stages.every(([stage, { uri }]) => tags.get(`rlaif.artifact.${stage}`)?.startsWith(uri)),
    `${stages.length} artifacts are named`,
  )
  expect(
    data.params.some(({ key, value }) => key === 'rl.steps' && value === String(STEPS)),
    `${data.params.length} settings are there`,
  )
  const { files = [] } = await api(`artifacts/list?run_id=${info.run_id}`)
  expect(
    files.some(({ path }) => path === 'report.html'),
    `files: ${files.map(({ path }) => path).join(', ')}`,
  )
  const left = readdirSync(join(home, 'tracking')).filter((name) => name.endsWith('.json'))
  expect(left.length === 0, `nothing is left to tell (${left.join(', ')})`)
} finally {
  await site.close()
  await server.end()
}
process.exit(failures > 0 ? 1 : 0)
