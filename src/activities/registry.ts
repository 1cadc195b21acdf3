// Every stage by its name, loaded when it runs: only the child that computes loads TensorFlow.
import type { StageName } from '../contracts/stages'
import type { Stage } from './stage'

/** Raise a version when the same input would give other files. */
const versions: Record<StageName, number> = {
  model: 1,
  data: 2,
  sft: 1,
  sample: 1,
  label: 1,
  'human-labels': 1,
  'reward-model': 3,
  rl: 3,
  choose: 1,
  evaluate: 2,
  respond: 1,
  contest: 1,
  comparison: 1,
  'rating-items': 1,
  'human-results': 1,
  judge: 1,
  study: 1,
  'sweep-report': 1,
  claims: 1,
  report: 2,
}
export const stageVersion = (stage: StageName): number => versions[stage]

/** Of whole runs these read a few small files; reading all weights for them would take longer than they do. */
export const readsTextAlone = (stage: StageName): boolean =>
  ['report', 'study', 'comparison', 'human-results', 'sweep-report', 'claims'].includes(stage)

const load: { [N in StageName]: () => Promise<Stage<N>> } = {
  model: async () => (await import('./model.js')).model,
  data: async () => (await import('./data.js')).data,
  sft: async () => (await import('./sft.js')).sft,
  sample: async () => (await import('./sample.js')).sample,
  label: async () => (await import('./label.js')).label,
  'human-labels': async () => (await import('./human-labels.js')).humanLabels,
  'reward-model': async () => (await import('./reward-model.js')).rewardModel,
  rl: async () => (await import('./rl.js')).rl,
  choose: async () => (await import('./choose.js')).choose,
  evaluate: async () => (await import('./evaluate.js')).evaluate,
  respond: async () => (await import('./respond.js')).respond,
  contest: async () => (await import('./contest.js')).contest,
  comparison: async () => (await import('./comparison.js')).comparison,
  'rating-items': async () => (await import('./rating-items.js')).ratingItems,
  'human-results': async () => (await import('./human-results.js')).humanResults,
  judge: async () => (await import('./judge.js')).judge,
  study: async () => (await import('./study.js')).study,
  'sweep-report': async () => (await import('./sweep-report.js')).sweepReport,
  claims: async () => (await import('./claims.js')).claims,
  report: async () => (await import('./report.js')).report,
}
export const loadStage = (stage: StageName): Promise<Stage<StageName>> => load[stage]() as Promise<Stage<StageName>>
