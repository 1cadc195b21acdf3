// Resolves what a run's input names: a model by its name, an artifact by its URI, the model of a labeler ("policy" is
// the run's own initial policy).
import { isArtifactUri, isPolicyUri, type Artifact, type ArtifactGiven } from '../contracts/artifact'
import type { ContestGiven } from '../contracts/human-evaluation-input'
import { onEngine, type Engine } from '../contracts/engine'
import {
  asksForGuidance,
  isEndpoint,
  isJury,
  membersOf,
  type LabelerSettings,
  type MemberSettings,
} from '../contracts/labeler-settings'
import type { Queues } from '../contracts/queues'
import type { Cache } from '../contracts/run-settings'
import type { TemplateSettings } from '../contracts/template-settings'
import type { LabelerInput, StageInput, StageName } from '../contracts/stages'
import { finalFailure } from './failure'
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
  /** Rubric and principles of the run's task; made once per run. */
  guidance(): Promise<Artifact>
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
  /** The task that labelers are asked about. */
  task?: string
}

type RunStage = <N extends 'model' | 'guidance'>(stage: N, input: StageInput<N>, shownAs: string) => Promise<Artifact>

/** @param runStage runs a stage */
export function openNamedInputs(
  { queues, cache, template: ofPolicies, engine, task }: RunOfInputs,
  runStage: RunStage,
): NamedInputs {
  const runModelStage: RunModelStage = (input, shownAs) => runStage('model', input, shownAs)
  let guidance: Promise<Artifact> | undefined
  const guidanceFor = async (settings: LabelerSettings) =>
    membersOf(settings).some(asksForGuidance) ? { guidance: await named.guidance() } : {}
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
    guidance() {
      if (task === undefined) throw finalFailure('a labeler asks for a rubric or principles, but the run has no task')
      return (guidance ??= runStage('guidance', { task, cache }, 'guidance'))
    },
    async labeler(settings, policy) {
      if (isJury(settings)) {
        const models: (Artifact | null)[] = []
        for (const member of settings.jury) models.push((await modelOf(member, policy)) ?? null)
        return { settings, models, ...(await guidanceFor(settings)) }
      }
      const model = await modelOf(settings, policy)
      return { settings, ...(model && { model }), ...(await guidanceFor(settings)) }
    },
  }
  /** The model of a labeler, if it is a local one. */
  const modelOf = async (settings: MemberSettings, policy: Artifact | undefined) => {
    if (isEndpoint(settings)) return undefined
    return settings.model === 'policy' && policy ? policy : named.model(settings.model, 'none')
  }
  return named
}

/** The run's initial policy, where a labeler of a stage's input is that. */
function policyIn({ settings, model, models }: LabelerInput): Artifact | undefined {
  if (!isJury(settings)) return model
  const at = settings.jury.findIndex((member) => !isEndpoint(member) && member.model === 'policy')
  return models?.[at] ?? undefined
}

/**
 * The input of a stage with the artifact of each local model; an override may have made its labeler or judge local.
 * @param before the input without the overrides, whose labeler may be the run's initial policy
 */
export async function withLabelerModels<N extends StageName>(
  input: StageInput<N>,
  named: NamedInputs,
  before: StageInput<N>,
): Promise<StageInput<N>> {
  const [given, old] = [input, before] as Partial<Record<'labeler' | 'judge' | 'watch', LabelerInput>>[]
  const resolved = { ...given }
  for (const role of ['labeler', 'judge'] as const) {
    const asked = given![role]
    if (asked) resolved[role] = await named.labeler(asked.settings, policyIn(old?.[role] ?? asked))
  }
  if (given!.watch) {
    const { settings, model: _, models: __, guidance: ___, ...use } = given!.watch
    const policy = old?.watch ? policyIn(old.watch) : (given as { policy?: Artifact }).policy
    resolved.watch = { ...(await named.labeler(settings, policy)), ...use }
  }
  return resolved as StageInput<N>
}
