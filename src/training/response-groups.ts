// What RLOO and GRPO share: k responses to each prompt of a batch, whose returns are compared with each other.
//
//   R_i = (1−β) r_i − β Σ_t k1_it
//
// How the advantages follow from the returns of a group is said in rloo.ts and grpo.ts.
import type { Model } from '../model/model'
import { openBatches } from './batches'
import { partOf, trainSteps, type Metrics, type TrainingHost, type TrainingResult } from './checkpoint'
import { endingOf, penalizedReward, updatePolicy, type RlSettings, type RlTask } from './policy-gradient'
import { rollOut } from './rollout'
import { openOptimizer } from './update'

export interface GroupSettings extends RlSettings {
  /** k, responses to each prompt; `batchSize` must be a multiple of it. */
  groupSize: number
}

/** What the policy learns from a batch of groups. */
export interface Weighed {
  /** A_it of each response, the same for all its tokens, by the weight that the loss gives them: [B]. */
  perToken: readonly number[]
  metrics: Metrics
}

/**
 * @param returns R of every response of the batch, group after group: [B]
 * @param lengths of the responses, in tokens: [B]
 */
export type WeighReturns = (returns: readonly number[], lengths: readonly number[]) => Weighed

/** The groups of a batch: [B] → [B/k][k]. */
export const inGroups = (returns: readonly number[], size: number): number[][] =>
  Array.from({ length: returns.length / size }, (_, group) => returns.slice(group * size, (group + 1) * size))

/**
 * Trains the policy in place.
 * @throws Diverged when a metric is not finite, or the policy collapsed, before the first checkpoint
 */
export async function trainOnGroups(
  { policy, reference }: { policy: Model; reference: Model },
  task: RlTask,
  settings: GroupSettings,
  host: TrainingHost,
  weigh: WeighReturns,
): Promise<TrainingResult> {
  const trained = { policy: { model: policy, optimizer: openOptimizer(settings) } }
  const { seed, batchSize, groupSize, klWeight } = settings
  const batchOf = openBatches(task.prompts.length, { batchSize: batchSize / groupSize, seed, stage: 'rl' })
  const step = async (index: number): Promise<Metrics> => {
    const chosen = batchOf(index).flatMap((prompt) => Array.from({ length: groupSize }, () => prompt))
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
    const weighed = weigh(
      returns,
      sequences.map(({ response }) => response.length),
    )
    const episodes = sequences.map((s, row) => ({
      ...s,
      advantages: new Float32Array(s.response.length).fill(weighed.perToken[row]!),
    }))
    const policyMetrics = updatePolicy(trained.policy, episodes, settings, partOf(host, 'learning'))
    return { ...metrics, ...weighed.metrics, ...policyMetrics }
  }
  return trainSteps(settings.steps, trained, host, { step, ...endingOf(task) })
}
