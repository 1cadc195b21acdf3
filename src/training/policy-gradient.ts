// The policy's update, the same for every way of reckoning advantages:
//
//   L = −(1/B) Σ_rows Σ_t log π(a_t | X_t) · A_t,  A_t constant
import type { Model } from '../model/model'
import type { Metrics } from './checkpoint'
import { accumulate, differentiableLogProbs, responseTokens, type Sequence } from './gradients'
import { update, type Optimizer, type OptimizerSettings } from './optimizer'
import type { Reward, RolloutSettings } from './rollout'

/** Of both ways of training a policy. */
export interface RlSettings extends OptimizerSettings, RolloutSettings {
  steps: number
  /** Responses of a step. */
  batchSize: number
  /** β of J. */
  klWeight: number
  seed: number
}

export interface RlTask {
  prompts: readonly (readonly number[])[]
  reward: Reward
  /** Called after each step with the number of steps done; what it returns joins the step's metrics. */
  afterStep?: (step: number) => Promise<Metrics>
  /** Why the policy is no longer to be trusted after such a step. */
  collapsed?: (metrics: Metrics) => string | undefined
}

export interface Episode extends Sequence {
  /** A_t of each token of the response. */
  advantages: Float32Array
}

export function updatePolicy(
  model: Model,
  optimizer: Optimizer,
  episodes: readonly Episode[],
  settings: RlSettings,
): Metrics {
  const tokens = episodes.reduce((n, e) => n + e.response.length, 0)
  let loss = 0
  let entropy = 0
  const gradients = accumulate(episodes, settings.microBatchSize, (slice) => {
    const pass = differentiableLogProbs(model, responseTokens(slice), settings.sampling.temperature, 'entropies')
    const coefficients = Float32Array.from(slice.flatMap((e) => [...e.advantages])).map((a) => -a / episodes.length)
    pass.values.forEach((logProb, i) => {
      loss += logProb * coefficients[i]!
      entropy += pass.entropies![i]! / tokens
    })
    return pass.backward(coefficients)
  })
  return { policyLoss: loss, entropy, ...update(model, optimizer, gradients, settings, settings.steps) }
}
