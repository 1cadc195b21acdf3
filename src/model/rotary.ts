// Rotary position embeddings (RoPE; Su et al., arXiv 2104.09864, in Hugging Face's layout): each pair (i, i + R/2) of a
// head is rotated by position · frequency. Shapes: N rows, C head size, R ≤ C its features that are rotated.
import type { Rope } from './architecture'
import * as op from './ops'
import { scaleFrequency } from './rope-scaling'
import { tf, type Tensor } from './tf'

/** Tables for the positions of N rows. */
export interface Rotary {
  cos: Tensor // [N, 1, C]
  sin: Tensor // [N, 1, C]
  /** Swaps the halves of the rotated features: x · turn = (−second half, first half). */
  turn: Tensor // [C, C]
}

/** Radians per position of each rotated feature of a head: [R]. */
function rotaryFrequencies({ theta, features, scaling }: Rope): Float64Array {
  const half = features / 2
  return Float64Array.from({ length: features }, (_, i) =>
    scaleFrequency(theta ** (-(i % half) / half), i % half, scaling),
  )
}

/** [C, C] */
function turnMatrix(c: number, features: number): Tensor {
  const half = features / 2
  const turn = new Float32Array(c * c)
  for (let i = 0; i < half; i++) {
    turn[(i + half) * c + i] = -1
    turn[i * c + i + half] = 1
  }
  return tf.tensor2d(turn, [c, c])
}

/** Tables for tokens at the given positions [N]. @param c head size */
export function rotaryTables(rope: Rope, c: number, at: Int32Array): Rotary {
  const frequencies = rotaryFrequencies(rope)
  const amplitude = rope.scaling?.kind === 'factors' ? rope.scaling.amplitude : 1
  const table = (f: (angle: number) => number) => {
    const values = new Float32Array(at.length * c).fill(f(0)) // features beyond R stay as they are
    for (let n = 0; n < at.length; n++)
      for (let i = 0; i < rope.features; i++) values[n * c + i] = amplitude * f(at[n]! * frequencies[i]!)
    return tf.tensor3d(values, [at.length, 1, c])
  }
  return { cos: table(Math.cos), sin: table(Math.sin), turn: turnMatrix(c, rope.features) }
}

export function disposeRotary({ cos, sin, turn }: Rotary): void {
  tf.dispose([cos, sin, turn])
}

/** x [N, heads, C] → the same, rotated. */
export function rotate(x: Tensor, { cos, sin, turn }: Rotary): Tensor {
  const [n, heads, c] = x.shape as [number, number, number]
  const swapped = op.reshape(op.matmul(op.reshape(x, [n * heads, c]), turn), [n, heads, c])
  return op.add(op.mul(x, cos), op.mul(swapped, sin))
}

/** Gradient by the output, dy [N, heads, C] → gradient by the input, [N, heads, C]. */
export function rotateBackward(dy: Tensor, { cos, sin, turn }: Rotary): Tensor {
  const [n, heads, c] = dy.shape as [number, number, number]
  const back = op.matmul(op.reshape(op.mul(dy, sin), [n * heads, c]), turn, false, true)
  return op.add(op.mul(dy, cos), op.reshape(back, [n, heads, c]))
}
