// `rlaif serve-reward`: the labeler's score as the reward of another trainer.
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { openAnswers, shelfOf, type Asker } from '../artifacts/answers'
import { storeFolder } from '../artifacts/open-store'
import { keyOf } from '../artifacts/store'
import { parse } from '../contracts/parse'
import { isEndpoint, type LabelerSettings } from '../contracts/labeler-settings'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { readTask, taskFolder } from '../data/task'
import { openEndpoint } from '../feedback/endpoint-labeler'
import { keepingAnswers } from '../feedback/kept-answers'
import type { Labeler } from '../feedback/labeler'
import { openRewardServer, type RewardService } from '../feedback/reward-service'
import { specialTokens } from '../feedback/special-tokens'
import { LOOPBACK } from '../http/guard'
import { tokenOf } from '../http/token'
import { worldAnnotators, worldModels } from '../world/named'
import { plainText } from './terminal'

export const CONTEXTS = ['prompts', 'labels'] as const

export interface ServeRewardFlags {
  port: number
  host: string
  context: (typeof CONTEXTS)[number]
  /** Names, separated by commas. */
  specialTokens?: string
}
export const REWARD_TOKEN = 'RLAIF_REWARD_TOKEN'

/** @param input the input of align, of which task and labeler are used @returns the server, once it listens */
export async function serveReward(
  input: unknown,
  { port, host, context, specialTokens: names }: ServeRewardFlags,
  home: string,
): Promise<{ server: Server; service: RewardService }> {
  const settings = parse(workflowSchemas.align, input, 'serve-reward')
  const isOpen = `--host ${host} lets other machines ask, which can cost you money`
  const token = tokenOf(REWARD_TOKEN, 'serve-reward', LOOPBACK.has(host) ? undefined : isOpen)
  const task = readTask(taskFolder(settings.task))
  const opened = await openedLabeler(settings.labeler, () => answers.spent().cost)
  const shelf = shelfOf(opened.identity)
  const answers = openAnswers(storeFolder(home), askerOf(task.name, settings.labeler), { shelf })
  const labeler = keepingAnswers(opened, answers, settings.labeler.answers)
  const special = specialTokens(names === '' ? [] : names?.split(','))
  const service: RewardService = { task, labeler, context, token, special, onOutage: tellOutage }
  return { server: await openRewardServer(service, port, host), service }
}

const tellOutage = (reason: string) =>
  void process.stderr.write(`${plainText(`serve-reward: waiting for the labeler: ${reason}`)}\n`)

/** `maxCost` is for all that the service has spent on this labeler: a restart does not begin anew. */
const askerOf = (task: string, { model, ...settings }: LabelerSettings): Asker => ({
  run: randomUUID(),
  work: `serve-reward-${keyOf('serve-reward', 1, { task, model, at: 'baseUrl' in settings ? settings.baseUrl : null })}`,
})

async function openedLabeler(settings: LabelerSettings, spentBefore: () => number): Promise<Labeler> {
  if (isEndpoint(settings)) return openEndpoint(settings, [worldAnnotators], 'labeler', { spentBefore })
  const [{ localLabeler }, { loadModelAndTokenizer }, { locateModel }] = await Promise.all([
    import('../feedback/local-labeler.js'),
    import('../model/loaded.js'),
    import('../model/locate.js'),
  ]) // imported here because they load TensorFlow
  const folder = await locateModel(settings.model, { made: worldModels })
  const { model, template } = settings
  return localLabeler(model, contentDigest(folder), loadModelAndTokenizer(folder, template), template)
}

/** Identifies the model among the kept answers. */
function contentDigest(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder)
    .filter((name) => /\.(json|jinja|safetensors)$/.test(name))
    .sort())
    hash.update(name).update(readFileSync(join(folder, name)))
  return hash.digest('hex')
}
