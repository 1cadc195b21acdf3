// REINFORCE with a leave-one-out baseline, RLOO (Kool et al., 2019; Ahmadian et al., arXiv 2402.14740): no value model.
//
//   R_i = (1−β) r_i − β Σ_t k1_it          of k responses to the same prompt
//   A_i = R_i − mean_{j ≠ i} R_j           the same for every token of response i
//   L   = −(1/B) Σ_i Σ_t log π(a_it | X_it) · A_i
//
// Departures from the paper (RLAIF):
//   1. The baseline: the mean reward of the other responses to the prompt, in place of a value model.
//   2. KL, temperature, end-of-turn rule and β are those of reinforce.ts, so that the two can be compared.
//   3. Advantages are not whitened.
import { mean } from '../mean'
import type { Model } from '../model/model'
import { openBatches } from './batches'
import { partOf, trainSteps, type Metrics, type TrainingHost, type TrainingResult } from './checkpoint'
import { endingOf, penalizedReward, updatePolicy, type RlSettings, type RlTask } from './policy-gradient'
import { rollOut } from './rollout'
import { openOptimizer } from './update'

interface RlooSettings extends RlSettings {
  /** k, responses to each prompt; `batchSize` must be a multiple of it. */
  groupSize: number
}

/** A_i of the returns R_i of one prompt's responses: [k] → [k], k ≥ 2. */
export function leaveOneOut(returns: readonly number[]): number[] {
  const total = returns.reduce((a, b) => a + b, 0)
  return returns.map((r) => r - (total - r) / (returns.length - 1))
}

/**
 * Trains the policy in place.
 * @throws Diverged when a metric is not finite, or the policy collapsed, before the first checkpoint
 */
export async function trainRloo(
  { policy, reference }: { policy: Model; reference: Model },
  task: RlTask,
  settings: RlooSettings,
  host: TrainingHost,
): Promise<TrainingResult> {
  const trained = { policy: { model: policy, optimizer: openOptimizer(settings) } }
  const { seed, batchSize, groupSize, klWeight } = settings
  const batchOf = openBatches(task.prompts.length, { batchSize: batchSize / groupSize, seed, stage: 'rl' })
  const step = async (index: number): Promise<Metrics> => {
    const groups = batchOf(index)
    const chosen = groups.flatMap((prompt) => Array.from({ length: groupSize }, () => prompt))
    const experience = { ...task, chosen, onPart: host.onPart }
    const key = [seed, 'rl', index]
    const { sequences, rewards, kl, metrics } = await rollOut({ policy, reference }, experience, settings, key)
    const returns = rewards.map((r, row) =>
      penalizedReward(
        r,
        kl[row]!.reduce((a, b) => a + b, 0),
        klWeight,
      ),
    )
    const advantages = groups.flatMap((_, group) =>
      leaveOneOut(returns.slice(group * groupSize, (group + 1) * groupSize)),
    )
    const episodes = sequences.map((s, row) => ({
      ...s,
      advantages: new Float32Array(s.response.length).fill(advantages[row]!),
    }))
    const policyMetrics = updatePolicy(trained.policy, episodes, settings, partOf(host, 'learning'))
    return {
      ...metrics,
      advantageSize: mean(advantages.map(Math.abs)),
      ...policyMetrics,
    }
  }
  return trainSteps(settings.steps, trained, host, { step, ...endingOf(task) })
}
