// What a run's input names, found: a model by its name, an artifact by its URI, a labeler's model ("policy" is the run's own initial policy).
import { isArtifactUri, isPolicyUri, type Artifact } from '../contracts/artifact'
import { isEndpoint, type LabelerSettings } from '../contracts/labeler-settings'
import type { Queues } from '../contracts/queues'
import type { Cache } from '../contracts/run-settings'
import type { LabelerInput, StageInput, StageName } from '../contracts/stages'
import type { ArtifactGiven } from '../contracts/workflow-inputs'
import { stageActivities } from './stage-activities'

export interface NamedInputs {
  /** The artifact a person gave, by reference, by URI or, where a model is meant, by a model's name. */
  artifact(given: ArtifactGiven, model?: 'or model'): Promise<Artifact>
  /** The artifact of a named model; each name is looked up once a run. */
  model(spec: string): Promise<Artifact>
  /** A labeler as stages take it. @param policy the initial policy, where a run has one: what the model "policy" stands for */
  labeler(settings: LabelerSettings, policy?: Artifact): Promise<LabelerInput>
}

type RunModelStage = (input: StageInput<'model'>, shownAs: string) => Promise<Artifact>

/** @param runModelStage runs the stage `model` */
export function openNamedInputs(queues: Queues, cache: Cache, runModelStage: RunModelStage): NamedInputs {
  const models = new Map<string, Artifact>()
  const named: NamedInputs = {
    artifact(given, model) {
      if (typeof given !== 'string') return Promise.resolve(given)
      if (model && !isArtifactUri(given)) return named.model(given)
      return stageActivities(queues.light, 'artifact').resolveArtifact(given)
    },
    async model(spec) {
      const known = models.get(spec)
      if (known) return known
      const from = isPolicyUri(spec) ? await named.artifact(spec) : undefined
      const shownAs = models.size === 0 ? 'model' : `model ${spec}`
      const artifact = await runModelStage({ spec, cache, ...(from && { from }) }, shownAs)
      models.set(spec, artifact)
      return artifact
    },
    async labeler(settings, policy) {
      if (isEndpoint(settings)) return { settings }
      if (settings.model === 'policy' && policy) return { settings, model: policy }
      return { settings, model: await named.model(settings.model) }
    },
  }
  return named
}

/** The input of a stage whose labeler or judge an override made local: with the artifact of its model. */
export async function withLabelerModels<N extends StageName>(
  input: StageInput<N>,
  named: NamedInputs,
): Promise<StageInput<N>> {
  const asked = input as Partial<Record<'labeler' | 'judge', LabelerInput>>
  const found = { ...asked }
  for (const role of ['labeler', 'judge'] as const)
    if (asked[role]) found[role] = await named.labeler(asked[role].settings, asked[role].model)
  return found as StageInput<N>
}
