// Every stage by its name, its version, and how it is loaded: only the child process that computes it loads
// TensorFlow.js.
import type { StageName } from '../contracts/stages'
import type { Stage } from './stage'

/** Raise a version when the same input would give different files. */
const versions: Record<StageName, number> = {
  model: 2,
  data: 4,
  guidance: 1,
  revise: 1,
  sft: 6,
  sample: 4,
  label: 4,
  'human-labels': 3,
  'reward-model': 7,
  dpo: 3,
  'online-dpo': 3,
  rl: 8,
  choose: 4,
  evaluate: 5,
  respond: 4,
  contest: 2,
  comparison: 7,
  'rating-items': 1,
  'human-results': 3,
  judge: 4,
  study: 6,
  'sweep-report': 7,
  claims: 4,
  report: 9,
}
export const stageVersion = (stage: StageName): number => versions[stage]

/**
 * Stages that read a few small files of whole runs: verifying or downloading all weights would take longer than the
 * stage.
 */
export const readsOnlyText = (stage: StageName): boolean =>
  ['report', 'study', 'comparison', 'human-results', 'sweep-report', 'claims'].includes(stage)

const load: { [N in StageName]: () => Promise<Stage<N>> } = {
  model: async () => (await import('./stages/model.js')).model,
  data: async () => (await import('./stages/data.js')).data,
  guidance: async () => (await import('./stages/guidance.js')).guidance,
  revise: async () => (await import('./stages/revise.js')).revise,
  sft: async () => (await import('./stages/sft.js')).sft,
  sample: async () => (await import('./stages/sample.js')).sample,
  label: async () => (await import('./stages/label.js')).label,
  'human-labels': async () => (await import('./stages/human-labels.js')).humanLabels,
  'reward-model': async () => (await import('./stages/reward-model.js')).rewardModel,
  dpo: async () => (await import('./stages/dpo.js')).dpo,
  'online-dpo': async () => (await import('./stages/online-dpo.js')).onlineDpo,
  rl: async () => (await import('./stages/rl.js')).rl,
  choose: async () => (await import('./stages/choose.js')).choose,
  evaluate: async () => (await import('./stages/evaluate.js')).evaluate,
  respond: async () => (await import('./stages/respond.js')).respond,
  contest: async () => (await import('./stages/contest.js')).contest,
  comparison: async () => (await import('./stages/comparison.js')).comparison,
  'rating-items': async () => (await import('./stages/rating-items.js')).ratingItems,
  'human-results': async () => (await import('./stages/human-results.js')).humanResults,
  judge: async () => (await import('./stages/judge.js')).judge,
  study: async () => (await import('./stages/study.js')).study,
  'sweep-report': async () => (await import('./stages/sweep-report.js')).sweepReport,
  claims: async () => (await import('./stages/claims.js')).claims,
  report: async () => (await import('./stages/report.js')).report,
}

/** Stages on Ray: they load no TensorFlow.js. */
const loadOnRay: { [N in StageName]?: () => Promise<Stage<N>> } = {
  sft: async () => (await import('./on-ray/sft.js')).sftOnRay,
  sample: async () => (await import('./on-ray/sample.js')).sampleOnRay,
  respond: async () => (await import('./on-ray/respond.js')).respondOnRay,
  'reward-model': async () => (await import('./on-ray/reward-model.js')).rewardModelOnRay,
  rl: async () => (await import('./on-ray/rl.js')).rlOnRay,
}

/** @param input of the stage, which names its engine */
export const loadStage = (stage: StageName, input: object): Promise<Stage<StageName>> => {
  const { engine } = input as { engine?: object }
  return ((engine && loadOnRay[stage]) ?? load[stage])() as Promise<Stage<StageName>>
}
