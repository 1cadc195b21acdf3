// Rotary positions: each pair (i, i + C/2) of a head turns by position · frequency (Su et al., 2021, in Hugging Face's layout).
import type { ModelConfig } from './config'
import * as op from './ops'
import { tf, type Tensor } from './tf'

/** Attention's 1/sqrt(C) is folded into the query's tables. */
export interface Rotary {
  cosQ: Tensor // [N, 1, C]
  sinQ: Tensor
  cosK: Tensor
  sinK: Tensor
  turn: Tensor // [C, C]
}

/** Angle by position of each of the C places of a head. */
export function rotaryFrequencies({ headSize, ropeTheta }: ModelConfig): Float64Array {
  const half = headSize / 2
  return Float64Array.from({ length: headSize }, (_, i) => ropeTheta ** (-(i % half) / half))
}

/** x · turn = (−second half, first half): [C, C]. */
export function turnMatrix(c: number): Tensor {
  const half = c / 2
  const turn = new Float32Array(c * c)
  for (let i = 0; i < half; i++) {
    turn[(i + half) * c + i] = -1
    turn[i * c + i + half] = 1
  }
  return tf.tensor2d(turn, [c, c])
}

/** Cosine and sine tables for tokens at the given positions, [N, 1, C]. */
export function rotaryTables(config: ModelConfig, at: Int32Array): Rotary {
  const c = config.headSize
  const frequencies = rotaryFrequencies(config)
  const table = (f: (angle: number) => number, factor = 1) =>
    tf.tensor3d(Float32Array.from({ length: at.length * c }, (_, i) => factor * f(at[Math.floor(i / c)]! * frequencies[i % c]!)), [at.length, 1, c])
  const scale = 1 / Math.sqrt(c)
  return { cosQ: table(Math.cos, scale), sinQ: table(Math.sin, scale), cosK: table(Math.cos), sinK: table(Math.sin), turn: turnMatrix(c) }
}

export const disposeRotary = (r: Rotary): void => tf.dispose([r.cosQ, r.sinQ, r.cosK, r.sinK, r.turn])

/** x [N, heads · C] → the same rows rotated, [N, heads, C]. */
export function rotate(x: Tensor, heads: number, cos: Tensor, sin: Tensor, turn: Tensor): Tensor {
  const [n, c] = [x.shape[0]!, turn.shape[0]!]
  const turned = op.reshape(op.matmul(op.reshape(x, [n * heads, c]), turn), [n, heads, c])
  return op.add(op.mul(op.reshape(x, [n, heads, c]), cos), op.mul(turned, sin))
}

/** dy [N, heads, C] → gradient by the unrotated rows, [N, heads · C]. */
export function rotateBackward(dy: Tensor, heads: number, cos: Tensor, sin: Tensor, turn: Tensor): Tensor {
  const [n, c] = [dy.shape[0]!, turn.shape[0]!]
  const back = op.matmul(op.reshape(op.mul(dy, sin), [n * heads, c]), turn, false, true)
  return op.reshape(op.add(op.mul(dy, cos), op.reshape(back, [n, heads, c])), [n, heads * c])
}
