// The labeler a stage was given, ready to be asked: it never asks what was answered before.
import { InvalidInput } from '../contracts/parse'
import { isEndpoint, type LabelerSettings } from '../contracts/labeler-settings'
import type { LabelerInput } from '../contracts/stages'
import type { Usage } from '../feedback/endpoint-client'
import { openEndpoint } from '../feedback/endpoint-labeler'
import { keepingAnswers } from '../feedback/kept-answers'
import type { Labeler } from '../feedback/labeler'
import { localLabeler } from '../feedback/local-labeler'
import type { Technique } from '../feedback/preference'
import { loadModelAndTokenizer } from '../model/loaded'
import { DEFAULT_MODEL_NAME } from '../model/locate'
import { worldAnnotators } from '../world/named'
import type { StageHost } from './stage'

export interface OpenedLabeler {
  labeler: Labeler
  technique: Technique
  /** What asking has cost so far, for a stage's figures. */
  spent(): Record<string, number>
}

export async function openLabeler({ settings, model }: LabelerInput, host: StageHost): Promise<OpenedLabeler> {
  if (isEndpoint(settings)) {
    const endpoint = await openEndpoint(settings, [worldAnnotators])
    return opened(endpoint, settings, host, endpoint.usage)
  }
  if (!model) throw new InvalidInput('label: a local labeler needs the artifact of its model in field "labeler.model"')
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
