// Trainings that are met by a SIGKILL or are cancelled while they run.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import {
  CHECKPOINT_EVERY,
  engineAt,
  jobsOf,
  resultOf,
  secondsSince,
  started,
  stepOf,
  STEPS,
  trainingOf,
  until,
  workFolders,
  WORLD,
} from './site.mjs'

const require = createRequire(import.meta.url)
const { uniform } = require('../../../dist/random.js')

const VICTIMS = ['temporal worker', 'train worker', 'node', 'head', 'temporal worker that may say goodbye']
const isOfTemporal = (victim) => victim.startsWith('temporal')
const killOf = {
  'temporal worker': ({ site }, random) => site.kill('worker', () => random),
  'temporal worker that may say goodbye': ({ site }, random) => site.kill('worker', () => random, 'SIGTERM'),
  'train worker': ({ ray }, random) => ray.killTrainWorker(random),
  node: ({ ray }) => ray.replaceNode().then(() => true),
  head: ({ ray }) => ray.replaceHead().then(() => true),
}

const { model: _, ...DATA } = WORLD

/** A training of STEPS steps of each stage: its workflow, and its input by a seed. */
export const trainings = {
  sft: { workflow: 'sft', inputOf: (seed, address) => trainingOf(seed, address) },
  'reward-model': {
    workflow: 'rewardModel',
    inputOf: (seed, address, { policy, labels }) => ({
      ...{ policy, labels, seed, engine: engineAt(address), onFailure: 'fail' },
      // 32 of 40 pairs, 8 a step
      rewardModel: { epochs: STEPS / 4, batchSize: 8, checkpointEvery: CHECKPOINT_EVERY, learningRate: 1e-3 },
    }),
  },
  rl: {
    workflow: 'rl',
    inputOf: (seed, address, { policy, rewardModel }) => ({
      ...{ ...DATA, policy, rewardModel, seed, engine: engineAt(address) },
      rl: {
        ...{ algorithm: 'rloo', steps: STEPS, batchSize: 8, groupSize: 4, learningRate: 1e-4, minEntropy: 0 },
        ...{ checkpointEvery: CHECKPOINT_EVERY, validateEvery: STEPS / 4, validationPrompts: 4 },
      },
    }),
  },
}

/** What the trainings start from, made by the embedded engine. */
async function startOf(site) {
  const made = async (workflow, input) => {
    const id = `start-${workflow}`
    await started(site, workflow, id, input)
    const { value, failed } = await resultOf(site, id)
    if (!value) throw new Error(`rehearse: ${workflow}, which the trainings start from, failed: ${failed}`)
    return value.uri
  }
  const fluent = { epochs: 30, learningRate: 3e-3, batchSize: 8, optimizer: 'adamw' } // gold tells its responses apart
  const policy = await made('sft', { ...WORLD, sft: fluent })
  const samples = await made('sample', { ...DATA, policy })
  const labels = await made('label', { ...WORLD, samples, labeler: { baseUrl: 'world:', model: 'gold' } })
  const onFailure = 'fail'
  const rewardModel = await made('rewardModel', { policy, labels, onFailure, rewardModel: { learningRate: 1e-3 } })
  return { policy, labels, rewardModel }
}

/** Every kill meets a training of its own after some of its steps; the training ends, and little of it is done twice. */
export async function killed(given) {
  const { site, ray, folder, check, kills, seed, stage } = given
  const stages = stage ? [stage] : Object.keys(trainings)
  const start = await startOf(site)
  for (let i = 0; i < kills; i++) {
    const { victim, name, from } = planOf(i, seed, stages)
    const { workflow, inputOf } = trainings[name]
    const id = `killed-${i}`
    const jobsBefore = (await jobsOf(ray)).length
    await started(site, workflow, id, inputOf(1000 + 100 * seed + i, ray.address, start))
    const step = await until(() => (stepOf(folder) >= from ? stepOf(folder) : undefined), 1200)
    const met = await killOf[victim](given, uniform([seed, 'which', i]))
    const before = Date.now()
    const { value, failed } = await resultOf(site, id)
    const jobs = (await jobsOf(ray)).length - jobsBefore
    check(
      `${name}: ${victim} killed at step ${step}${met ? '' : ' (was not there)'}`,
      met && value !== undefined && isWhole(value, victim, { step, jobs }),
      failed ?? `${describe(curveOf(value))}${jobsText(victim, jobs)}, done ${secondsSince(before)} later`,
    )
  }
}

/** Which victim a kill meets in which stage, and after which step at the earliest. */
const planOf = (i, seed, stages) => ({
  victim: VICTIMS[(i + Math.floor(VICTIMS.length * uniform([seed, 'first victim']))) % VICTIMS.length],
  name: stages[i % stages.length],
  from: CHECKPOINT_EVERY + 1 + Math.floor((STEPS / 2) * uniform([seed, 'step', i])),
})

/** All steps are there, and no more than those since the last checkpoint were done twice; by Temporal's worker none. */
function isWhole(artifact, victim, { step, jobs }) {
  const { steps, resumedAt } = curveOf(artifact)
  const isComplete = steps.length === STEPS && steps.every((number, i) => number === i + 1)
  if (isOfTemporal(victim)) return isComplete && jobs === 1 && resumedAt === 0
  return isComplete && step - resumedAt <= CHECKPOINT_EVERY + 2 // steps go on while a process is looked for
}

function curveOf({ uri }) {
  const text = readFileSync(join(new URL(uri).pathname, 'metrics.jsonl'), 'utf8')
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  return { steps: lines.map(({ step }) => step), resumedAt: lines.at(-1).resumedAt }
}

/** A new head knows none of the jobs before. */
const jobsText = (victim, jobs) => (victim === 'head' ? '' : `, ${jobs} job(s)`)

const describe = ({ steps, resumedAt }) => `${steps.length} steps, resumed at ${resumedAt}`

/** Cancelled while it trains: the job ends, its checkpoint stays. */
export async function cancelled({ site, ray, folder, check }) {
  await started(site, 'sft', 'cancelled', trainingOf(77, ray.address))
  await until(() => stepOf(folder) > CHECKPOINT_EVERY, 1200)
  const work = workFolders(folder).find((one) => existsSync(join(one, 'trainer')))
  const before = Date.now()
  await site.client.workflow.getHandle('cancelled').cancel()
  const isOver = async () =>
    (await jobsOf(ray)).every(({ status }) => !['RUNNING', 'PENDING'].includes(status)) ? 'over' : undefined
  const over = await until(isOver, 60)
  const took = (Date.now() - before) / 1000
  await resultOf(site, 'cancelled')
  check('a cancelled job ends within 15 s', over !== undefined && took <= 15, `${took.toFixed(1)} s`)
  const checkpoints = existsSync(join(work, 'trainer')) ? readdirSync(join(work, 'trainer')) : []
  check(
    'its checkpoint stays',
    checkpoints.some((name) => /^checkpoint-/.test(name)),
    checkpoints.join(', '),
  )
}
