// `rlaif serve-reward`: the labeler's score as the reward of another trainer.
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { openAnswers, shelfOf, type Asker } from '../artifacts/answers'
import { storeFolder } from '../artifacts/open-store'
import { keyOf } from '../artifacts/store'
import { parse } from '../contracts/parse'
import { isEndpoint, isJury, quorumOf, type LabelerSettings, type MemberSettings } from '../contracts/labeler-settings'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { isRecord } from '../contracts/overlay'
import { guidanceOf, readTask, taskFolder, type GivenTask } from '../data/task'
import { openEndpoint } from '../feedback/endpoint-labeler'
import { guidanceFor } from '../feedback/guidance-for'
import { juryOf, type Juror } from '../feedback/jury'
import { keepingAnswers } from '../feedback/kept-answers'
import type { Labeler, LabelerRole } from '../feedback/labeler'
import { openRewardServer, type RewardService } from '../feedback/reward-service'
import { specialTokens } from '../feedback/special-tokens'
import { PLAIN } from '../feedback/technique'
import { LOOPBACK } from '../http/guard'
import { tokenOf } from '../http/token'
import { worldAnnotators, worldModels } from '../world/named'
import { REWARD_TOKEN, type ServeRewardFlags } from './serve-reward-flags'
import { plainText } from './terminal'

/** @param input the input of align, of which task and labeler are used @returns the server, once it listens */
export async function serveReward(
  input: unknown,
  { port, host, context, specialTokens: names }: ServeRewardFlags,
  home: string,
): Promise<{ server: Server; service: RewardService }> {
  const settings = parse(workflowSchemas.align, asDirect(input), 'serve-reward')
  const isOpen = `--host ${host} lets other machines ask, which can cost you money`
  const token = tokenOf(REWARD_TOKEN, 'serve-reward', LOOPBACK.has(host) ? undefined : isOpen)
  const task = readTask(taskFolder(settings.task))
  const asked = await openedAsked(settings.labeler, task, home)
  const special = specialTokens(names === '' ? [] : names?.split(','))
  const service: RewardService = { task, ...asked, context, token, special, onOutage: tellOutage }
  return { server: await openRewardServer(service, port, host), service }
}

/** The service gives scores: what has no meaning for them is refused. */
const asDirect = (input: unknown): unknown => (isRecord(input) ? { method: 'direct-rlaif', ...input } : input)

async function openedAsked(
  labeler: LabelerSettings,
  task: GivenTask,
  home: string,
): Promise<Pick<RewardService, 'labeler' | 'technique'>> {
  if (!isJury(labeler)) return openedMember(labeler, { task, home, role: 'labeler' })
  const members: Juror[] = []
  for (const [i, member] of labeler.jury.entries())
    members.push(await openedMember(member, { task, home, role: `labeler.jury.${i}` }))
  return { labeler: juryOf(members, labeler.combine, quorumOf(labeler)) }
}

interface Opening {
  task: GivenTask
  home: string
  role: LabelerRole
}

/** A labeler with its answers, and the rubric if it asks for one. */
async function openedMember(settings: MemberSettings, { task, home, role }: Opening): Promise<Juror> {
  const opened = await openedLabeler(settings, role, () => answers.spent().cost)
  const shelf = shelfOf(opened.identity)
  const answers = openAnswers(storeFolder(home), askerOf(task.name, settings), { shelf })
  const labeler = keepingAnswers(opened, answers, settings.answers)
  return { labeler, technique: { ...PLAIN, ...guidanceFor(settings, guidanceOf(task), role) } }
}

const tellOutage = (reason: string) =>
  void process.stderr.write(`${plainText(`serve-reward: waiting for the labeler: ${reason}`)}\n`)

/** `maxCost` is for all that the service has spent on this labeler: a restart does not begin anew. */
const askerOf = (task: string, { model, ...settings }: MemberSettings): Asker => ({
  run: randomUUID(),
  work: `serve-reward-${keyOf('serve-reward', 1, { task, model, at: 'baseUrl' in settings ? settings.baseUrl : null })}`,
})

async function openedLabeler(settings: MemberSettings, role: LabelerRole, spentBefore: () => number): Promise<Labeler> {
  if (isEndpoint(settings)) return openEndpoint(settings, [worldAnnotators], role, { spentBefore })
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
