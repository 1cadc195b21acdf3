// Rotary positions: each pair (i, i + C/2) of a head turns by position · frequency (Su et al., 2021, in Hugging Face's layout).
import type { ModelConfig, Rope } from './config'
import * as op from './ops'
import { tf, type Tensor } from './tf'

export interface Rotary {
  cos: Tensor // [N, 1, C]
  sin: Tensor // [N, 1, C]
  turn: Tensor // [C, C]
}

/** Angle by position of each of the C places of a head. */
export function rotaryFrequencies({ headSize, rope }: Pick<ModelConfig, 'headSize' | 'rope'>): Float64Array {
  const half = headSize / 2
  const { theta, scaling } = rope!
  return Float64Array.from({ length: headSize }, (_, i) => stretch(theta ** (-(i % half) / half), scaling))
}

/** Longer contexts: "linear" slows every turn, "llama3" only the slow ones, with a smooth passage between. */
function stretch(frequency: number, scaling: Rope['scaling']): number {
  if (!scaling) return frequency
  if (scaling.kind === 'linear') return frequency / scaling.factor
  const { factor, lowFrequency, highFrequency, originalLength } = scaling
  const turns = (originalLength * frequency) / (2 * Math.PI) // within the context it was trained on
  if (turns < lowFrequency) return frequency / factor
  if (turns > highFrequency) return frequency
  const smooth = (turns - lowFrequency) / (highFrequency - lowFrequency)
  return ((1 - smooth) * frequency) / factor + smooth * frequency
}

/** x · turn = (−second half, first half): [C, C]. */
function turnMatrix(c: number): Tensor {
  const half = c / 2
  const turn = new Float32Array(c * c)
  for (let i = 0; i < half; i++) {
    turn[(i + half) * c + i] = -1
    turn[i * c + i + half] = 1
  }
  return tf.tensor2d(turn, [c, c])
}

/** Tables for tokens at the given positions; undefined for families that do not turn. */
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

/** x [N, heads, C] → the same, turned. */
export function rotate(x: Tensor, { cos, sin, turn }: Rotary): Tensor {
  const [n, heads, c] = x.shape as [number, number, number]
  const turned = op.reshape(op.matmul(op.reshape(x, [n * heads, c]), turn), [n, heads, c])
  return op.add(op.mul(x, cos), op.mul(turned, sin))
}

/** dy [N, heads, C] → gradient by the unturned rows. */
export function rotateBackward(dy: Tensor, { cos, sin, turn }: Rotary): Tensor {
  const [n, heads, c] = dy.shape as [number, number, number]
  const back = op.matmul(op.reshape(op.mul(dy, sin), [n * heads, c]), turn, false, true)
  return op.add(op.mul(dy, cos), op.reshape(back, [n, heads, c]))
}
