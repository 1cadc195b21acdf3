// REINFORCE with a learned value baseline (paper §2.2.2, Appendix A.2, F; not PPO: no ratio, no clipping).
//
//   J        = E[ (1−β) r(x, y) − β KL(π ‖ π_SFT) ]
//   Z_t      = (1−β) r − β Σ_{t' ≥ t} k1_t',   k1_t = log π(a_t) − log π_SFT(a_t), detached; γ = 1
//   L_policy = −(1/B) Σ_rows Σ_t log π(a_t | X_t) · stopgrad(Z_t − V(X_t))
//   L_value  =  (1/B) Σ_rows Σ_t (Z_t − V(X_t))²
//
// Policy, value model and reference start from the SFT model; the value head starts at 0. No dropout anywhere.
// Log-probabilities of policy and reference are taken at the sampling temperature. Padding has no loss, KL or value.
//
// Departures from the paper, where it leaves something open:
//   1. KL estimator: k1 for each token in the return (Jaques et al., 2017); k3 is logged as well.
//   2. log π(a_t) in k1 is the one seen while sampling: the policy is the same and so is the arithmetic.
//   3. A response without an end-of-turn token loses `missingEosPenalty`; a reward with a floor never falls below it.
//   4. Rewards and advantages are not whitened; gradients are clipped only where `maxGradientNorm` is set.
import { mean } from '../mean'
import type { Gradients, Model } from '../model/model'
import { openBatches } from './batches'
import { partOf, trainSteps, type Metrics, type TrainingHost, type TrainingResult } from './checkpoint'
import { accumulate, differentiableScores, responseTokens } from './gradients'
import type { Trained } from './optimizer'
import { endingOf, penalizedReward, updatePolicy, type Episode, type RlSettings, type RlTask } from './policy-gradient'
import { rollOut } from './rollout'
import { openOptimizer, update } from './update'

export interface ReinforceSettings extends RlSettings {
  valueLearningRate: number
}

interface ReinforceModels {
  policy: Model
  /** π_SFT, never changed. */
  reference: Model
  /** V; must have a score head. */
  value: Model
}

/** An episode with its returns Z_t; its advantages are Z_t − V(X_t). */
interface ValuedEpisode extends Episode {
  returns: Float32Array // [response length]
}

/** The returns Z_t of one response: [T]. @param kl k1 of each of its tokens, [T], in nats */
export function returnsOf(reward: number, kl: readonly number[], klWeight: number): Float32Array {
  const out = new Float32Array(kl.length)
  let klToGo = 0
  for (let t = kl.length - 1; t >= 0; t--) {
    klToGo += kl[t]!
    out[t] = penalizedReward(reward, klToGo, klWeight)
  }
  return out
}

/**
 * Trains the policy and the value model in place.
 * @throws Diverged when a metric is not finite, or the policy collapsed, before the first checkpoint
 */
export async function trainReinforce(
  { policy, reference, value }: ReinforceModels,
  task: RlTask,
  settings: ReinforceSettings,
  host: TrainingHost,
): Promise<TrainingResult> {
  const trained = {
    policy: { model: policy, optimizer: openOptimizer(settings) },
    value: { model: value, optimizer: openOptimizer(settings) },
  }
  const batchOf = openBatches(task.prompts.length, { ...settings, stage: 'rl' })
  const step = async (index: number): Promise<Metrics> => {
    const chosen = batchOf(index)
    const experience = { ...task, chosen, onPart: host.onPart }
    const key = [settings.seed, 'rl', index]
    const { sequences, rewards, kl, metrics } = await rollOut({ policy, reference }, experience, settings, key)
    const episodes = sequences.map((s, row): ValuedEpisode => ({
      ...s,
      returns: returnsOf(rewards[row]!, kl[row]!, settings.klWeight),
      advantages: new Float32Array(s.response.length), // filled in by updateValue
    }))
    const valueMetrics = updateValue(trained.value, episodes, settings, partOf(host, 'learning values'))
    const policyMetrics = updatePolicy(trained.policy, episodes, settings, partOf(host, 'learning'))
    return { ...metrics, ...valueMetrics, ...policyMetrics }
  }
  return trainSteps(settings.steps, trained, host, { step, ...endingOf(task) })
}

/**
 * One update of V towards the returns; writes the advantages Z_t − V(X_t), of V before the update, into the episodes.
 */
export function updateValue(
  value: Trained,
  episodes: readonly ValuedEpisode[],
  settings: ReinforceSettings,
  onSlice?: (done: number, total: number) => void,
): Metrics {
  let loss = 0
  const ofSlice = (slice: readonly ValuedEpisode[], sum: Gradients) => {
    const tokens = responseTokens(slice, value.model)
    const pass = differentiableScores(value.model, tokens.batch, tokens.at)
    const slopes = new Float32Array(pass.values.length)
    slice.forEach((episode, row) => {
      episode.returns.forEach((z, t) => {
        const error = z - pass.values[tokens.starts[row]! + t]!
        episode.advantages[t] = error
        slopes[tokens.starts[row]! + t] = (-2 * error) / episodes.length
        loss += error ** 2 / episodes.length
      })
    })
    pass.backward(slopes, sum)
  }
  const gradients = accumulate(episodes, settings.microBatchSize, ofSlice, onSlice)
  const { gradientNorm: valueGradientNorm, weightNorm: valueWeightNorm } = update(
    value,
    gradients,
    { ...settings, learningRate: settings.valueLearningRate },
    settings.steps,
  )
  const returns = episodes.flatMap((e) => [...e.returns])
  const errors = episodes.flatMap((e) => [...e.advantages])
  return {
    valueLoss: loss,
    valueGradientNorm,
    valueWeightNorm,
    explainedVariance: variance(returns) > 0 ? 1 - variance(errors) / variance(returns) : 0,
  }
}

const variance = (values: readonly number[]) => {
  const m = mean(values)
  return mean(values.map((v) => (v - m) ** 2))
}
