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
import type { TrainingHost, TrainingResult } from './checkpoint'
import type { RlTask } from './policy-gradient'
import { inGroups, trainOnGroups, type GroupSettings } from './response-groups'

/** A_i of the returns R_i of one prompt's responses: [k] → [k], k ≥ 2. */
export function leaveOneOut(returns: readonly number[]): number[] {
  const total = returns.reduce((a, b) => a + b, 0)
  return returns.map((r) => r - (total - r) / (returns.length - 1))
}

/**
 * Trains the policy in place.
 * @throws Diverged when a metric is not finite, or the policy collapsed, before the first checkpoint
 */
export const trainRloo = (
  models: { policy: Model; reference: Model },
  task: RlTask,
  settings: GroupSettings,
  host: TrainingHost,
): Promise<TrainingResult> =>
  trainOnGroups(models, task, settings, host, (returns) => {
    const perToken = inGroups(returns, settings.groupSize).flatMap(leaveOneOut)
    return { perToken, metrics: { advantageSize: mean(perToken.map(Math.abs)) } }
  })
