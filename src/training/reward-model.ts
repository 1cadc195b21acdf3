// The reward model: a decoder with a scalar head, read at the last token of prompt + response (paper §2.2.1, §3.3).
//
//   L = −(1/B) Σ [ p log σ(r₁ − r₂) + (1 − p) log σ(r₂ − r₁) ],  p = the label's probability that response 1 is better
//
// A human label is the special case p ∈ {0, 1}. Starts from the SFT model; the head from N(0, 1/(D+1)) (Huang et al.,
// 2024). Ends at the plateau, when an epoch's mean loss is hardly below that of the epoch before (the paper: 2–3
// epochs), or after `epochs`.
//
// Departures from the paper:
//   1. Sizes and learning rate are settings, smaller by default.
//   2. Only differences of scores have a meaning, so scores are shifted to average 0 on responses like those of the SFT
//      model (Huang et al., 2024; Ouyang et al., 2022). Heads in common model folders have no bias, so the shift is
//      kept next to the weights.
import { lastTokens, padLeft, padRight, type TokenBatch } from '../model/batch'
import { tf } from '../model/tf'
import { SCORE_HEAD } from '../model/weight-names'
import type { Gradients, Model } from '../model/model'
import { curriculumRanks, openBatches, type Curriculum } from './batches'
import { Diverged, partOf, trainSteps, type Metrics, type TrainingHost, type TrainingResult } from './checkpoint'
import { accumulate, differentiableScores, scoresAt, type Sequence } from './gradients'
import { scoreHead } from './score-head'
import type { SftSettings } from './sft'
import { openOptimizer, update } from './update'
import { largest } from '../extremes'

/** Two responses to one prompt and the probability that the first is the better one. */
export interface TrainingPair {
  /** Name of the prompt: pairs of one prompt are never split between training and held-out pairs. */
  group: string
  first: Sequence
  second: Sequence
  /** p, from 0 to 1. */
  preferFirst: number
}

interface RewardModelSettings extends SftSettings, Curriculum {
  /** Training ends after an epoch whose mean loss is less than this share below the last one's; 0 runs all epochs. */
  plateau: number
}

/** Gives a decoder a score head, [1, D], from N(0, scale² / (D+1)); `scale` 0 makes every score 0. */
export function addScoreHead(model: Model, seed: number, scale = 1): void {
  const d = model.config.hiddenSize
  model.weights.set(SCORE_HEAD, tf.tensor2d(scoreHead(d, seed, scale), [1, d]))
}

/** First and second response of every pair, alternating: 2B rows. */
const rowsOf = (pairs: readonly TrainingPair[]) =>
  padRight(pairs.flatMap(({ first, second }) => [first, second]).map((s) => [...s.prompt, ...s.response]))
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
/** log σ(x) without overflow. */
const logSigmoid = (x: number) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)))

/**
 * The loss L of a slice of B pairs, and its slope by each score.
 * @param scores r of the first and second response of every pair, alternating: [2B]
 * @param preferFirst p of every pair: [B]
 * @param pairsInBatch what the mean divides by; more than B when the slice is part of a batch
 * @returns `slopes` [2B]; `correct`, the number of pairs whose order of scores agrees with the label
 */
export function preferenceLoss(
  scores: Float32Array,
  preferFirst: readonly number[],
  pairsInBatch: number,
): { loss: number; slopes: Float32Array; correct: number } {
  const slopes = new Float32Array(scores.length)
  let loss = 0
  let correct = 0
  preferFirst.forEach((p, i) => {
    const margin = scores[2 * i]! - scores[2 * i + 1]!
    loss -= (p * logSigmoid(margin) + (1 - p) * logSigmoid(-margin)) / pairsInBatch
    slopes[2 * i] = (sigmoid(margin) - p) / pairsInBatch
    slopes[2 * i + 1] = -slopes[2 * i]!
    correct += Number(margin > 0 === p > 0.5)
  })
  return { loss, slopes, correct }
}

/**
 * Trains `model`, which must have a score head, in place.
 * @throws Diverged when the loss, a gradient or a weight is not finite
 * @throws when the score head is missing
 */
export async function trainRewardModel(
  model: Model,
  pairs: readonly TrainingPair[],
  settings: RewardModelSettings,
  host: TrainingHost,
): Promise<TrainingResult> {
  const rewardModel = { model, optimizer: openOptimizer(settings) }
  const total = Math.ceil((pairs.length * settings.epochs) / settings.batchSize)
  const stepsOfEpoch = Math.ceil(pairs.length / settings.batchSize)
  const batchOf = openBatches(pairs.length, {
    ...settings,
    stage: 'reward-model',
    ranks: curriculumRanks(pairs, settings),
  })
  const step = async (index: number): Promise<Metrics> => {
    const batch = batchOf(index).map((i) => pairs[i]!)
    let loss = 0
    let correct = 0
    const ofSlice = (slice: readonly TrainingPair[], sum: Gradients) => {
      const rows = rowsOf(slice)
      const pass = differentiableScores(model, rows, lastTokens(rows))
      const part = preferenceLoss(
        pass.values,
        slice.map((pair) => pair.preferFirst),
        batch.length,
      )
      loss += part.loss
      correct += part.correct
      pass.backward(part.slopes, sum)
    }
    const gradients = accumulate(batch, settings.microBatchSize, ofSlice, partOf(host, 'learning'))
    return { loss, accuracy: correct / batch.length, ...update(rewardModel, gradients, settings, total) }
  }
  return trainSteps(total, { rewardModel }, host, {
    step,
    finished: (history) =>
      settings.plateau > 0 &&
      hasPlateaued(
        history.map(({ loss }) => loss!),
        stepsOfEpoch,
        settings.plateau,
      ),
  })
}

/**
 * Whether an epoch has just ended whose mean loss is less than `share` below that of the epoch before.
 * @param losses by step
 */
export function hasPlateaued(losses: readonly number[], stepsOfEpoch: number, share: number): boolean {
  if (losses.length < 2 * stepsOfEpoch || losses.length % stepsOfEpoch !== 0) return false
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
  const before = sum(losses.slice(-2 * stepsOfEpoch, -stepsOfEpoch))
  return sum(losses.slice(-stepsOfEpoch)) > (1 - share) * before
}

/**
 * The largest difference between a sequence's score in a left-padded and in a right-padded batch: 0 except for
 * rounding, if no padding is seen.
 */
export function paddingGap(model: Model, sequences: readonly Sequence[]): number {
  const rows = sequences.map((s) => [...s.prompt, ...s.response])
  const scores = (batch: TokenBatch) => scoresAt(model, batch, lastTokens(batch))
  const right = scores(padRight(rows))
  return largest(scores(padLeft(rows)).map((score, i) => Math.abs(score - right[i]!)))
}

/**
 * The score of every sequence, not shifted: [n].
 * @param batchSize rows of one forward pass; bounds memory
 * @param onScored called with the number of sequences scored so far
 * @throws Diverged when a score is not finite: nothing could be learned from it, and no figure of it would be right
 */
export async function rewards(
  model: Model,
  sequences: readonly Sequence[],
  batchSize: number,
  onScored?: (done: number) => void,
): Promise<number[]> {
  const out: number[] = []
  for (let start = 0; start < sequences.length; start += batchSize) {
    const rows = padRight(sequences.slice(start, start + batchSize).map((s) => [...s.prompt, ...s.response]))
    for (const score of scoresAt(model, rows, lastTokens(rows))) out.push(score)
    onScored?.(out.length)
    await new Promise(setImmediate) // lets messages of the parent process in
  }
  const broken = out.findIndex((score) => !Number.isFinite(score))
  if (broken >= 0)
    throw new Diverged(
      `training: the reward model's score of sequence ${broken + 1} of ${out.length} is ${out[broken]}; ` +
        'train the reward model again with a lower learning rate (learningRate)',
    )
  return out
}
