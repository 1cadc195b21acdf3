// REINFORCE with a learned value baseline (paper §2.2.2, Appendix A.2, F; not PPO: no ratio, no clipping).
//
//   J        = E[ (1−β) r(x, y) − β KL(π ‖ π_SFT) ]
//   Z_t      = (1−β) r − β Σ_{t' ≥ t} k1_t',   k1_t = log π(a_t) − log π_SFT(a_t), detached; γ = 1
//   L_policy = −(1/B) Σ_rows Σ_t log π(a_t | X_t) · stopgrad(Z_t − V(X_t))
//   L_value  =  (1/B) Σ_rows Σ_t (Z_t − V(X_t))²
//
// Policy, value model and reference start from the SFT model; the value head starts at 0. No dropout anywhere.
// Log-probabilities of policy and reference are taken at the sampling temperature. Padding has no loss, no KL, no value.
// What the paper leaves open, and what is done here:
//   1. KL estimator: k1 for each token in the return (Jaques et al., 2017), k3 is logged beside it.
//   2. log π(a_t) in k1 is the one seen while sampling: the policy is the same and so is the arithmetic.
//   3. A response without end of turn loses `missingEosPenalty`; a reward with a floor never falls below it.
//   4. Rewards and advantages are not whitened; gradients are clipped only where `maxGradientNorm` says so.
import { generate, type Continuation, type SamplingSettings } from '../model/generate'
import type { Model } from '../model/model'
import { trainSteps, type Metrics, type TrainingHost } from './checkpoint'
import { accumulate, differentiableLogProbs, differentiableScores, responseTokens, tokenLogProbs, type Sequence } from './gradients'
import { openOptimizer, update, type Optimizer, type OptimizerSettings } from './optimizer'
import { batchOf } from './sft'

export interface ReinforceSettings extends OptimizerSettings {
  steps: number
  batchSize: number
  microBatchSize: number
  valueLearningRate: number
  /** β of J. */
  klWeight: number
  missingEosPenalty: number
  sampling: SamplingSettings
  seed: number
}

/** Asks for r(x, y) of responses to prompts, by their index. */
export interface Reward {
  score(responses: readonly { prompt: number; ids: readonly number[] }[]): Promise<number[]>
  /** Lowest possible reward, where there is one. */
  floor?: number
}

export interface Actors {
  policy: Model
  /** π_SFT, never changed. */
  reference: Model
  /** Has a score head. */
  value: Model
}

/** What one sampled response contributes: its returns Z_t and its advantages Z_t − V(X_t). */
interface Episode extends Sequence {
  returns: Float32Array
  advantages: Float32Array
}

/** Z_t of one response. @param kl k1 of each of its tokens */
export function returnsOf(reward: number, kl: readonly number[], klWeight: number): Float32Array {
  const out = new Float32Array(kl.length)
  let klToGo = 0
  for (let t = kl.length - 1; t >= 0; t--) {
    klToGo += kl[t]!
    out[t] = (1 - klWeight) * reward - klWeight * klToGo
  }
  return out
}

/** Applies rule 3 above. */
export function rewardWithEosRule(reward: number, stopped: boolean, penalty: number, floor = -Infinity): number {
  return stopped ? reward : Math.max(floor, reward - penalty)
}

/** Trains the policy (and the value model) in place. @returns metrics by step */
export async function trainReinforce(actors: Actors, prompts: readonly (readonly number[])[], reward: Reward, settings: ReinforceSettings, host: TrainingHost): Promise<Metrics[]> {
  const trained = { policy: { model: actors.policy, optimizer: openOptimizer(settings) }, value: { model: actors.value, optimizer: openOptimizer(settings) } }
  return trainSteps(settings.steps, trained, host, async (step) => {
    const chosen = batchOf(step, prompts.length, settings.batchSize, settings.seed, 'rl')
    const samples = await generate(actors.policy, chosen.map((i) => prompts[i]!), settings.sampling, [settings.seed, 'rl', step])
    const scores = await reward.score(samples.map(({ ids }, row) => ({ prompt: chosen[row]!, ids })))
    const rewards = scores.map((r, row) => rewardWithEosRule(r, samples[row]!.stopped, settings.missingEosPenalty, reward.floor))

    const sequences = samples.map(({ ids }, row) => ({ prompt: prompts[chosen[row]!]!, response: ids }))
    const kl = tokenKl(actors.reference, sequences, samples, settings)
    const episodes: Episode[] = sequences.map((s, row) => {
      const returns = returnsOf(rewards[row]!, kl[row]!, settings.klWeight)
      return { ...s, returns, advantages: returns.slice() }
    })
    const value = updateValue(trained.value.model, trained.value.optimizer, episodes, settings) // fills in the advantages
    const policy = updatePolicy(trained.policy.model, trained.policy.optimizer, episodes, settings)
    return { reward: mean(rewards), rawReward: mean(scores), ...klMetrics(kl), ...responseMetrics(samples), ...value, ...policy }
  })
}

/** k1 of every token of every row. */
function tokenKl(reference: Model, sequences: readonly Sequence[], samples: readonly Continuation[], settings: ReinforceSettings): number[][] {
  const out: number[][] = []
  for (let start = 0; start < sequences.length; start += settings.microBatchSize) {
    const tokens = responseTokens(sequences.slice(start, start + settings.microBatchSize))
    const before = tokenLogProbs(reference, tokens, settings.sampling.temperature)
    tokens.starts.slice(0, -1).forEach((from, row) => out.push(samples[start + row]!.logProbs.map((now, t) => now - before[from + t]!)))
  }
  return out
}

function updateValue(model: Model, optimizer: Optimizer, episodes: readonly Episode[], settings: ReinforceSettings): Metrics {
  let loss = 0
  const gradients = accumulate(episodes, settings.microBatchSize, (slice) => {
    const tokens = responseTokens(slice)
    const pass = differentiableScores(model, tokens.batch, tokens.at)
    const slopes = new Float32Array(pass.values.length)
    slice.forEach((episode, row) => {
      episode.returns.forEach((z, t) => {
        const error = z - pass.values[tokens.starts[row]! + t]!
        episode.advantages[t] = error
        slopes[tokens.starts[row]! + t] = (-2 * error) / episodes.length
        loss += error ** 2 / episodes.length
      })
    })
    return pass.backward(slopes)
  })
  update(model, optimizer, gradients, { ...settings, learningRate: settings.valueLearningRate }, settings.steps)
  const returns = episodes.flatMap((e) => [...e.returns])
  const errors = episodes.flatMap((e) => [...e.advantages])
  return { valueLoss: loss, explainedVariance: variance(returns) > 0 ? 1 - variance(errors) / variance(returns) : 0 }
}

function updatePolicy(model: Model, optimizer: Optimizer, episodes: readonly Episode[], settings: ReinforceSettings): Metrics {
  let loss = 0
  let logProbs = 0
  const gradients = accumulate(episodes, settings.microBatchSize, (slice) => {
    const pass = differentiableLogProbs(model, responseTokens(slice), settings.sampling.temperature)
    const coefficients = Float32Array.from(slice.flatMap((e) => [...e.advantages])).map((a) => -a / episodes.length)
    pass.values.forEach((logProb, i) => {
      loss += logProb * coefficients[i]!
      logProbs += logProb
    })
    return pass.backward(coefficients)
  })
  return { policyLoss: loss, entropy: -logProbs / episodes.reduce((n, e) => n + e.response.length, 0), ...update(model, optimizer, gradients, settings, settings.steps) }
}

/** Of whole responses: k1 and k3 = e^(−k1) − 1 + k1, summed over tokens, averaged over rows. */
function klMetrics(kl: readonly number[][]): Metrics {
  const perRow = (f: (k1: number) => number) => mean(kl.map((row) => row.reduce((sum, k1) => sum + f(k1), 0)))
  return { kl: perRow((k1) => k1), kl3: perRow((k1) => Math.exp(-k1) - 1 + k1) }
}

function responseMetrics(samples: readonly Continuation[]): Metrics {
  return { length: mean(samples.map((s) => s.ids.length)), eosShare: mean(samples.map((s) => Number(s.stopped))) }
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
const variance = (values: readonly number[]) => {
  const m = mean(values)
  return mean(values.map((v) => (v - m) ** 2))
}
