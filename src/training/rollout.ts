// One step's experience: responses sampled from the policy, their rewards, and their divergence from the SFT model.
import { mean } from '../mean'
import { generate, type Continuation, type SamplingSettings } from '../model/generate'
import type { Model } from '../model/model'
import type { RandomKey } from '../random'
import type { Metrics } from './checkpoint'
import { responseTokens, tokenLogProbs, type Sequence } from './gradients'

/** A response to a prompt, by the prompt's index. */
export interface Response {
  prompt: number
  ids: readonly number[]
}

/** Asks for r(x, y). */
export interface Reward {
  score(responses: readonly Response[]): Promise<number[]>
  /** Lowest possible reward, where there is one. */
  floor?: number
  /** Whoever scores is elsewhere: responses are handed over one by one as they end, while others are still being sampled. */
  overlaps?: boolean
}

export interface RolloutSettings {
  microBatchSize: number
  missingEosPenalty: number
  sampling: SamplingSettings
}

export interface Rollout {
  sequences: Sequence[]
  /** r, as the reward model or the labeler gave it. */
  scores: number[]
  /** r after the rule for responses without an end. */
  rewards: number[]
  /** k1 = log π(a_t) − log π_SFT(a_t) of every token of every row, at the sampling temperature. */
  kl: number[][]
  metrics: Metrics
}

/** A response that was cut loses `penalty`; a reward with a floor never falls below it. */
export function rewardWithEosRule(reward: number, stopped: boolean, penalty: number, floor = -Infinity): number {
  return stopped ? reward : Math.max(floor, reward - penalty)
}

/** @param chosen which prompts, by their index; one may stand there several times */
export async function rollOut(
  policy: Model,
  reference: Model,
  prompts: readonly (readonly number[])[],
  chosen: readonly number[],
  reward: Reward,
  settings: RolloutSettings,
  key: RandomKey,
): Promise<Rollout> {
  const { samples, scores } = await sampleAndScore(policy, prompts, chosen, reward, settings.sampling, key)
  const rewards = scores.map((r, row) =>
    rewardWithEosRule(r, samples[row]!.stopped, settings.missingEosPenalty, reward.floor),
  )
  const sequences = samples.map(({ ids }, row) => ({ prompt: prompts[chosen[row]!]!, response: ids }))
  const kl = tokenKl(reference, sequences, samples, settings)
  return {
    sequences,
    scores,
    rewards,
    kl,
    metrics: { reward: mean(rewards), rawReward: mean(scores), ...klMetrics(kl), ...responseMetrics(samples) },
  }
}

export async function sampleAndScore(
  policy: Model,
  prompts: readonly (readonly number[])[],
  chosen: readonly number[],
  reward: Reward,
  sampling: SamplingSettings,
  key: RandomKey,
): Promise<{ samples: Continuation[]; scores: number[] }> {
  const early: Promise<number[]>[] = []
  const handOver = (row: number, { ids }: Continuation) => {
    early[row] = reward.score([{ prompt: chosen[row]!, ids }])
    early[row].catch(() => {}) // awaited below, when sampling is over
  }
  const samples = await generate(
    policy,
    chosen.map((i) => prompts[i]!),
    sampling,
    key,
    reward.overlaps ? handOver : undefined,
  )
  const scores = reward.overlaps
    ? (await Promise.all(early)).flat()
    : await reward.score(samples.map(({ ids }, row) => ({ prompt: chosen[row]!, ids })))
  return { samples, scores }
}

function tokenKl(
  reference: Model,
  sequences: readonly Sequence[],
  samples: readonly Continuation[],
  { microBatchSize, sampling }: RolloutSettings,
): number[][] {
  const out: number[][] = []
  for (let start = 0; start < sequences.length; start += microBatchSize) {
    const tokens = responseTokens(sequences.slice(start, start + microBatchSize))
    const before = tokenLogProbs(reference, tokens, sampling.temperature)
    tokens.starts
      .slice(0, -1)
      .forEach((from, row) => out.push(samples[start + row]!.logProbs.map((now, t) => now - before[from + t]!)))
  }
  return out
}

/** Of whole responses: k1 and k3 = e^(−k1) − 1 + k1, summed over tokens, averaged over rows. */
function klMetrics(kl: readonly number[][]): Metrics {
  const perRow = (f: (k1: number) => number) => mean(kl.map((row) => row.reduce((sum, k1) => sum + f(k1), 0)))
  return { kl: perRow((k1) => k1), kl3: perRow((k1) => Math.exp(-k1) - 1 + k1) }
}

function responseMetrics(samples: readonly Continuation[]): Metrics {
  const tokens = samples.reduce((sum, { ids }) => sum + ids.length, 0)
  return { tokens, length: tokens / samples.length, eosShare: mean(samples.map((s) => Number(s.stopped))) }
}
