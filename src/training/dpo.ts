// Direct preference optimization, DPO (Rafailov et al., arXiv 2305.18290), on soft labels.
//
//   h(y) = β [ log π(y|x) − log π_SFT(y|x) ]               the implicit reward of a response
//   L    = −(1/B) Σ [ p log σ(h₁ − h₂) + (1 − p) log σ(h₂ − h₁) ],   p = the label's probability that response 1 is better
//
// The loss of reward-model.ts with h as the reward. A hard label is the special case p ∈ {0, 1}, and the label smoothing ε
// of conservative DPO the case p ∈ {ε, 1 − ε}, one ε for all pairs. With all pairs of responses labelled by p = σ(r₁ − r₂),
// L is least at π ∝ π_SFT · exp(r / β).
//
// Departures from the source:
//   1. Labels are soft, as for the reward model (paper, §2.2.1).
//   2. The reference is the SFT model that training starts from. Its log-probabilities are computed once, before the
//      first step and in the arithmetic of training (reference-log-probs.ts), so that it need not stay in memory.
//   3. log π(y|x) is the sum over the response's tokens at temperature 1, the end-of-turn token among them.
//   4. Adafactor by default instead of RMSprop; the length of the warm-up is a setting.
import { mean } from '../mean'
import type { Gradients, Model } from '../model/model'
import { curriculumRanks, openBatches, type Curriculum } from './batches'
import { partOf, trainSteps, type Metrics, type TrainingHost, type TrainingResult } from './checkpoint'
import { accumulate, differentiableLogProbs, responseTokens, tokenLogProbs, type Sequence } from './gradients'
import type { Trained } from './optimizer'
import { preferenceLoss, type TrainingPair } from './reward-model'
import type { SftSettings } from './sft'
import { openOptimizer, update, type OptimizerSettings } from './update'

/** A labelled pair, and what the SFT model says of its responses. */
export interface ReferencedPair extends Pick<TrainingPair, 'first' | 'second' | 'preferFirst'> {
  /** log π_SFT of the first and of the second response, in nats. */
  reference: readonly [first: number, second: number]
}

export interface DpoSettings extends SftSettings, Curriculum {
  /** β: how dear it is to leave the SFT model. */
  beta: number
}

/** What the loss of pairs depends on. */
export interface PairLoss {
  beta: number
  /** Pairs of one forward and backward pass; bounds memory. */
  microBatchSize: number
  /** Log-probabilities are taken at it; default: 1. */
  temperature?: number | undefined
}

/** First and second response of every pair, alternating: 2B rows. */
export const bothOf = (pairs: readonly Pick<ReferencedPair, 'first' | 'second'>[]): Sequence[] =>
  pairs.flatMap(({ first, second }) => [first, second])

/** The sums of the values of each row. @param starts where each row begins, and where the last one ends: [rows + 1] */
export const rowSums = (values: Float32Array, starts: readonly number[]): number[] =>
  starts.slice(1).map((end, row) => values.subarray(starts[row], end).reduce((a, b) => a + b, 0))

/** Sums over pairs, for their means. */
interface Tally {
  pairs: number
  loss: number
  correct: number
  chosen: number
  rejected: number
  logRatio: number
}

const emptyTally = (): Tally => ({ pairs: 0, loss: 0, correct: 0, chosen: 0, rejected: 0, logRatio: 0 })

/**
 * The loss of a slice of pairs and its slope by the log-probability of each response; adds what is measured to `tally`.
 * @param logProbs log π of the first and second response of every pair, alternating: [2B]
 * @param pairsInBatch what the mean divides by
 */
function lossOf(
  slice: readonly ReferencedPair[],
  logProbs: readonly number[],
  { beta }: PairLoss,
  pairsInBatch: number,
  tally: Tally,
): number[] {
  const ratios = slice.flatMap(({ reference }, i) => reference.map((ofSft, j) => logProbs[2 * i + j]! - ofSft))
  const rewards = Float32Array.from(ratios, (ratio) => beta * ratio)
  const labels = slice.map(({ preferFirst }) => preferFirst)
  const { loss, slopes, correct } = preferenceLoss(rewards, labels, pairsInBatch)
  tally.pairs += slice.length
  tally.loss += loss
  tally.correct += correct
  tally.logRatio += ratios.reduce((a, b) => a + b, 0)
  labels.forEach((p, i) => {
    const better = p < 0.5 ? 1 : 0
    tally.chosen += rewards[2 * i + better]!
    tally.rejected += rewards[2 * i + 1 - better]!
  })
  return Array.from(slopes, (slope) => beta * slope)
}

/** What is logged of pairs. The better response of a pair is the one that its label prefers. */
function pairMetrics({ pairs, loss, correct, chosen, rejected, logRatio }: Tally): Metrics {
  return {
    loss,
    accuracy: correct / pairs,
    rewardMargin: (chosen - rejected) / pairs,
    chosenReward: chosen / pairs,
    rejectedReward: rejected / pairs,
    forwardKl: -logRatio / (2 * pairs),
  }
}

/** One update of the policy in place, in micro-batches. @returns what is logged of the pairs and of the update */
export function updateOnPairs(
  policy: Trained,
  pairs: readonly ReferencedPair[],
  settings: PairLoss & OptimizerSettings,
  totalSteps: number,
  onSlice?: (done: number, total: number) => void,
): Metrics {
  const tally = emptyTally()
  const entropies: number[] = []
  const ofSlice = (slice: readonly ReferencedPair[], sum: Gradients) => {
    const tokens = responseTokens(bothOf(slice), policy.model)
    const pass = differentiableLogProbs(policy.model, tokens, settings.temperature, 'entropies')
    for (const entropy of pass.entropies!) entropies.push(entropy)
    const slopes = lossOf(slice, rowSums(pass.values, tokens.starts), settings, pairs.length, tally)
    const coefficients = new Float32Array(pass.values.length)
    slopes.forEach((slope, row) => coefficients.fill(slope, tokens.starts[row], tokens.starts[row + 1]))
    pass.backward(coefficients, sum)
  }
  const gradients = accumulate(pairs, settings.microBatchSize, ofSlice, onSlice)
  return { ...pairMetrics(tally), entropy: mean(entropies), ...update(policy, gradients, settings, totalSteps) }
}

/** What is logged of pairs that are not learned from, and the implicit rewards of their responses, alternating: [2n]. */
export async function measurePairs(
  model: Model,
  pairs: readonly ReferencedPair[],
  settings: PairLoss,
  onMeasured?: (done: number, total: number) => void,
): Promise<{ metrics: Metrics; rewards: number[] }> {
  const tally = emptyTally()
  const logProbs = await responseLogProbs(model, bothOf(pairs), 2 * settings.microBatchSize, onMeasured)
  lossOf(pairs, logProbs, settings, pairs.length, tally)
  const rewards = pairs.flatMap(({ reference }, i) =>
    reference.map((ofSft, j) => settings.beta * (logProbs[2 * i + j]! - ofSft)),
  )
  return { metrics: pairMetrics(tally), rewards }
}

/**
 * log π of every response at temperature 1, in nats: [n].
 * @param batchSize rows of one forward pass; bounds memory
 */
export async function responseLogProbs(
  model: Model,
  sequences: readonly Sequence[],
  batchSize: number,
  onDone?: (done: number, total: number) => void,
): Promise<number[]> {
  const out: number[] = []
  for (let start = 0; start < sequences.length; start += batchSize) {
    const tokens = responseTokens(sequences.slice(start, start + batchSize), model)
    for (const logProb of rowSums(tokenLogProbs(model, tokens), tokens.starts)) out.push(logProb)
    onDone?.(out.length, sequences.length)
    await new Promise(setImmediate) // lets messages of the parent process in
  }
  return out
}

/**
 * Trains `model` in place.
 * @param afterStep called after each sound step with the number of steps done; what it returns joins the step's metrics
 * @throws Diverged when the loss, a gradient or a weight is not finite
 */
export async function trainDpo(
  model: Model,
  pairs: readonly ReferencedPair[],
  settings: DpoSettings,
  host: TrainingHost,
  afterStep?: (step: number, total: number) => Promise<Metrics>,
): Promise<TrainingResult> {
  const policy = { model, optimizer: openOptimizer(settings) }
  const total = Math.ceil((pairs.length * settings.epochs) / settings.batchSize)
  const batchOf = openBatches(pairs.length, { ...settings, stage: 'dpo', ranks: curriculumRanks(pairs, settings) })
  const step = (index: number): Promise<Metrics> => {
    const batch = batchOf(index).map((i) => pairs[i]!)
    return Promise.resolve(updateOnPairs(policy, batch, settings, total, partOf(host, 'learning')))
  }
  return trainSteps(total, { policy }, host, {
    step,
    ...(afterStep && { afterStep: (done: number) => afterStep(done, total) }),
  })
}
