// The tiny Llama of test/reference/tiny_llama.py: its weights come from the same formula.
import { parseModelConfig } from '../src/model/config'
import { weightShapes } from '../src/model/weight-names'
import { tf } from '../src/model/tf'
import type { Model } from '../src/model/model'
import { SCORE_HEAD } from '../src/model/weight-names'
import reference from './reference/tiny-llama.json'

export { reference }

export function tinyModel(): Model {
  const config = parseModelConfig(reference.config, 'tiny reference')
  const shapes = weightShapes(config)
  const names = [...shapes.keys()].sort()
  const weights = new Map(
    names.map((name, k) => {
      const shape = shapes.get(name)!
      const size = shape.reduce((a, b) => a * b, 1)
      const values = Float32Array.from({ length: size }, (_, i) =>
        shape.length === 1 ? 1 + 0.1 * Math.sin(0.7 * i + k) : 0.4 * Math.sin(0.7 * i + k),
      )
      return [name, tf.tensor(values, shape)] as const
    }),
  )
  return { config, weights }
}

export function tinyModelWithHead(): Model {
  const model = tinyModel()
  const d = model.config.hiddenSize
  model.weights.set(
    SCORE_HEAD,
    tf.tensor2d(
      Float32Array.from({ length: d }, (_, i) => 0.3 * Math.cos(i)),
      [1, d],
    ),
  )
  return model
}

/** Every seventh value, as the reference stores them. */
export const everySeventh = (values: ArrayLike<number>): number[] => Array.from(values).filter((_, i) => i % 7 === 0)

/** The largest difference, relative to the largest reference value. */
export function relativeDifference(got: readonly number[], want: readonly number[]): number {
  const scale = Math.max(...want.map(Math.abs), 1e-8)
  return Math.max(...want.map((w, i) => Math.abs(w - got[i]!))) / scale
}
