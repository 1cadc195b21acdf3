// Opens the labeler or judge that a stage was given. It never asks again what was answered before.
import { InvalidInput } from '../contracts/parse'
import { isEndpoint, type LabelerSettings } from '../contracts/labeler-settings'
import type { LabelerInput } from '../contracts/stages'
import type { Usage } from '../feedback/endpoint-budget'
import { openEndpoint } from '../feedback/endpoint-labeler'
import { keepingAnswers } from '../feedback/kept-answers'
import type { Labeler, LabelerRole } from '../feedback/labeler'
import { localLabeler } from '../feedback/local-labeler'
import type { Technique } from '../feedback/preference'
import { loadModelAndTokenizer } from '../model/loaded'
import { DEFAULT_MODEL_NAME } from '../model/locate'
import { worldAnnotators } from '../world/named'
import type { StageHost } from './stage'

export interface OpenedLabeler {
  labeler: Labeler
  technique: Technique
  /** What the questions have cost so far, for the stage's figures. */
  spent(): Record<string, number>
}

/** @param role the setting that configures it: messages name its fields */
export async function openLabeler(
  { settings, model }: LabelerInput,
  host: StageHost,
  role: LabelerRole = 'labeler',
): Promise<OpenedLabeler> {
  if (isEndpoint(settings)) {
    const endpoint = await openEndpoint(settings, [worldAnnotators], role)
    return opened(endpoint, settings, host, endpoint.usage)
  }
  if (!model)
    throw new InvalidInput(`${role}: a local model needs its artifact in field "${role}.model" of the stage's input`)
  const name = settings.model === 'default' ? DEFAULT_MODEL_NAME : settings.model
  return opened(localLabeler(name, model.sha256, loadModelAndTokenizer(await host.open(model))), settings, host)
}

function opened(asked: Labeler, settings: LabelerSettings, host: StageHost, usage?: Usage): OpenedLabeler {
  const labeler = keepingAnswers(asked, host.answers())
  return { labeler, technique: techniqueOf(settings), spent: () => ({ reusedAnswers: labeler.reused, ...usage }) }
}

function techniqueOf({
  preamble,
  exemplars,
  chainOfThought,
  samples,
  temperature,
  topK,
  rationaleTokens,
  orders,
  labels,
}: LabelerSettings): Technique {
  return { preamble, exemplars, chainOfThought, samples, temperature, topK, rationaleTokens, orders, labels }
}
