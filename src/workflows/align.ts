// The pipeline: dataset → sft → sample → label → reward-model → rl → evaluate → report (paper, §2 and Figure 2).
import type { Artifact } from '../contracts/artifact'
import type { StageName } from '../contracts/stages'
import type { AlignResult } from '../contracts/status'
import { workflowSchemas, type AlignInput } from '../contracts/workflow-inputs'
import { parseInput } from './input'
import { stageRunner, type StageRunner } from './stage-runner'

const PLANS: Record<AlignInput['method'], StageName[]> = {
  sft: ['model', 'data', 'sft', 'evaluate', 'report'],
  rlaif: ['model', 'data', 'sft', 'sample', 'label', 'reward-model', 'rl', 'evaluate', 'report'],
  'direct-rlaif': ['model', 'data', 'sft', 'rl', 'evaluate', 'report'],
}

/** Aligns a model with AI feedback. Takes one optional JSON object; `{}` is the quickstart. */
export async function align(input?: unknown): Promise<AlignResult> {
  const settings = parseInput(workflowSchemas.align, input, 'align')
  const stages = stageRunner(PLANS[settings.method], settings)
  const { seed, cache, limits } = settings

  const model = await stages.model(settings.model)
  const data = await stages.run('data', { task: settings.task, data: settings.data, limits, model, seed, cache })
  const made: Record<string, Artifact> = { model, data }

  const sft = await fineTune(stages, settings, model, data)
  made.sft = sft
  const policy = settings.method === 'sft' ? sft : await reinforce(stages, settings, sft, data, made)

  const judge = await stages.labeler(settings.judge)
  const baseline = settings.method === 'sft' ? model : sft
  made.evaluate = await stages.run('evaluate', { baseline, policy, data, judge, limits, settings: settings.evaluate, seed, cache })
  const artifacts = [...new Map(Object.values(made).map((artifact) => [artifact.uri, artifact])).values()]
  const report = await stages.run('report', { title: `${settings.method} · ${data.summary.task} · ${settings.model}`, settings, artifacts, cache })
  return { method: settings.method, policy, report, stages: made }
}

/** Without references the instruction-tuned model itself is the SFT model, as in the paper's dialogue tasks (§3.3). */
async function fineTune(stages: StageRunner, { limits, seed, cache, sft }: AlignInput, model: Artifact, data: Artifact): Promise<Artifact> {
  if (data.summary.references !== 0) return stages.run('sft', { model, data, limits, settings: sft, seed, cache })
  stages.skip('sft', 'the data has no reference responses: the model itself is the SFT model, as in the paper for dialogue')
  return model
}

/** RL from the SFT model; for `rlaif` the reward model is made on the way. Adds each artifact to `made`. */
async function reinforce(stages: StageRunner, settings: AlignInput, sft: Artifact, data: Artifact, made: Record<string, Artifact>): Promise<Artifact> {
  const { seed, cache, limits } = settings
  const labeler = await stages.labeler(settings.labeler)
  if (settings.method === 'rlaif') {
    made.sample = await stages.run('sample', { policy: sft, data, limits, settings: settings.sample, seed, cache })
    made.label = await stages.run('label', { samples: made.sample, data, labeler, settings: settings.label, seed, cache })
    made['reward-model'] = await stages.run('reward-model', { policy: sft, labels: made.label, settings: settings.rewardModel, seed, cache })
  }
  const reward = made['reward-model'] ? { rewardModel: made['reward-model'] } : { labeler }
  made.rl = await stages.run('rl', { policy: sft, data, ...reward, limits, settings: settings.rl, seed, cache })
  return made.rl
}
