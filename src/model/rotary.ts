// Rotary position embeddings (RoPE; Su et al., arXiv 2104.09864, in Hugging Face's layout): each pair (i, i + C/2) of a
// head is rotated by position · frequency. Shapes: N rows, C head size.
import type { ModelConfig, Rope } from './config'
import * as op from './ops'
import { tf, type Tensor } from './tf'

/** Tables for the positions of N rows. */
export interface Rotary {
  cos: Tensor // [N, 1, C]
  sin: Tensor // [N, 1, C]
  /** Swaps the halves of a head: x · turn = (−second half, first half). */
  turn: Tensor // [C, C]
}

/** Radians per position of each feature of a head: [C]. */
function rotaryFrequencies({ headSize, rope }: Pick<ModelConfig, 'headSize' | 'rope'>): Float64Array {
  const half = headSize / 2
  const { theta, scaling } = rope!
  return Float64Array.from({ length: headSize }, (_, i) => scaleFrequency(theta ** (-(i % half) / half), scaling))
}

/**
 * Scaling for long contexts: "linear" divides every frequency, "llama3" only the low ones, with a smooth transition.
 */
function scaleFrequency(frequency: number, scaling: Rope['scaling']): number {
  if (!scaling) return frequency
  if (scaling.kind === 'linear') return frequency / scaling.factor
  const { factor, lowFrequency, highFrequency, originalLength } = scaling
  const rotations = (originalLength * frequency) / (2 * Math.PI) // full rotations within the context of the pretraining
  if (rotations < lowFrequency) return frequency / factor
  if (rotations > highFrequency) return frequency
  const smooth = (rotations - lowFrequency) / (highFrequency - lowFrequency)
  return ((1 - smooth) * frequency) / factor + smooth * frequency
}

/** [C, C] */
function turnMatrix(c: number): Tensor {
  const half = c / 2
  const turn = new Float32Array(c * c)
  for (let i = 0; i < half; i++) {
    turn[(i + half) * c + i] = -1
    turn[i * c + i + half] = 1
  }
  return tf.tensor2d(turn, [c, c])
}

/** Tables for tokens at the given positions [N]; undefined for families without rotary positions. */
export function rotaryTables(config: ModelConfig, at: Int32Array): Rotary | undefined {
  if (!config.rope) return undefined
  const c = config.headSize
  const frequencies = rotaryFrequencies(config)
  const table = (f: (angle: number) => number) => {
    const values = new Float32Array(at.length * c)
    for (let n = 0; n < at.length; n++) for (let i = 0; i < c; i++) values[n * c + i] = f(at[n]! * frequencies[i]!)
    return tf.tensor3d(values, [at.length, 1, c])
  }
  return { cos: table(Math.cos), sin: table(Math.sin), turn: turnMatrix(c) }
}

export function disposeRotary(rotary: Rotary | undefined): void {
  if (rotary) tf.dispose([rotary.cos, rotary.sin, rotary.turn])
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
