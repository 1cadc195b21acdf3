// Whole runs of both methods on Ray.
import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { defaultModelFolder, PROJECT } from '../../../setup/places.mjs'
import { engineAt, resultOf, secondsSince, started, stepOf, until, WORLD } from './site.mjs'

const { rayCommands } = createRequire(import.meta.url)('../../../chaos/ray-nodes.cjs')

const METHODS = ['rlaif', 'direct-rlaif']
const GOLD = { baseUrl: 'world:', model: 'gold' }
const ALIGN = {
  ...WORLD,
  labeler: GOLD,
  judge: GOLD,
  sft: { epochs: 8, learningRate: 3e-3, batchSize: 8 },
  rewardModel: { epochs: 1, learningRate: 1e-3 },
  rl: { algorithm: 'rloo', steps: 4, batchSize: 8, groupSize: 4, checkpointEvery: 2, validateEvery: 2 },
}

/** Both methods from end to end, on two nodes; the worker that serves the labeler's scores is killed while RL asks it. */
export async function runs({ ray, site, folder, check }) {
  for (const method of METHODS) {
    const before = Date.now()
    await started(site, 'align', method, { ...ALIGN, method, engine: engineAt(ray.address) })
    const step = method === 'direct-rlaif' && (await until(() => stepOf(folder), 400))
    const isKilled = step && (await site.kill('worker', () => 0))
    const { value, failed } = await resultOf(site, method)
    check(
      `align with ${method} runs through${isKilled ? `, its worker killed at step ${step} of RL` : ''}`,
      value !== undefined && (method === 'rlaif' || isKilled) && value.stages.rl.summary.resumedAt === 0,
      failed ?? `${secondsSince(before)}; ${figuresOf(value)}`,
    )
  }
}

/** The smallest run: a few prompts of the default data, labelled and judged by the model itself. */
const SMALLEST = {
  data: { limit: 16, evaluationPrompts: 4 },
  limits: { responseTokens: 8 },
  sft: { batchSize: 4, microBatchSize: 2 },
  rewardModel: { batchSize: 4, microBatchSize: 2, epochs: 1 },
  rl: {
    ...{ algorithm: 'rloo', steps: 2, batchSize: 4, groupSize: 2, validateEvery: 2, validationPrompts: 2 },
    missingEosPenalty: 0, // nearly every response is cut: with it, direct scores are all at their floor
  },
  onFailure: 'fail',
}

/** The default model, by the command that people use. */
export async function defaultModel(given) {
  for (const method of METHODS) await byCommand(given, `${method} on the default model`, { method })
}

/** Models of families that the embedded engine does not compute; transformers has no classifier of Cohere's. */
export async function otherFamily(given) {
  for (const family of ['cohere', 'gpt_neox']) {
    const model = tinyOf(family, join(given.folder, family))
    await byCommand(given, `rlaif on a model of the family ${family}`, { method: 'rlaif', model })
  }
}

async function byCommand({ ray, site, check }, what, settings) {
  const before = Date.now()
  const id = what.replaceAll(' ', '-')
  const input = JSON.stringify({ ...SMALLEST, ...settings, engine: engineAt(ray.address) })
  const { failed } = await site.rlaif('run', 'align', '--id', id, '--input', input).catch(({ stderr, message }) => ({
    failed: stderr?.trim().split('\n').at(-1) || message,
  }))
  const { value } = await resultOf(site, id)
  const holds = value !== undefined && failed === undefined
  check(`\`rlaif run align\`: ${what}`, holds, failed ?? `${secondsSince(before)}; ${figuresOf(value)}`)
}

/** A tiny model of a family, with the tokenizer of the default model. */
function tinyOf(family, folder) {
  const cwd = join(PROJECT, 'engines', 'ray')
  execFileSync(join(rayCommands(), 'python'), ['-B', '-m', 'tests.other_family', family, folder, '49152'], { cwd })
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(defaultModelFolder, name), join(folder, name))
  return folder
}

const figuresOf = ({ stages }) =>
  Object.entries(stages.rl.summary)
    .filter(([name]) => /Reward|^kl$/.test(name))
    .map(([name, x]) => `${name} ${Number(x).toFixed(3)}`)
    .join(', ')
