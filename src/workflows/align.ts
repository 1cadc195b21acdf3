// The pipeline: dataset → sft → sample → label → reward-model → rl → evaluate → report (paper, §2 and Figure 2).
import { ApplicationFailure } from '@temporalio/workflow'
import type { Artifact } from '../contracts/artifact'
import type { StageName } from '../contracts/stages'
import type { AlignResult } from '../contracts/status'
import { workflowSchemas, type AlignInput } from '../contracts/workflow-inputs'
import { parseInput } from './input'
import { stageRunner, type StageRunner } from './stage-runner'

const PLANS: Record<AlignInput['method'], StageName[]> = {
  sft: ['model', 'data', 'sft', 'evaluate', 'report'],
  rlhf: ['model', 'data', 'sft', 'human-labels', 'reward-model', 'rl', 'choose', 'evaluate', 'report'],
  rlaif: ['model', 'data', 'sft', 'sample', 'label', 'reward-model', 'rl', 'choose', 'evaluate', 'report'],
  'rlhf+rlaif': [
    'model',
    'data',
    'sft',
    'human-labels',
    'sample',
    'label',
    'reward-model',
    'rl',
    'choose',
    'evaluate',
    'report',
  ],
  'direct-rlaif': ['model', 'data', 'sft', 'rl', 'choose', 'evaluate', 'report'],
}

/** The stages of a run, in order; those behind its last one are left out. */
function planOf({ method, untilStage }: AlignInput): StageName[] {
  const plan = PLANS[method]
  if (untilStage === undefined) return plan
  if (!plan.includes(untilStage))
    throw ApplicationFailure.nonRetryable(
      `field "untilStage" got "${untilStage}", which is no stage of method "${method}"; there are ${plan.join(', ')}`,
      'InvalidInput',
    )
  return [...plan.slice(0, plan.indexOf(untilStage) + 1), 'report']
}

/** Aligns a model with AI feedback. Takes one optional JSON object; `{}` is the quickstart. */
export async function align(input?: unknown): Promise<AlignResult> {
  const settings = parseInput(workflowSchemas.align, input, 'align')
  const stages = stageRunner(planOf(settings), settings)
  const { seed, cache, limits } = settings

  const model = await stages.model(settings.model)
  const data = await stages.run('data', { task: settings.task, data: settings.data, limits, model, seed, cache })
  const made: Record<string, Artifact> = { model, data }

  const sft = await fineTune(stages, settings, model, data)
  made.sft = sft
  if (settings.untilStage === 'reward-model') await rewardModel(stages, settings, sft, data, made)
  const endsEarly = settings.untilStage !== undefined
  const policy = endsEarly || settings.method === 'sft' ? sft : await reinforce(stages, settings, sft, data, made)
  if (!endsEarly) await evaluatePolicy(stages, settings, policy, made)

  const artifacts = [...new Map(Object.values(made).map((artifact) => [artifact.uri, artifact])).values()]
  const report = await stages.run('report', {
    title: `${settings.method} · ${data.summary.task} · ${settings.model}`,
    settings,
    artifacts,
    cache,
  })
  return { method: settings.method, policy, report, stages: made, spent: stages.spent() }
}

/** The policy against the SFT model, or the SFT model against the one it was made from. Adds the artifact to `made`. */
async function evaluatePolicy(
  stages: StageRunner,
  settings: AlignInput,
  policy: Artifact,
  made: Record<string, Artifact>,
): Promise<void> {
  const { method, limits, seed, cache } = settings
  const judge = await stages.labeler(settings.judge, made.sft)
  const baseline = method === 'sft' ? made.model! : made.sft!
  const evaluation = await stages.runOptional('evaluate', {
    baseline,
    policy,
    data: made.data!,
    judge,
    limits,
    settings: settings.evaluate,
    seed,
    cache,
  })
  if (evaluation) made.evaluate = evaluation
}

/** Without references the instruction-tuned model itself is the SFT model, as in the paper's dialogue tasks (§3.3). */
async function fineTune(
  stages: StageRunner,
  { limits, seed, cache, sft }: AlignInput,
  model: Artifact,
  data: Artifact,
): Promise<Artifact> {
  if (data.summary.references !== 0) return stages.run('sft', { model, data, limits, settings: sft, seed, cache })
  stages.skip(
    'sft',
    'the data has no reference responses: the model itself is the SFT model, as in the paper for dialogue',
  )
  return model
}

/** RL from the SFT model against a reward model or the labeler itself, and the choice among its checkpoints. Adds each artifact to `made`. */
async function reinforce(
  stages: StageRunner,
  settings: AlignInput,
  sft: Artifact,
  data: Artifact,
  made: Record<string, Artifact>,
): Promise<Artifact> {
  const { method, seed, cache, limits } = settings
  const reward =
    method === 'direct-rlaif'
      ? { labeler: await stages.labeler(settings.labeler, sft) }
      : { rewardModel: await rewardModel(stages, settings, sft, data, made) }
  made.rl = await stages.run('rl', { policy: sft, data, ...reward, limits, settings: settings.rl, seed, cache })
  if (!made.rl.summary.candidates) {
    stages.skip('choose', 'there are no candidates to choose from: the policy is that of the last step')
    return made.rl
  }
  const chosen = await stages.runOptional('choose', {
    candidates: made.rl,
    data,
    judge: await stages.labeler(settings.judge, sft),
    seed,
    cache,
  })
  if (chosen) made.choose = chosen
  return chosen ?? made.rl
}

/** A reward model on what people preferred, on what the labeler prefers, or on as many of each (paper §2.2.1, Appendix K). */
async function rewardModel(
  stages: StageRunner,
  settings: AlignInput,
  sft: Artifact,
  data: Artifact,
  made: Record<string, Artifact>,
): Promise<Artifact> {
  const { method, seed, cache, limits } = settings
  const labels: Artifact[] = []
  if (method !== 'rlaif')
    labels.push(
      (made['human-labels'] = await stages.run('human-labels', { data, model: made.model!, limits, seed, cache })),
    )
  if (method !== 'rlhf') {
    made.sample = await stages.run('sample', { policy: sft, data, limits, settings: settings.sample, seed, cache })
    labels.push(
      (made.label = await stages.run('label', {
        samples: made.sample,
        data,
        labeler: await stages.labeler(settings.labeler, sft),
        settings: settings.label,
        seed,
        cache,
      })),
    )
  }
  const policy = settings.rewardModel.init === 'model' ? made.model! : sft
  made['reward-model'] = await stages.run('reward-model', {
    policy,
    labels,
    references: { data, limits },
    settings: settings.rewardModel,
    seed,
    cache,
  })
  return made['reward-model']
}
