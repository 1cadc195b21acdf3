// npm run rehearse -- ray [--kills N] [--seed N]: the engine on a real Ray of two nodes (CPU workers, gloo) with a real
// Temporal server: whole runs, what a cluster's failures cost, cancellation, and what the messages of wrong settings say.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { openSite, patiently } from '../../chaos/site.mjs'

const require = createRequire(import.meta.url)
const { startRay } = require('../../chaos/ray-nodes.cjs')
const { uniform } = require('../../dist/random.js')

const pause = (ms) => new Promise((done) => setTimeout(done, ms))
const CHECKPOINT_EVERY = 4
/** Steps of a run that is disturbed: long enough to be met while it trains. */
const STEPS = 40

const engineAt = (address, more = {}) => ({
  ray: { address, workers: 2, gpusPerWorker: 0, precision: 'float32', ...more },
})
const WORLD = {
  model: 'world:policy',
  data: { path: 'world:summaries?rows=48', evaluationPrompts: 8 },
  limits: { responseTokens: 24 },
  onFailure: 'fail',
}
const GOLD = { baseUrl: 'world:', model: 'gold' }
const ALIGN = {
  ...WORLD,
  labeler: GOLD,
  judge: GOLD,
  sft: { epochs: 8, learningRate: 3e-3, batchSize: 8 },
  rewardModel: { epochs: 1, learningRate: 1e-3 },
  rl: { algorithm: 'rloo', steps: 4, batchSize: 8, groupSize: 4, checkpointEvery: 2, validateEvery: 2 },
}
/** Supervised fine-tuning of its own, for each seed. */
const trainingOf = (seed, address, more = {}) => ({
  ...WORLD,
  seed,
  sft: { epochs: STEPS / 5, batchSize: 8, checkpointEvery: CHECKPOINT_EVERY, learningRate: 1e-3 },
  engine: engineAt(address),
  ...more,
})

/** @param given `kills`, `seed`, and `only`: the parts to rehearse @returns whether everything held */
export async function rehearseRay({ kills = 10, seed = 1, only }) {
  const folder = mkdtempSync('/tmp/rlaif-rehearse-')
  const results = []
  const check = (what, holds, figure = '') => {
    results.push(holds)
    console.log(`${holds ? '✓' : '✗'} ${what}${figure && `: ${figure}`}`)
  }
  const ray = await startRay({ cpus: 2 })
  const site = await openSite(folder, { workers: 1 })
  try {
    const parts = { runs, killed, cancelled, messages }
    for (const [name, part] of Object.entries(parts))
      if (!only || only === name) await part({ ray, site, folder, check, kills, seed })
  } finally {
    await site.close()
    ray.close()
    rmSync(folder, { recursive: true, force: true })
  }
  console.log(`${results.filter(Boolean).length} passed, ${results.filter((holds) => !holds).length} failed`)
  return results.every(Boolean)
}

const started = (site, workflow, id, input) =>
  patiently(() => site.client.workflow.start(workflow, { taskQueue: 'rlaif', workflowId: id, args: [input] }))
const resultOf = (site, id) =>
  patiently(() => site.client.workflow.getHandle(id).result()).then(
    (value) => ({ value }),
    (error) => ({ failed: rootOf(error).message }),
  )
const rootOf = (error) => (error.cause ? rootOf(error.cause) : error)

async function until(look, seconds) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(300)) {
    const seen = await Promise.resolve()
      .then(look)
      .catch(() => undefined)
    if (seen) return seen
  }
  return undefined
}

/** Both methods from end to end, on two nodes; the worker that serves the labeler's scores is killed while RL asks it. */
async function runs({ ray, site, folder, check }) {
  for (const method of ['rlaif', 'direct-rlaif']) {
    const before = Date.now()
    await started(site, 'align', method, { ...ALIGN, method, engine: engineAt(ray.address) })
    const step = method === 'direct-rlaif' && (await until(() => stepOf(folder), 400))
    const isKilled = step && (await site.kill('worker', () => 0))
    const { value, failed } = await resultOf(site, method)
    const figures = value && Object.entries(value.stages.rl.summary).filter(([name]) => /Reward|^kl$/.test(name))
    check(
      `align with ${method} runs through${isKilled ? `, its worker killed at step ${step} of RL` : ''}`,
      value !== undefined && (method === 'rlaif' || isKilled) && value.stages.rl.summary.resumedAt === 0,
      failed ?? `${seconds(before)}; ${figures.map(([name, x]) => `${name} ${Number(x).toFixed(3)}`).join(', ')}`,
    )
  }
}
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(0)} s`

const jobsOf = async ({ address }) => (await fetchJson(`${address}/api/jobs/`)) ?? []
/** Without what browsers send: Ray refuses it. */
const fetchJson = (url) =>
  new Promise((done) => {
    const { get } = require('node:http')
    get(url, (response) => {
      let text = ''
      response.on('data', (part) => (text += part))
      response.on('end', () => done(response.statusCode === 200 ? JSON.parse(text) : undefined))
    }).on('error', () => done(undefined))
  })

const workFolders = (folder) => {
  const works = join(folder, 'store', 'work')
  return existsSync(works) ? readdirSync(works).map((name) => join(works, name, 'checkpoints', 'ray')) : []
}
/** The step that the disturbed training has come to. */
const stepOf = (folder) =>
  Math.max(
    0,
    ...workFolders(folder).map((work) => {
      const { phase, done } = JSON.parse(readFileSync(join(work, 'progress.json'), 'utf8'))
      return phase === 'training' ? done : 0
    }),
  )

const VICTIMS = ['temporal worker', 'train worker', 'node', 'head', 'temporal worker that may say goodbye']
const isOfTemporal = (victim) => victim.startsWith('temporal')
const killOf = {
  'temporal worker': ({ site }, random) => site.kill('worker', () => random),
  'temporal worker that may say goodbye': ({ site }, random) => site.kill('worker', () => random, 'SIGTERM'),
  'train worker': ({ ray }) => ray.killTrainWorker(),
  node: ({ ray }) => ray.replaceNode().then(() => true),
  head: ({ ray }) => ray.replaceHead().then(() => true),
}

/** Every kill meets a training of its own after some of its steps; the training ends, and little of it is done twice. */
async function killed(given) {
  const { site, ray, folder, check, kills, seed } = given
  for (let i = 0; i < kills; i++) {
    const victim = VICTIMS[(i + Math.floor(VICTIMS.length * uniform([seed, 'first victim']))) % VICTIMS.length]
    const from = CHECKPOINT_EVERY + 1 + Math.floor((STEPS / 2) * uniform([seed, 'step', i]))
    const id = `killed-${i}`
    const jobsBefore = (await jobsOf(ray)).length
    await started(site, 'sft', id, trainingOf(1000 + 100 * seed + i, ray.address))
    const step = await until(() => (stepOf(folder) >= from ? stepOf(folder) : undefined), 300)
    const met = await killOf[victim](given, uniform([seed, 'which', i]))
    const before = Date.now()
    const { value, failed } = await resultOf(site, id)
    const { steps, resumedAt } = value ? curveOf(value) : {}
    const jobs = (await jobsOf(ray)).length - jobsBefore
    const isWhole = steps === STEPS && step - resumedAt <= CHECKPOINT_EVERY + 2
    const ranOnce = !isOfTemporal(victim) || (jobs === 1 && resumedAt === 0)
    check(
      `${victim} killed at step ${step}${met ? '' : ' (was not there)'}`,
      met && (isOfTemporal(victim) ? steps === STEPS : isWhole) && ranOnce,
      failed ?? `${steps} steps, resumed at ${resumedAt}, ${jobs} job(s), done ${seconds(before)} later`,
    )
  }
}

function curveOf({ uri }) {
  const lines = readFileSync(join(new URL(uri).pathname, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  return { steps: lines.length, resumedAt: JSON.parse(lines.at(-1)).resumedAt }
}

/** Cancelled while it trains: the job ends, its checkpoint stays. */
async function cancelled({ site, ray, folder, check }) {
  await started(site, 'sft', 'cancelled', trainingOf(77, ray.address))
  await until(() => stepOf(folder) > CHECKPOINT_EVERY, 300)
  const work = workFolders(folder).find((one) => existsSync(join(one, 'trainer')))
  const before = Date.now()
  await site.client.workflow.getHandle('cancelled').cancel()
  await resultOf(site, 'cancelled')
  const isOver = async () =>
    (await jobsOf(ray)).every(({ status }) => !['RUNNING', 'PENDING'].includes(status)) ? 'over' : undefined
  const over = await until(isOver, 60)
  const took = (Date.now() - before) / 1000
  check('a cancelled job ends within 15 s', over !== undefined && took <= 15, `${took.toFixed(1)} s`)
  const checkpoints = existsSync(join(work, 'trainer')) ? readdirSync(join(work, 'trainer')) : []
  check(
    'its checkpoint stays',
    checkpoints.some((name) => /^checkpoint-/.test(name)),
    checkpoints.join(', '),
  )
}

/** What a person reads of settings that do not fit, and that a parked stage is mended by an override. */
async function messages({ site, ray, check }) {
  const says = async (what, engine, pattern) => {
    const id = what.replace(/\W+/g, '-')
    await started(site, 'sft', id, trainingOf(5, ray.address, { engine }))
    const { failed = 'it ran' } = await resultOf(site, id)
    check(what, pattern.test(failed), failed)
  }
  const nobody = `http://127.0.0.1:9`
  await says('an address where nobody answers', engineAt(nobody), /does not answer.*engine\.ray\.address/)
  await says('workers that cannot share a batch', engineAt(ray.address, { workers: 3 }), /multiple of.*workers/)
  await started(site, 'sft', 'mended', trainingOf(6, ray.address, { engine: engineAt(nobody), onFailure: 'wait' }))
  const handle = site.client.workflow.getHandle('mended')
  const isParked = async () => (await handle.query('status')).stages.some(({ state }) => state === 'parked')
  const parked = await until(isParked, 300)
  const overrides = { engine: { ray: { address: ray.address } } }
  await handle.executeUpdate('resolveFailure', { args: [{ action: 'retry', overrides }] })
  const { value, failed } = await resultOf(site, 'mended')
  check('a parked stage is mended by resolveFailure', parked === true && value !== undefined, failed)
  await refusedToken({ site, check })
}

async function refusedToken({ site, check }) {
  const guarded = await startRay({
    nodes: 0,
    environment: { RAY_AUTH_MODE: 'token', RAY_AUTH_TOKEN: 'a-token-of-the-rehearsal-0123456789abcdef' },
  })
  try {
    await started(site, 'sft', 'token', trainingOf(8, guarded.address))
    const { failed = 'it ran' } = await resultOf(site, 'token')
    check('a cluster that wants a token', /wants a token.*tokenEnv/.test(failed), failed)
  } finally {
    guarded.close()
  }
}
