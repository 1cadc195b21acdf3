// What the miniature world provides under names that begin with "world:": a model, data and annotators. Stages and
// commands pass these to the rooms that resolve names (model/locate.ts, data/source.ts, feedback/endpoint-labeler.ts),
// which do not know this room.
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../cache-folder'
import { WORLD } from '../contracts/labeler-settings'
import type { GeneratedRows } from '../data/source'
import { readTask, taskFolder } from '../data/task'
import type { ServedEndpoint } from '../feedback/endpoint-labeler'
import type { MadeModels } from '../model/locate'
import { parseWorldPath, worldRows } from './data'
import { annotatorsFingerprint, policyFingerprint, rowsFingerprint } from './fingerprint'

const POLICY_SEED = 900

const instruction = () => readTask(taskFolder('summarization')).instruction!
const untrained = () => policyFingerprint(POLICY_SEED, instruction())

/** Modules that load TensorFlow.js or open a port are imported only where they are used. */
export const worldModels: MadeModels = { 'world:policy': { fingerprint: untrained, create: untrainedPolicy } }

/** The policy before any training, always the same: built once and cached. */
async function untrainedPolicy(): Promise<string> {
  const { writeWorldModel } = await import('../world/policy.js')
  const folder = join(cacheFolder(), 'models', `world-policy-${untrained()}`)
  if (existsSync(folder)) return folder
  const built = writeWorldModel(`${folder}.partial-${process.pid}`, POLICY_SEED, instruction())
  if (existsSync(folder))
    rmSync(built, { recursive: true }) // another process was faster
  else renameSync(built, folder)
  return folder
}

/** Rows of a path such as world:summaries?rows=2000. */
export const worldData: GeneratedRows = {
  prefix: WORLD,
  source(path, { seed, instruction }) {
    const query = parseWorldPath(path)
    return `${WORLD}${query.kind}?rows=${query.rows}&seed=${query.seed ?? seed}#${rowsFingerprint(instruction)}`
  },
  rows(path, { seed, instruction }) {
    const query = parseWorldPath(path)
    return worldRows(query.kind, query.rows, query.seed ?? seed, instruction)
  },
}

/** The annotators, served by this process: their identity does not depend on the port. */
export const worldAnnotators: ServedEndpoint = {
  baseUrl: WORLD,
  name: 'the miniature world',
  fingerprint: annotatorsFingerprint,
  open: async () => (await import('../world/endpoint.js')).annotatorsHere(),
}
