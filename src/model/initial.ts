// A model before any training: normal weights, norms at 1.
import { uniformStream } from '../random'
import type { ModelConfig } from './config'
import type { Model } from './model'
import { tf } from './tf'
import { weightShapes } from './weight-names'

/** Of Llama's and GPT-2's first weights; those that write into the residual stream are smaller by √(2·layers) (GPT-2, §2.3). */
const DEVIATION = 0.02
const INTO_RESIDUAL = /(o_proj|down_proj)\.weight$/

/** @returns the same weights for the same seed */
export function initialModel(config: ModelConfig, seed: number): Model {
  const shapes = [...weightShapes(config)]
  const layers = new Set(shapes.map(([name]) => /layers\.(\d+)\./.exec(name)?.[1]).filter(Boolean)).size
  const weights = new Map(
    shapes.map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1)
      const deviation = DEVIATION / (INTO_RESIDUAL.test(name) ? Math.sqrt(2 * layers) : 1)
      const values =
        shape.length === 1
          ? new Float32Array(size).fill(name.endsWith('bias') ? 0 : 1)
          : normals(size, deviation, seed, name)
      return [name, tf.tensor(values, shape)] as const
    }),
  )
  return { config, weights }
}

/** Box–Muller over a stream of uniform numbers. */
function normals(size: number, deviation: number, seed: number, name: string): Float32Array {
  const next = uniformStream([seed, 'initial', name])
  const values = new Float32Array(size)
  for (let i = 0; i < size; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - next()))
    const angle = 2 * Math.PI * next()
    values[i] = radius * Math.cos(angle)
    if (i + 1 < size) values[i + 1] = radius * Math.sin(angle)
  }
  return values
}
