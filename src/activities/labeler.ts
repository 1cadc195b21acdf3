// The labeler a stage was given, ready to be asked.
import { InvalidInput } from '../contracts/parse'
import { isEndpoint } from '../contracts/settings'
import type { LabelerInput } from '../contracts/stages'
import { endpointLabeler } from '../feedback/endpoint-labeler'
import type { Labeler } from '../feedback/labeler'
import { localLabeler } from '../feedback/local-labeler'
import { DEFAULT_MODEL_NAME } from '../model/locate'
import { loadModelAndTokenizer } from '../model/loaded'
import type { StageHost } from './stage'

export function openLabeler({ settings, model }: LabelerInput, host: StageHost): Labeler {
  if (isEndpoint(settings)) return endpointLabeler(settings)
  if (!model) throw new InvalidInput('label: a local labeler needs the artifact of its model in field "labeler.model"')
  return localLabeler(settings.model === 'default' ? DEFAULT_MODEL_NAME : settings.model, loadModelAndTokenizer(host.open(model)))
}
