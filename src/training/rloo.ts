// REINFORCE with a leave-one-out baseline (Kool et al., 2019; Ahmadian et al., arXiv 2402.14740): today's usual choice, no value model.
//
//   R_i = (1−β) r_i − β Σ_t k1_it          of k responses to the same prompt
//   A_i = R_i − mean_{j ≠ i} R_j           the same for every token of response i
//   L   = −(1/B) Σ_i Σ_t log π(a_it | X_it) · A_i
//
// KL, temperature, end-of-turn rule and β are those of reinforce.ts, so that the two can be compared. Advantages are not whitened.
import type { Model } from '../model/model'
import { trainSteps, type Metrics, type TrainingHost, type TrainingResult } from './checkpoint'
import { openOptimizer } from './optimizer'
import { updatePolicy, type RlSettings, type RlTask } from './policy-gradient'
import { mean } from '../mean'
import { rollOut } from './rollout'
import { batchOf } from './sft'

export interface RlooSettings extends RlSettings {
  /** k, responses to each prompt; `batchSize` is a multiple of it. */
  groupSize: number
}

/** A_i of the returns of one prompt's responses. */
export function leaveOneOut(returns: readonly number[]): number[] {
  const total = returns.reduce((a, b) => a + b, 0)
  return returns.map((own) => own - (total - own) / (returns.length - 1))
}

/** Trains the policy in place. */
export async function trainRloo(
  { policy, reference }: { policy: Model; reference: Model },
  task: RlTask,
  settings: RlooSettings,
  host: TrainingHost,
): Promise<TrainingResult> {
  const optimizer = openOptimizer(settings)
  const step = async (index: number): Promise<Metrics> => {
    const asked = batchOf(index, task.prompts.length, settings.batchSize / settings.groupSize, settings.seed, 'rl')
    const chosen = asked.flatMap((prompt) => Array.from({ length: settings.groupSize }, () => prompt))
    const { sequences, rewards, kl, metrics } = await rollOut(
      policy,
      reference,
      task.prompts,
      chosen,
      task.reward,
      settings,
      [settings.seed, 'rl', index],
    )
    const returns = rewards.map(
      (r, row) => (1 - settings.klWeight) * r - settings.klWeight * kl[row]!.reduce((a, b) => a + b, 0),
    )
    const advantages = asked.flatMap((_, group) =>
      leaveOneOut(returns.slice(group * settings.groupSize, (group + 1) * settings.groupSize)),
    )
    const episodes = sequences.map((s, row) => ({
      ...s,
      advantages: new Float32Array(s.response.length).fill(advantages[row]!),
    }))
    const trained = updatePolicy(policy, optimizer, episodes, settings)
    return {
      ...metrics,
      advantageSize: mean(advantages.map(Math.abs)),
      ...trained,
      ...(await task.afterStep?.(index + 1)),
    }
  }
  return trainSteps(settings.steps, { policy: { model: policy, optimizer } }, host, step, task)
}
