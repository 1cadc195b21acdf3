// Resolves what a run's input names: a model by its name, an artifact by its URI, the model of a labeler ("policy" is
// the run's own initial policy).
import { isArtifactUri, isPolicyUri, type Artifact, type ArtifactGiven } from '../contracts/artifact'
import type { ContestGiven } from '../contracts/human-evaluation-input'
import { isEndpoint, type LabelerSettings } from '../contracts/labeler-settings'
import { onEngine, type Engine } from '../contracts/engine'
import type { Queues } from '../contracts/queues'
import type { Cache } from '../contracts/run-settings'
import type { TemplateSettings } from '../contracts/template-settings'
import type { LabelerInput, StageInput, StageName } from '../contracts/stages'
import { stageActivities } from './stage-activities'

export interface NamedInputs {
  /** The artifact that a person gave by reference, by URI or, where a model is expected, by a model's name. */
  artifact(given: ArtifactGiven, model?: 'or model'): Promise<Artifact>
  /** The contest of a comparison, which a person gave by its run, by reference or by URI. */
  contest(given: ContestGiven): Promise<Artifact>
  /**
   * The artifact of a named model; each name is resolved once per run.
   * @param template variables of its chat template; default: those of the run, which are for policies
   */
  model(spec: string, template?: TemplateSettings | 'none'): Promise<Artifact>
  /** A labeler as stages take it. @param policy the run's initial policy, if it has one: the model "policy" */
  labeler(settings: LabelerSettings, policy?: Artifact): Promise<LabelerInput>
}

type RunModelStage = (input: StageInput<'model'>, shownAs: string) => Promise<Artifact>

interface RunOfInputs {
  queues: Queues
  cache: Cache
  /** Variables of the chat template of policies. */
  template?: TemplateSettings | undefined
  /** What computes policies; labelers are computed by TensorFlow.js. */
  engine?: Engine
}

/** @param runModelStage runs the stage `model` */
export function openNamedInputs(
  { queues, cache, template: ofPolicies, engine }: RunOfInputs,
  runModelStage: RunModelStage,
): NamedInputs {
  const models = new Map<string, Artifact>()
  const families = onEngine(engine).engine && { families: 'any' as const }
  /** A policy in the store, with other variables of its chat template. */
  const withTemplate = async (given: ArtifactGiven, template: TemplateSettings) => {
    const from = typeof given === 'string' ? await named.artifact(given) : given
    return runModelStage({ spec: from.uri, from, template, ...families, cache }, `model ${from.uri}`)
  }
  const named: NamedInputs = {
    artifact(given, model) {
      if (model && ofPolicies && (typeof given !== 'string' || isPolicyUri(given)))
        return withTemplate(given, ofPolicies)
      if (typeof given !== 'string') return Promise.resolve(given)
      if (model && !isArtifactUri(given)) return named.model(given)
      return stageActivities(queues.light, 'artifact').resolveArtifact(given)
    },
    contest(given) {
      if (typeof given === 'string' && isArtifactUri(given)) return named.artifact(given)
      if (typeof given !== 'string' && 'uri' in given) return named.artifact(given)
      const ofRun = typeof given === 'string' ? { run: given } : given
      return stageActivities(queues.light, `contest of ${ofRun.run}`).contestOfRun(ofRun)
    },
    async model(spec, given = ofPolicies) {
      const template = given === 'none' ? undefined : given
      const name = template ? `${spec} ${JSON.stringify(template)}` : spec
      const resolved = models.get(name)
      if (resolved) return resolved
      const from = isPolicyUri(spec) ? await named.artifact(spec) : undefined
      const shownAs = models.size === 0 ? 'model' : `model ${spec}`
      const artifact = await runModelStage(
        { spec, cache, ...(from && { from }), ...(template && { template }), ...(given !== 'none' && families) },
        shownAs,
      )
      models.set(name, artifact)
      return artifact
    },
    async labeler(settings, policy) {
      if (isEndpoint(settings)) return { settings }
      if (settings.model === 'policy' && policy) return { settings, model: policy }
      return { settings, model: await named.model(settings.model, 'none') }
    },
  }
  return named
}

/** The input of a stage with the artifact of each local model; an override may have made its labeler or judge local. */
export async function withLabelerModels<N extends StageName>(
  input: StageInput<N>,
  named: NamedInputs,
): Promise<StageInput<N>> {
  const given = input as Partial<Record<'labeler' | 'judge', LabelerInput>>
  const resolved = { ...given }
  for (const role of ['labeler', 'judge'] as const)
    if (given[role]) resolved[role] = await named.labeler(given[role].settings, given[role].model)
  return resolved as StageInput<N>
}
