// The pipeline: dataset → sft → sample → label → reward-model → rl → evaluate → report (paper, §2 and Figure 2).
import type { AlignInput } from '../contracts/align-input'
import type { Artifact } from '../contracts/artifact'
import { withRunPrecision } from '../contracts/run-precision'
import { algorithmFault, dpoFault, onEngine, watchFault } from '../contracts/engine'
import type { StageInput, StageName } from '../contracts/stages'
import type { AlignResult } from '../contracts/status'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { checkNames } from './check-names'
import { withResponses } from './evaluation'
import { finalFailure } from './failure'
import { parseInput } from './input'
import { stageRunner, type StageRunner } from './stage-runner'
import { warningOf, watched } from './watched'

/** From labels to the policy. */
const BY_REWARD_MODEL: StageName[] = ['reward-model', 'rl', 'choose', 'evaluate', 'report']

const PLANS: Record<AlignInput['method'], StageName[]> = {
  sft: ['model', 'data', 'sft', 'evaluate', 'report'],
  rlhf: ['model', 'data', 'sft', 'human-labels', ...BY_REWARD_MODEL],
  rlaif: ['model', 'data', 'sft', 'sample', 'label', ...BY_REWARD_MODEL],
  'rlhf+rlaif': ['model', 'data', 'sft', 'human-labels', 'sample', 'label', ...BY_REWARD_MODEL],
  'direct-rlaif': ['model', 'data', 'sft', 'rl', 'choose', 'evaluate', 'report'],
  dpo: ['model', 'data', 'sft', 'human-labels', 'sample', 'label', 'dpo', 'evaluate', 'report'],
  'online-dpo': ['model', 'data', 'sft', 'online-dpo', 'choose', 'evaluate', 'report'],
}

/** Whose labels are learned from. */
const labelsFrom = ({ method, dpo }: AlignInput) => ({
  people: method === 'dpo' ? dpo.labels !== 'ai' : method !== 'rlaif',
  labeler: method === 'dpo' ? dpo.labels !== 'human' : method !== 'rlhf',
})

/** All stages of a method. */
function stagesOf(settings: AlignInput): StageName[] {
  const { people, labeler } = labelsFrom(settings)
  const unneeded: StageName[] = [...(people ? [] : (['human-labels'] as const)), ...(labeler ? [] : UNLABELLED)]
  return PLANS[settings.method].filter((stage) => !unneeded.includes(stage))
}
const UNLABELLED: StageName[] = ['sample', 'label']

/** The stages of a run, in order: up to `untilStage`, and the report. */
function planOf(settings: AlignInput): StageName[] {
  const { method, untilStage } = settings
  const plan = stagesOf(settings)
  const fault = untilStage === undefined ? engineFault(settings, plan) : undefined
  if (fault !== undefined) throw finalFailure(fault, 'InvalidInput')
  if (settings.revise) plan.splice(plan.indexOf('sft'), 0, 'revise')
  if (untilStage === undefined) return plan
  if (!plan.includes(untilStage))
    throw finalFailure(
      `field "untilStage" got "${untilStage}", which is no stage of method "${method}"; ` +
        `its stages are ${plan.join(', ')}`,
      'InvalidInput',
    )
  return [...plan.slice(0, plan.indexOf(untilStage) + 1), 'report']
}

/** Why the engine cannot compute a stage of the plan, or undefined. */
function engineFault({ method, engine, rl }: AlignInput, plan: readonly StageName[]): string | undefined {
  if (method === 'dpo' || method === 'online-dpo') return dpoFault(engine, method)
  return plan.includes('rl')
    ? (algorithmFault(engine, rl.algorithm) ?? watchFault(engine, rl.watch, rl.probe))
    : undefined
}

/** Aligns a model with AI feedback. Takes one optional JSON object; without it, the defaults of the preset "small". */
export async function align(input?: unknown): Promise<AlignResult> {
  const settings = withRunPrecision(parseInput(workflowSchemas.align, input, 'align'))
  const stages = stageRunner(planOf(settings), settings)
  await checkNames('align', settings, stages)
  const { seed, cache, limits } = settings

  const model = await stages.model(settings.model)
  const data = await stages.run('data', { task: settings.task, data: settings.data, limits, model, seed, cache })
  const artifacts: Record<string, Artifact> = { model, data }

  const sft = await fineTune(stages, settings, model, await textsOfSft(stages, settings, artifacts))
  artifacts.sft = sft
  if (settings.untilStage === 'reward-model') await rewardModel(stages, settings, sft, data, artifacts)
  const endsEarly = settings.untilStage !== undefined
  const policy =
    endsEarly || settings.method === 'sft' ? sft : await trainPolicy(stages, settings, sft, data, artifacts)
  if (!endsEarly) await evaluatePolicy(stages, settings, policy, artifacts)

  const distinct = [...new Map(Object.values(artifacts).map((artifact) => [artifact.uri, artifact])).values()]
  const report = await stages.run('report', {
    title: `${settings.method} · ${data.summary.task} · ${settings.model}`,
    settings,
    artifacts: distinct,
    cache,
  })
  return { method: settings.method, policy, report, stages: artifacts, spent: stages.spent() }
}

/** The policy against the SFT model, or the SFT model against its base model. Adds the evaluation to `artifacts`. */
async function evaluatePolicy(
  stages: StageRunner,
  settings: AlignInput,
  policy: Artifact,
  artifacts: Record<string, Artifact>,
): Promise<void> {
  const { method, limits, seed, cache } = settings
  const judge = await stages.labeler(settings.judge, artifacts.sft)
  const baseline = method === 'sft' ? artifacts.model! : artifacts.sft!
  const input = { baseline, policy, data: artifacts.data!, judge, limits, settings: settings.evaluate, seed, cache }
  const evaluation = await stages.runOptional('evaluate', await withResponses(stages, input, settings))
  if (evaluation) artifacts.evaluate = evaluation
}

/** What SFT learns from: the references of the data or, by setting, what is made of the model's own responses. */
async function textsOfSft(
  stages: StageRunner,
  { revise, limits, seed, cache }: AlignInput,
  artifacts: Record<string, Artifact>,
): Promise<Artifact> {
  const [model, data] = [artifacts.model!, artifacts.data!]
  if (!revise) return data
  const { labeler, ...settings } = revise
  artifacts.revise = await stages.run('revise', {
    policy: model,
    data,
    guidance: await stages.guidance(),
    labeler: await stages.labeler(labeler, model),
    limits,
    settings,
    seed,
    cache,
  })
  return artifacts.revise
}

/** Without references the instruction-tuned model itself is the SFT model, as in the paper's dialogue tasks (§3.3). */
async function fineTune(
  stages: StageRunner,
  { limits, seed, cache, sft, engine, initialPolicy }: AlignInput,
  model: Artifact,
  data: Artifact,
): Promise<Artifact> {
  const work = { model, data, limits, settings: sft, seed, cache, ...onEngine(engine) }
  if (initialPolicy === 'model') {
    stages.skip('sft', 'the given model itself is the initial policy')
    return model
  }
  if (data.summary.references !== 0) return stages.run('sft', work)
  stages.skip(
    'sft',
    'the data has no reference responses: the model itself is the SFT model, as in the paper for dialogue',
  )
  return model
}

/** The settings of stage `dpo`: whose labels it is given is no concern of it. */
function trainingOf({ dpo: { labels: _, ...settings } }: AlignInput): StageInput<'dpo'>['settings'] {
  return settings
}

/**
 * DPO on labels; or online DPO, or RL with a reward model or the labeler itself as the reward, and then the choice among
 * the checkpoints. Each starts from the SFT model. Adds each artifact to `artifacts`.
 */
async function trainPolicy(
  stages: StageRunner,
  settings: AlignInput,
  sft: Artifact,
  data: Artifact,
  artifacts: Record<string, Artifact>,
): Promise<Artifact> {
  const { method, seed, cache, limits } = settings
  if (method === 'dpo') {
    const labels = await labelled(stages, settings, sft, data, artifacts)
    const work = { policy: sft, labels, settings: trainingOf(settings), seed, cache }
    return (artifacts.dpo = await stages.run('dpo', work))
  }
  if (method === 'online-dpo') {
    const labeler = await stages.labeler(settings.labeler, sft)
    const training = await watched(stages, settings.onlineDpo, sft)
    artifacts[method] = await stages.run(method, { policy: sft, data, labeler, limits, ...training, seed, cache })
    warningOf(artifacts[method]).forEach(stages.warn)
    return choose(stages, settings, artifacts[method], artifacts)
  }
  const reward =
    method === 'direct-rlaif'
      ? { labeler: await stages.labeler(settings.labeler, sft) }
      : { rewardModel: await rewardModel(stages, settings, sft, data, artifacts) }
  const work = { policy: sft, data, ...reward, limits, ...(await watched(stages, settings.rl, sft)), seed, cache }
  artifacts.rl = await stages.run('rl', { ...work, ...onEngine(settings.engine) })
  warningOf(artifacts.rl).forEach(stages.warn)
  return choose(stages, settings, artifacts.rl, artifacts)
}

/** The best checkpoint of a training, by a judge; that of its last step where there are none to choose from. */
async function choose(
  stages: StageRunner,
  { judge, seed, cache }: AlignInput,
  trained: Artifact,
  artifacts: Record<string, Artifact>,
): Promise<Artifact> {
  if (!trained.summary.candidates) {
    const { policyStep } = trained.summary
    const step = typeof policyStep === 'number' ? `step ${policyStep}` : 'the last step'
    stages.skip('choose', `there are no candidates to choose from: the policy is the checkpoint of ${step}`)
    return trained
  }
  const chosen = await stages.runOptional('choose', {
    candidates: trained,
    data: artifacts.data!,
    judge: await stages.labeler(judge, artifacts.sft),
    seed,
    cache,
  })
  if (chosen) artifacts.choose = chosen
  return chosen ?? trained
}

/** Human preferences, AI preferences, or both. Adds their stages to `artifacts`. */
async function labelled(
  stages: StageRunner,
  settings: AlignInput,
  sft: Artifact,
  data: Artifact,
  artifacts: Record<string, Artifact>,
): Promise<Artifact[]> {
  const { seed, cache, limits } = settings
  const from = labelsFrom(settings)
  const labels: Artifact[] = []
  if (from.people)
    labels.push(
      (artifacts['human-labels'] = await stages.run('human-labels', {
        data,
        model: artifacts.model!,
        limits,
        seed,
        cache,
      })),
    )
  if (from.labeler) {
    const work = { policy: sft, data, limits, settings: settings.sample, seed, cache }
    artifacts.sample = await stages.run('sample', { ...work, ...onEngine(settings.engine) })
    labels.push(
      (artifacts.label = await stages.run('label', {
        samples: artifacts.sample,
        data,
        labeler: await stages.labeler(settings.labeler, sft),
        settings: settings.label,
        seed,
        cache,
      })),
    )
  }
  return labels
}

/** A reward model of human preferences, of AI preferences, or of equal numbers of both (paper §2.2.1, Appendix K). */
async function rewardModel(
  stages: StageRunner,
  settings: AlignInput,
  sft: Artifact,
  data: Artifact,
  artifacts: Record<string, Artifact>,
): Promise<Artifact> {
  const { seed, cache, limits } = settings
  const labels = await labelled(stages, settings, sft, data, artifacts)
  const policy = settings.rewardModel.init === 'model' ? artifacts.model! : sft
  artifacts['reward-model'] = await stages.run('reward-model', {
    policy,
    labels,
    references: { data, limits },
    settings: settings.rewardModel,
    ...onEngine(settings.engine),
    seed,
    cache,
  })
  return artifacts['reward-model']
}
