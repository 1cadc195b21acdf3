// What REINFORCE, RLOO and GRPO share: the penalized reward of the paper (§2.2.2, J) and the update of the policy.
//
//   R = (1−β) r − β KL
//   L = −(1/B) Σ_rows Σ_t log π(a_t | X_t) · A_t,   A_t constant
//
// Departures from the paper: none here; how A_t is computed is said in reinforce.ts, rloo.ts and grpo.ts.
import type { Gradients } from '../model/model'
import type { Metrics } from './checkpoint'
import { accumulate, differentiableLogProbs, responseTokens, type Sequence } from './gradients'
import type { Trained } from './optimizer'
import type { Prompts, Reward, RolloutSettings, SampledSequence } from './rollout'
import { update, type OptimizerSettings } from './update'

/** Settings of all three algorithms. */
export interface RlSettings extends OptimizerSettings, RolloutSettings {
  steps: number
  /** Responses sampled in a step, B. */
  batchSize: number
  /** β of J. */
  klWeight: number
  seed: number
}

export interface RlTask {
  prompts: Prompts
  reward: Reward
  /** Called after each sound step with the number of steps done; what it returns joins the step's metrics. */
  afterStep?: (step: number) => Promise<Metrics>
  /** The reason why the policy can no longer be trusted after a step with these metrics, if there is one. */
  collapsed?: (metrics: Metrics) => string | undefined
  /** Whether training ends before its last step, by the metrics of the steps so far. */
  finished?: (history: readonly Metrics[]) => boolean
}

/** What ends a training of any of them early: it goes back to its last checkpoint, and its result says so. */
export const endingOf = ({ afterStep, collapsed, finished }: Pick<RlTask, 'afterStep' | 'collapsed' | 'finished'>) =>
  ({ afterStep, collapsed, finished, onDivergence: 'return to checkpoint' }) as const

export interface Episode extends Sequence, Partial<Pick<SampledSequence, 'sampledLogProbs'>> {
  /** A_t of each token of the response. */
  advantages: Float32Array // [response length]
}

/**
 * The reward that is maximized (paper §2.2.2): (1−β) r − β KL.
 * @param kl in nats, of a whole response or of its tokens still to come
 * @param klWeight β, from 0 to 1
 */
export const penalizedReward = (reward: number, kl: number, klWeight: number): number =>
  (1 - klWeight) * reward - klWeight * kl

/**
 * One update of the policy in place, in micro-batches.
 * @returns the loss L, the mean entropy of the token distributions (in nats, at the sampling temperature), in bfloat16
 * `samplerGap`, the mean difference (in nats) between log π of a token when it was sampled and here, where the decoder
 * and the training pass round differently, and what `update` reports
 */
export function updatePolicy(
  policy: Trained,
  episodes: readonly Episode[],
  settings: RlSettings,
  onSlice?: (done: number, total: number) => void,
): Metrics {
  const tokens = episodes.reduce((n, e) => n + e.response.length, 0)
  let loss = 0
  let entropy = 0
  let gap = 0
  const ofSlice = (slice: readonly Episode[], sum: Gradients) => {
    const pass = differentiableLogProbs(
      policy.model,
      responseTokens(slice, policy.model),
      settings.sampling.temperature,
      'entropies',
    )
    const coefficients = Float32Array.from(slice.flatMap((e) => [...e.advantages])).map((a) => -a / episodes.length)
    pass.values.forEach((logProb, i) => {
      loss += logProb * coefficients[i]!
      entropy += pass.entropies![i]! / tokens
    })
    slice
      .flatMap(({ sampledLogProbs = [] }) => sampledLogProbs)
      .forEach((sampled, i) => (gap += Math.abs(sampled - pass.values[i]!) / tokens))
    pass.backward(coefficients, sum)
  }
  const gradients = accumulate(episodes, settings.microBatchSize, ofSlice, onSlice)
  return {
    policyLoss: loss,
    entropy,
    ...(policy.model.precision === 'bfloat16' && { samplerGap: gap }),
    ...update(policy, gradients, settings, settings.steps),
  }
}
