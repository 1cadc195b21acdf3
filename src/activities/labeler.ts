// Opens the labeler or judge that a stage was given. It asks again only what its setting `answers` says.
import type { AnswerFiles } from '../artifacts/answers'
import type { Artifact, Summary } from '../contracts/artifact'
import { InvalidInput } from '../contracts/parse'
import { isEndpoint, isJury, quorumOf, type EndpointSettings, type MemberSettings } from '../contracts/labeler-settings'
import type { LabelerInput } from '../contracts/stages'
import type { Usage } from '../contracts/usage'
import { openEndpoint } from '../feedback/endpoint-labeler'
import type { TaskGuidance } from '../data/task'
import { guidanceFor } from '../feedback/guidance-for'
import { juryOf, type Asked } from '../feedback/jury'
import { keepingAnswers, type AnswerFigures } from '../feedback/kept-answers'
import type { Labeler, LabelerRole, Role } from '../feedback/labeler'
import { localLabeler } from '../feedback/local-labeler'
import type { Technique } from '../feedback/technique'
import type { LoadedModel } from '../model/loaded'
import { DEFAULT_MODEL_NAME } from '../model/locate'
import type { Model } from '../model/model'
import { loadPolicy, policyFolders } from '../model/policy'
import { onlyForReading } from '../model/reading-copy'
import { loadTokenizer } from '../model/tokenizer'
import { cloneModel } from '../model/weights'
import { worldAnnotators } from '../world/named'
import { readGuidance } from './task-guidance'
import { juryFigures, type CountedAnswers, type OpenedJuror } from './jury-figures'
import type { StageHost } from './stage'
import { templateFigures } from './template-figures'

export interface OpenedLabeler {
  labeler: Asked
  /** How it is asked; undefined for a jury, whose members have each their own. */
  technique: Technique | undefined
  /** "pointwise" where each response is asked about alone, by every member of a jury. */
  comparison: Technique['comparison']
  /** Who is asked: it alone, or the members of a jury. */
  jurors: readonly OpenedJuror[]
  /**
   * What the questions have cost so far, and what a reader must know about the labeler, for the stage's figures.
   * @param counted answers whose cost is already counted, as another labeler of the stage shares them
   */
  spent(counted?: CountedAnswers): Summary
}

/** A labeler that answers by itself. */
interface OpenedMember extends Omit<OpenedLabeler, 'jurors'>, OpenedJuror {
  labeler: Labeler
  technique: Technique
}

/** A model that the stage has loaded, with the artifact that it came from. */
export interface InMemory {
  artifact: Artifact
  model: Model
}

/**
 * @param role the setting that configures it: messages name its fields
 * @param inMemory a labeler of the same artifact shares its weights
 */
export async function openLabeler(
  { settings, model, models, guidance }: LabelerInput,
  host: StageHost,
  role: Role = 'labeler',
  inMemory?: InMemory,
): Promise<OpenedLabeler> {
  const given = guidance && (await readGuidance(guidance, host))
  if (!isJury(settings)) {
    const member = await openMember(settings, model, { host, role, inMemory, given })
    return { ...member, jurors: [member] }
  }
  const members: OpenedMember[] = []
  for (const [i, member] of settings.jury.entries())
    members.push(
      await openMember(member, models?.[i] ?? undefined, { host, role: `${role}.jury.${i}`, inMemory, given }),
    )
  const jury = juryOf(members, settings.combine, quorumOf(settings))
  return {
    labeler: jury,
    technique: undefined,
    comparison: members.every(({ comparison }) => comparison === 'pointwise') ? 'pointwise' : 'pairwise',
    jurors: members,
    spent: (counted) => juryFigures(jury, members, counted),
  }
}

interface Opening {
  host: StageHost
  role: LabelerRole
  inMemory: InMemory | undefined
  /** Rubric and principles of the task. */
  given: TaskGuidance | undefined
}

async function openMember(
  settings: MemberSettings,
  model: Artifact | undefined,
  { host, role, inMemory, given }: Opening,
): Promise<OpenedMember> {
  const technique = { ...techniqueOf(settings), ...guidanceFor(settings, given, role) }
  if (isEndpoint(settings)) {
    const spentBefore = () => answers.spent().cost
    const onWait = (reason: string) => host.note(`waiting for the ${spokenRole(role)}: ${reason}`)
    const endpoint = await openEndpoint(settings, [worldAnnotators], role, { spentBefore, onWait })
    const answers = await host.answers(endpoint.identity)
    return opened(endpoint, settings, { technique, answers })
  }
  if (!model)
    throw new InvalidInput(`${role}: a local model needs its artifact in field "${role}.model" of the stage's input`)
  const name = settings.model === 'default' ? DEFAULT_MODEL_NAME : settings.model
  const loaded = await loadOrShare(model, settings, host, inMemory)
  const labeler = localLabeler(name, model.sha256, loaded, settings.template)
  const answers = await host.answers(labeler.identity)
  return opened(labeler, settings, { technique, answers, figures: templateFigures(loaded.tokenizer, spokenRole(role)) })
}

/** A watch is not called by the field that names it. */
const spokenRole = (role: LabelerRole): string => role.replace(/^.*\.watch\.labeler/, 'watch')

type LocalSettings = Exclude<MemberSettings, EndpointSettings>

async function loadOrShare(
  artifact: Artifact,
  { template, precision }: LocalSettings,
  host: StageHost,
  inMemory: InMemory | undefined,
): Promise<LoadedModel> {
  const isRounded = inMemory?.model.precision === 'bfloat16' && precision !== 'bfloat16'
  if (inMemory?.artifact.sha256 !== artifact.sha256 || isRounded)
    return loadPolicy(artifact, host.open, { template, precision })
  const { folder } = await policyFolders(artifact, host.open)
  const shared = cloneModel(inMemory.model)
  const model = precision === 'bfloat16' ? onlyForReading(shared) : shared
  return { folder, model, tokenizer: loadTokenizer(folder, template) }
}

interface Parts {
  technique: Technique
  answers: AnswerFiles
  figures?: Summary
}

function opened(asked: Labeler, settings: MemberSettings, { technique, answers, figures }: Parts): OpenedMember {
  const labeler = keepingAnswers(asked, answers, settings.answers)
  return {
    labeler,
    technique,
    comparison: settings.comparison,
    answers,
    isEndpoint: isEndpoint(settings),
    spent: (counted) => ({
      ...answerFigures(labeler.figures()),
      ...(isEndpoint(settings) && !counted?.has(answers) && usageFigures(answers.spent())),
      ...figures,
    }),
  }
}

/** From when the answers are; the rest only where there is something to say. */
function answerFigures({ reusedAnswers, answersFrom, answersTo, rationales, ...figures }: AnswerFigures): Summary {
  const { reusedCost, undatedAnswers, cutRationales } = figures
  return {
    reusedAnswers,
    answersFrom,
    answersTo,
    ...(reusedCost > 0 && { reusedCost }),
    ...(undatedAnswers > 0 && { undatedAnswers }),
    ...(rationales > 0 && { rationales, cutRationales }),
  }
}

/** What all attempts of the stage have taken, not this one alone. */
const usageFigures = ({ requests, promptTokens, completionTokens, cost, estimated }: Usage): Summary => ({
  requests,
  promptTokens,
  completionTokens,
  cost,
  ...(estimated > 0 && { estimatedRequests: estimated }),
})

function techniqueOf(settings: MemberSettings): Technique {
  const { comparison, labels } = settings
  if (comparison === 'pointwise') return { comparison, labels }
  const { preamble, exemplars, chainOfThought, samples, temperature, topK, rationaleTokens, orders } = settings
  const rationales = { chainOfThought, samples, temperature, topK, rationaleTokens }
  return { comparison, preamble, exemplars, ...rationales, orders, labels }
}
