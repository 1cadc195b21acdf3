// One step's experience: responses sampled from the policy, their rewards, and their divergence from the SFT model.
import { mean } from '../mean'
import { generate, type Continuation, type SamplingSettings } from '../model/generate'
import type { Model } from '../model/model'
import type { RandomKey } from '../random'
import { partOf, type Metrics, type OnPart } from './checkpoint'
import { responseTokens, tokenLogProbs, type Sequence } from './gradients'

/** A response to a prompt, by the prompt's index. */
export interface Response {
  prompt: number
  ids: readonly number[]
}

/** The reward function r(x, y). */
export interface Reward {
  /** One score for each response, in their order. @param onScored called with the number of responses scored so far */
  score(responses: readonly Response[], onScored?: (done: number) => void): Promise<number[]>
  /** Figures of what was scored since the last call, beside the scores. */
  takeMetrics?(): Metrics
  /** Lowest possible reward, where there is one. */
  floor?: number
  /**
   * Scoring happens elsewhere: responses are handed over one by one as they end, while others are still being sampled.
   */
  overlaps?: boolean
}

export interface RolloutSettings {
  microBatchSize: number
  /** Subtracted from the reward of a response that was cut at the token limit. */
  missingEosPenalty: number
  sampling: SamplingSettings
}

/** Token ids of prompts, by their number: a list, or what makes them when they are asked for. */
export type Prompts = Pick<readonly (readonly number[])[], 'length' | 'at'>

/** Which prompts to answer, and what scores the answers. */
interface RolloutTask {
  /** All prompts. */
  prompts: Prompts
  /** Indices of the prompts to answer, one for each response; may repeat. */
  chosen: readonly number[]
  reward: Reward
  onPart?: OnPart | undefined
}

/** A response as it was sampled. */
export interface SampledSequence extends Sequence {
  /** log π of each token of the response, in nats, in the arithmetic of sampling, at its temperature. */
  sampledLogProbs: readonly number[]
}

interface Rollout {
  sequences: SampledSequence[] // [B]
  /** r, as the reward model or the labeler gave it. */
  scores: number[] // [B]
  /** r after `missingEosPenalty`. */
  rewards: number[] // [B]
  /** k1 = log π(a_t) − log π_SFT(a_t) of every token of every row, in nats, at the sampling temperature. */
  kl: number[][] // [B][response length]
  metrics: Metrics
}

/** A response that was cut loses `penalty`; a reward with a floor never falls below it. */
export function rewardWithEosRule(reward: number, stopped: boolean, penalty: number, floor = -Infinity): number {
  return stopped ? reward : Math.max(floor, reward - penalty)
}

/**
 * Samples one response for each chosen prompt, scores it and measures its KL.
 * @param key of the sampling's random numbers
 */
export async function rollOut(
  { policy, reference }: { policy: Model; reference: Model },
  task: RolloutTask,
  settings: RolloutSettings,
  key: RandomKey,
): Promise<Rollout> {
  const { prompts, chosen, reward } = task
  const { samples, scores, metrics } = await sampleAndScore(policy, task, settings.sampling, key)
  const rewards = scores.map((r, row) =>
    rewardWithEosRule(r, samples[row]!.stopped, settings.missingEosPenalty, reward.floor),
  )
  const sequences = samples.map(({ ids, logProbs }, row) => ({
    prompt: prompts.at(chosen[row]!)!,
    response: ids,
    sampledLogProbs: logProbs,
  }))
  const kl = tokenKl(reference, sequences, samples, settings, partOf(task, 'comparing with the SFT model'))
  return {
    sequences,
    scores,
    rewards,
    kl,
    metrics: {
      reward: mean(rewards),
      rawReward: mean(scores),
      ...klMetrics(kl),
      ...responseMetrics(samples),
      ...metrics,
    },
  }
}

/**
 * Samples one response for each chosen prompt and scores it.
 * @returns [B] samples and [B] scores, in the order of `chosen`, and what else the reward says of them
 */
export async function sampleAndScore(
  policy: Model,
  { prompts, chosen, reward, onPart }: RolloutTask,
  sampling: SamplingSettings,
  key: RandomKey,
): Promise<{ samples: Continuation[]; scores: number[]; metrics: Metrics }> {
  const early: Promise<number[]>[] = []
  let scored = 0
  const onScored = (done: number) => onPart?.('scoring responses', done, chosen.length)
  const handOver = (row: number, { ids }: Continuation) => {
    early[row] = reward.score([{ prompt: chosen[row]!, ids }])
    // awaited below, when sampling is over
    early[row].then(
      () => onScored(++scored),
      () => {},
    )
  }
  const samples = await generate(
    policy,
    chosen.map((i) => prompts.at(i)!),
    { ...sampling, onToken: (tokens) => onPart?.('sampling tokens', tokens, sampling.maxTokens) },
    key,
    reward.overlaps ? handOver : undefined,
  )
  const scores = reward.overlaps
    ? (await Promise.all(early)).flat()
    : await reward.score(
        samples.map(({ ids }, row) => ({ prompt: chosen[row]!, ids })),
        onScored,
      )
  return { samples, scores, metrics: reward.takeMetrics?.() ?? {} }
}

/** k1 of every response token, [B][response length]; the policy's log-probabilities are those seen while sampling. */
function tokenKl(
  reference: Model,
  sequences: readonly Sequence[],
  samples: readonly Continuation[],
  { microBatchSize, sampling }: RolloutSettings,
  onSlice: (done: number, total: number) => void,
): number[][] {
  const out: number[][] = []
  for (let start = 0; start < sequences.length; start += microBatchSize) {
    const tokens = responseTokens(sequences.slice(start, start + microBatchSize), reference)
    const ofReference = tokenLogProbs(reference, tokens, sampling.temperature) // [M]
    tokens.starts
      .slice(0, -1)
      .forEach((from, row) =>
        out.push(samples[start + row]!.logProbs.map((ofPolicy, t) => ofPolicy - ofReference[from + t]!)),
      )
    onSlice(out.length, sequences.length)
  }
  return out
}

/** k1 and k3 = e^(−k1) − 1 + k1 of whole responses: summed over tokens, averaged over rows. */
function klMetrics(kl: readonly number[][]): Metrics {
  const perRow = (f: (k1: number) => number) => mean(kl.map((row) => row.reduce((sum, k1) => sum + f(k1), 0)))
  return { kl: perRow((k1) => k1), kl3: perRow((k1) => Math.exp(-k1) - 1 + k1) }
}

function responseMetrics(samples: readonly Continuation[]): Metrics {
  const tokens = samples.reduce((sum, { ids }) => sum + ids.length, 0)
  return { tokens, length: tokens / samples.length, eosShare: mean(samples.map((s) => Number(s.stopped))) }
}
