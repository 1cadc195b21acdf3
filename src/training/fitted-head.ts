// A score head fitted to preferences on the hidden states of the model as it is, before anything else of it is trained
// ("linear probing, then fine-tuning": Kumar et al., 2022, arXiv 2202.10054). Few pairs cannot move a random head away
// from its noise; the model's own states already hold much of what tells responses apart.
//
//   L(w) = −(1/N) Σ [ p log σ(w·d) + (1 − p) log σ(−w·d) ] + λ/2 Σ (w_k s_k)²,   d = h₁ − h₂,   s_k² = mean of d_k²
//
// h: the hidden state at the last token. s puts every dimension on the same scale. L is strictly convex: Newton's method
// from 0, whose linear systems conjugate gradients solve (Lin, Weng & Keerthi, 2008, as in LIBLINEAR).
import { lastTokens, padRight } from '../model/batch'
import type { Model } from '../model/model'
import { tf } from '../model/tf'
import { SCORE_HEAD } from '../model/weight-names'
import { statesAt, type Sequence } from './gradients'
import type { TrainingPair } from './reward-model'

/** λ: 0.2 is the best of 0.0002 … 20 on 384 pairs of moods (docs/results.md). */
const RIDGE = 0.2
const NEWTON_STEPS = 30
const CONJUGATE_STEPS = 60
/** Relative size of what is left of a gradient, at which iterations end. */
const SMALL = 1e-6

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
/** log(1 + eˣ) without overflow: −log σ(−x). */
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
const plus = (a: Float64Array, b: Float64Array, factor = 1) => a.map((x, i) => x + factor * b[i]!)

/**
 * Gives a model the score head that fits the labels of `pairs` best: [1, D].
 * @param batchSize rows of one forward pass; bounds memory
 * @param onRead called with the number of sequences read so far
 */
export async function fitScoreHead(
  model: Model,
  pairs: readonly TrainingPair[],
  batchSize: number,
  onRead?: (done: number) => void,
): Promise<void> {
  const sequences = pairs.flatMap(({ first, second }) => [first, second])
  const states = await lastStates(model, sequences, batchSize, onRead)
  const differences = pairs.map((_, i) => plus(states[2 * i]!, states[2 * i + 1]!, -1))
  const head = fitPreferences(
    differences,
    pairs.map(({ preferFirst }) => preferFirst),
  )
  model.weights.get(SCORE_HEAD)?.dispose()
  model.weights.set(SCORE_HEAD, tf.tensor2d(Float32Array.from(head), [1, head.length]))
}

/** The hidden state at the last token of every sequence: [n][D]. */
async function lastStates(
  model: Model,
  sequences: readonly Sequence[],
  batchSize: number,
  onRead?: (done: number) => void,
): Promise<Float64Array[]> {
  const states: Float64Array[] = []
  const width = model.config.hiddenSize
  for (let start = 0; start < sequences.length; start += batchSize) {
    const rows = padRight(sequences.slice(start, start + batchSize).map((s) => [...s.prompt, ...s.response]))
    const values = statesAt(model, rows, lastTokens(rows))
    for (let at = 0; at < values.length; at += width) states.push(Float64Array.from(values.subarray(at, at + width)))
    onRead?.(states.length)
    await new Promise(setImmediate) // lets messages of the parent process in
  }
  return states
}

/**
 * The minimum w of L.
 * @param differences d of every pair: [N][D]
 * @param preferFirst p of every pair: [N]
 */
export function fitPreferences(
  differences: readonly Float64Array[],
  preferFirst: readonly number[],
  ridge = RIDGE,
): Float64Array {
  const pairs = differences.length
  const scales = differences[0]!.map((_, k) => Math.sqrt(differences.reduce((sum, d) => sum + d[k]! ** 2, 0) / pairs))
  const scaled = differences.map((d) => d.map((x, k) => (scales[k]! > 0 ? x / scales[k]! : 0)))
  /** Σ factorᵢ dᵢ / N + λ w */
  const combine = (factorOf: (d: Float64Array, i: number) => number, w: Float64Array) => {
    const sum = w.map((x) => ridge * x)
    scaled.forEach((d, i) => {
      const factor = factorOf(d, i) / pairs
      for (let k = 0; k < sum.length; k++) sum[k]! += factor * d[k]!
    })
    return sum
  }
  const loss = (w: Float64Array) =>
    scaled.reduce((sum, d, i) => sum + softplus(dot(d, w)) - preferFirst[i]! * dot(d, w), 0) / pairs +
    (ridge / 2) * dot(w, w)
  let w = new Float64Array(scales.length)
  for (let step = 0; step < NEWTON_STEPS; step++) {
    const predicted = scaled.map((d) => sigmoid(dot(d, w)))
    const gradient = combine((_, i) => predicted[i]! - preferFirst[i]!, w)
    if (Math.sqrt(dot(gradient, gradient)) < SMALL) break
    const curvature = (v: Float64Array) => combine((d, i) => predicted[i]! * (1 - predicted[i]!) * dot(d, v), v)
    const newton = solve(curvature, gradient)
    let length = 1
    while (loss(plus(w, newton, -length)) > loss(w) && length > SMALL) length /= 2
    w = plus(w, newton, -length)
  }
  return w.map((x, k) => (scales[k]! > 0 ? x / scales[k]! : 0))
}

/** x with A x = b by conjugate gradients. @param times v → A v, A symmetric and positive definite */
function solve(times: (v: Float64Array) => Float64Array, b: Float64Array): Float64Array {
  let x = new Float64Array(b.length)
  let rest = b
  let direction = b
  let square = dot(rest, rest)
  const enough = SMALL ** 2 * square
  for (let step = 0; step < CONJUGATE_STEPS && square > enough; step++) {
    const along = times(direction)
    const length = square / dot(direction, along)
    x = plus(x, direction, length)
    rest = plus(rest, along, -length)
    const before = square
    square = dot(rest, rest)
    direction = plus(rest, direction, square / before)
  }
  return x
}
