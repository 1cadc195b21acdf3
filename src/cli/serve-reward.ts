// `rlaif serve-reward`: the labeler's score as the reward of another trainer.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { openAnswers } from '../artifacts/answers'
import { storeFolder } from '../artifacts/open-store'
import { InvalidInput, parse } from '../contracts/parse'
import { isEndpoint, type LabelerSettings } from '../contracts/labeler-settings'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { readTask, taskFolder } from '../data/task'
import { openEndpoint } from '../feedback/endpoint-labeler'
import { keepingAnswers } from '../feedback/kept-answers'
import type { Labeler } from '../feedback/labeler'
import { openRewardServer, type RewardService } from '../feedback/reward-service'
import { worldAnnotators, worldModels } from '../world/named'

export interface ServeRewardFlags {
  port: string
  host: string
  context: string
}
export const REWARD_TOKEN = 'RLAIF_REWARD_TOKEN'
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** @param input the input of align, of which task and labeler are used @returns the server, once it listens */
export async function serveReward(
  input: unknown,
  { port, host, context }: ServeRewardFlags,
  home: string,
): Promise<{ server: Server; service: RewardService }> {
  const settings = parse(workflowSchemas.align, input, 'serve-reward')
  if (context !== 'prompts' && context !== 'labels')
    throw new InvalidInput(`--context got "${context}"; it must be prompts or labels`)
  const token = process.env[REWARD_TOKEN] || undefined
  if (token === undefined && !LOOPBACK.has(host))
    throw new InvalidInput(
      `serve-reward: --host ${host} lets other machines ask, which can cost you money; set ${REWARD_TOKEN}, ` +
        'which trainers then send as "Authorization: Bearer …" or ?token=…',
    )
  const labeler = keepingAnswers(await openedLabeler(settings.labeler), openAnswers(storeFolder(home)))
  const service: RewardService = { task: readTask(taskFolder(settings.task)), labeler, context, token }
  return { server: await openRewardServer(service, Number(port), host), service }
}

async function openedLabeler(settings: LabelerSettings): Promise<Labeler> {
  if (isEndpoint(settings)) return openEndpoint(settings, [worldAnnotators])
  const [{ localLabeler }, { loadModelAndTokenizer }, { locateModel }] = await Promise.all([
    import('../feedback/local-labeler.js'),
    import('../model/loaded.js'),
    import('../model/locate.js'),
  ]) // imported here because they load TensorFlow
  const folder = await locateModel(settings.model, { made: worldModels })
  return localLabeler(settings.model, contentDigest(folder), loadModelAndTokenizer(folder))
}

/** Identifies the model among the kept answers. */
function contentDigest(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder)
    .filter((name) => /\.(json|safetensors)$/.test(name))
    .sort())
    hash.update(name).update(readFileSync(join(folder, name)))
  return hash.digest('hex')
}
