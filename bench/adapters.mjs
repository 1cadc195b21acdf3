// What a night of LoRA trials adds to the store: a sweep of direct RLAIF on a base of a billion arbitrary weights.
import { lstatSync, readdirSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { openSite } from '../chaos/site.mjs'
import { text, writeLargeModel, writeSmallModel } from './scale-inputs.mjs'
import { openLabeler } from './scale.mjs'
import { formatBytes, formatDuration } from '../dist/number-format.js'

const TRIALS = 20
const POSTS = 40
/** The base, what its sweep reads of it, and twenty trials. */
const SPACE = 10e9
const lora = {}

/** A trial is one learning rate; SFT and the base are shared. */
const inputOf = ({ trials, model, file, labeler }) => ({
  base: {
    method: 'direct-rlaif',
    task: 'summarization',
    model,
    labeler,
    judge: labeler,
    precision: 'bfloat16',
    data: { path: file, evaluationPrompts: 4 },
    limits: { promptTokens: 96, responseTokens: 4 },
    sft: { epochs: 1, batchSize: 16, microBatchSize: 4, lora },
    rl: {
      algorithm: 'rloo',
      groupSize: 2,
      steps: 3,
      batchSize: 4,
      microBatchSize: 4,
      validateEvery: 1,
      validationPrompts: 4,
      minEntropy: 0,
      minLength: 0,
      maxKl: 1e6,
      lora,
    },
    onFailure: 'fail',
  },
  axes: [{ field: 'rl.learningRate', values: Array.from({ length: trials }, (_, i) => (i + 1) * 1e-5) }],
  maxConcurrent: 1,
})

const rows = () =>
  Array.from({ length: POSTS }, (_, i) =>
    JSON.stringify({ prompt: `${i} ${text(i, 12)}`, reference: text(i + 1000, 4) }),
  ).join('\n')

/** Bytes of a folder's files; a file with several names counts once. */
function bytesIn(folder) {
  const sizes = new Map()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const { ino, size } = lstatSync(join(entry.parentPath, entry.name))
    if (entry.isFile()) sizes.set(ino, size)
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

function refuseFullDisk(folder) {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < SPACE)
    throw new Error(`bench: ${folder} has ${formatBytes(bavail * bsize)} free; set TMPDIR to a folder with 10 GB`)
}

/** Why the first failed trial of a sweep has failed. */
async function failureOf({ client }, sweep) {
  const trials = client.workflow.list({ query: `ExecutionStatus = 'Failed'` })
  for await (const { workflowId } of trials)
    if (workflowId.startsWith(sweep))
      return client.workflow
        .getHandle(workflowId)
        .result()
        .catch(({ cause }) => cause?.cause?.message ?? cause?.message)
  return 'no trial says why'
}

/** @param small a model of some thousand weights instead: whether the bench itself works */
export async function* bench({ trials = TRIALS, small }) {
  refuseFullDisk(tmpdir())
  const root = temporaryFolder('rlaif-adapters-')
  const labeler = await openLabeler()
  const site = await openSite(join(root, 'site'), { workers: 1 })
  try {
    const model = (small ? writeSmallModel : writeLargeModel)(join(root, 'model'))
    const file = join(root, 'posts.jsonl')
    writeFileSync(file, rows())
    const started = Date.now()
    const result = await site.client.workflow.execute('sweep', {
      taskQueue: 'rlaif',
      workflowId: 'adapters',
      args: [inputOf({ trials, model, file, labeler: labeler.settings })],
    })
    if (result.trials.done !== trials)
      throw new Error(`bench: ${result.trials.done} of ${trials} trials are done: ${await failureOf(site, 'adapters')}`)
    const store = join(root, 'site', 'store')
    const shared = ['model', 'data', 'sft'].reduce((sum, stage) => sum + bytesIn(join(store, stage)), 0)
    const base = bytesIn(join(root, 'model'))
    const added = bytesIn(store) - shared
    yield {
      figure: 'base',
      ours: base / 1e9,
      unit: 'GB',
      note: `shared by the trials, with its SFT: ${formatBytes(shared)}`,
    }
    yield {
      figure: 'trials',
      ours: added / 1e9,
      unit: 'GB',
      note: `${trials} trials, ${formatBytes(added / trials)} each, in ${formatDuration((Date.now() - started) / 1000)}`,
    }
  } finally {
    await site.close()
    labeler.close()
  }
}
