// The site of the rehearsal: a real Ray of two nodes (CPU workers, gloo) and a real Temporal server with one worker; what
// runs there are asked, and how it is seen how far they are.
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { endedByInterrupt, temporaryFolder } from '../../../chaos/interrupt.mjs'
import { openSite, patiently } from '../../../chaos/site.mjs'

const require = createRequire(import.meta.url)
const { get } = require('node:http')
const { startRay } = require('../../../chaos/ray-nodes.cjs')

const pause = (ms) => new Promise((done) => setTimeout(done, ms))

export const CHECKPOINT_EVERY = 4
/** Steps of a training that is disturbed: long enough to be met while it trains. */
export const STEPS = 40

export const engineAt = (address, more = {}) => ({
  ray: { address, workers: 2, gpusPerWorker: 0, precision: 'float32', ...more },
})
export const WORLD = {
  model: 'world:policy',
  data: { path: 'world:summaries?rows=48', evaluationPrompts: 8 },
  limits: { responseTokens: 24 },
  onFailure: 'fail',
}
/** Supervised fine-tuning of its own, for each seed. */
export const trainingOf = (seed, address, more = {}) => ({
  ...WORLD,
  seed,
  sft: { epochs: STEPS / 5, batchSize: 8, checkpointEvery: CHECKPOINT_EVERY, learningRate: 1e-3 },
  engine: engineAt(address),
  ...more,
})

/** Variables of the workers, named like keys that they may send to this machine. */
export const TOKEN = { right: 'RAY_LABELER_KEY', wrong: 'OTHER_LABELER_KEY' }

/** @returns the site, and `close`, which ends all of it */
export async function openRaySite() {
  const folder = temporaryFolder('rlaif-rehearse-')
  for (const name of Object.values(TOKEN)) process.env[name] = randomBytes(32).toString('hex')
  const ray = await startRay()
  const closeRay = endedByInterrupt(() => ray.close())
  const site = await openSite(folder, { workers: 1 })
  return {
    ...{ folder, ray, site },
    async close() {
      await site.close()
      await closeRay()
    },
  }
}

export const started = (site, workflow, id, input) =>
  patiently(() => site.client.workflow.start(workflow, { taskQueue: 'rlaif', workflowId: id, args: [input] }))

/** Waits for the end of a run. @returns its result, or why it failed */
export const resultOf = (site, id) =>
  patiently(() => site.client.workflow.getHandle(id).result()).then(
    (value) => ({ value }),
    (error) => ({ failed: rootOf(error).message }),
  )
const rootOf = (error) => (error.cause ? rootOf(error.cause) : error)

/** @returns what `look` sees as soon as that is something; undefined if it does not come */
export async function until(look, seconds) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(300)) {
    const seen = await Promise.resolve()
      .then(look)
      .catch(() => undefined)
    if (seen) return seen
  }
  return undefined
}

export const secondsSince = (time) => `${((Date.now() - time) / 1000).toFixed(0)} s`

/** The jobs that a cluster knows. */
export const jobsOf = async ({ address }) => (await fetchJson(`${address}/api/jobs/`)) ?? []
/** Without what browsers send: Ray refuses it. */
const fetchJson = (url) =>
  new Promise((done) => {
    get(url, (response) => {
      let text = ''
      response.on('data', (part) => (text += part))
      response.on('end', () => done(response.statusCode === 200 ? JSON.parse(text) : undefined))
    }).on('error', () => done(undefined))
  })

/** The jobs' folders of the stages that are not finished. */
export const workFolders = (folder) => {
  const works = join(folder, 'store', 'work')
  return existsSync(works) ? readdirSync(works).map((name) => join(works, name, 'checkpoints', 'ray')) : []
}

/** The step that the one training in progress has come to. */
export const stepOf = (folder) =>
  Math.max(
    0,
    ...workFolders(folder).map((work) => {
      const { phase, done } = JSON.parse(readFileSync(join(work, 'progress.json'), 'utf8'))
      return phase === 'training' ? done : 0
    }),
  )
