// Opens the labeler or judge that a stage was given. It asks again only what its setting `answers` says.
import type { AnswerFiles } from '../artifacts/answers'
import type { Artifact, Summary } from '../contracts/artifact'
import { InvalidInput } from '../contracts/parse'
import { isEndpoint, type EndpointSettings, type LabelerSettings } from '../contracts/labeler-settings'
import type { LabelerInput } from '../contracts/stages'
import type { Usage } from '../contracts/usage'
import { openEndpoint } from '../feedback/endpoint-labeler'
import { keepingAnswers, type AnswerFigures } from '../feedback/kept-answers'
import type { Labeler, LabelerRole } from '../feedback/labeler'
import { localLabeler } from '../feedback/local-labeler'
import type { Technique } from '../feedback/preference'
import type { LoadedModel } from '../model/loaded'
import { DEFAULT_MODEL_NAME } from '../model/locate'
import type { Model } from '../model/model'
import { loadPolicy, policyFolders } from '../model/policy'
import { onlyForReading } from '../model/reading-copy'
import { loadTokenizer } from '../model/tokenizer'
import { cloneModel } from '../model/weights'
import { worldAnnotators } from '../world/named'
import type { StageHost } from './stage'
import { templateFigures } from './template-figures'

export interface OpenedLabeler {
  labeler: Labeler
  technique: Technique
  /** What the questions have cost so far, and what a reader must know about the labeler, for the stage's figures. */
  spent(): Summary
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
  { settings, model }: LabelerInput,
  host: StageHost,
  role: LabelerRole = 'labeler',
  inMemory?: InMemory,
): Promise<OpenedLabeler> {
  if (isEndpoint(settings)) {
    const spentBefore = () => answers.spent().cost
    const onWait = (reason: string) => host.note(`waiting for the ${role}: ${reason}`)
    const endpoint = await openEndpoint(settings, [worldAnnotators], role, { spentBefore, onWait })
    const answers = await host.answers(endpoint.identity)
    return opened(endpoint, settings, answers)
  }
  if (!model)
    throw new InvalidInput(`${role}: a local model needs its artifact in field "${role}.model" of the stage's input`)
  const name = settings.model === 'default' ? DEFAULT_MODEL_NAME : settings.model
  const loaded = await loadOrShare(model, settings, host, inMemory)
  const labeler = localLabeler(name, model.sha256, loaded, settings.template)
  const answers = await host.answers(labeler.identity)
  return opened(labeler, settings, answers, templateFigures(loaded.tokenizer, role))
}

type LocalSettings = Exclude<LabelerSettings, EndpointSettings>

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

function opened(asked: Labeler, settings: LabelerSettings, answers: AnswerFiles, figures: Summary = {}): OpenedLabeler {
  const labeler = keepingAnswers(asked, answers, settings.answers)
  return {
    labeler,
    technique: techniqueOf(settings),
    spent: () => ({
      ...answerFigures(labeler.figures()),
      ...(isEndpoint(settings) && usageFigures(answers.spent())),
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

function techniqueOf(settings: LabelerSettings): Technique {
  const { comparison, labels } = settings
  if (comparison === 'pointwise') return { comparison, labels }
  const { preamble, exemplars, chainOfThought, samples, temperature, topK, rationaleTokens, orders } = settings
  const rationales = { chainOfThought, samples, temperature, topK, rationaleTokens }
  return { comparison, preamble, exemplars, ...rationales, orders, labels }
}
