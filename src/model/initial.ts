// A randomly initialized model: normal weights, biases 0, norms that change nothing.
import { uniformStream } from '../random'
import type { ModelConfig } from './architecture'
import type { Model } from './model'
import { tf } from './tf'
import { weightShapes } from './weight-names'

/**
 * Standard deviation of the initial weights, as in Llama and GPT-2. Those that write into the residual stream are
 * smaller by √(2·layers) (Radford et al., 2019, §2.3).
 */
const DEVIATION = 0.02
const INTO_RESIDUAL = /(o_proj|down_proj)\.weight$/

/** A model with random weights; the same seed gives the same weights. */
export function initialModel(config: ModelConfig, seed: number): Model {
  const shapes = [...weightShapes(config)]
  const layers = new Set(shapes.map(([name]) => /layers\.(\d+)\./.exec(name)?.[1]).filter(Boolean)).size
  const weights = new Map(
    shapes.map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1)
      const deviation = DEVIATION / (INTO_RESIDUAL.test(name) ? Math.sqrt(2 * layers) : 1)
      const values =
        shape.length === 1
          ? new Float32Array(size).fill(name.endsWith('bias') ? 0 : 1 - config.normOffset)
          : normals(size, deviation, seed, name)
      return [name, tf.tensor(values, shape)] as const
    }),
  )
  return { config, weights }
}

/** Normal random numbers, by the Box–Muller transform of a stream of uniform ones: [size]. */
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
