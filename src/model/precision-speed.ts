// How fast this processor multiplies in each precision: without instructions for bfloat16 it is slower than float32.
import { smallest } from '../extremes'
import * as op from './ops'
import { backend, tf, tidy } from './tf'

export interface PrecisionSpeed {
  /** Times as fast as float32, of products the size of a small model's layers. */
  bfloat16: number
  /** Whether parts of a model run as one call; else their operations run one by one, which is slower. */
  functions: boolean
}

const ROWS = 128
const INTO = 576
const OUT = 1536
/** Weights in turn, more than a cache holds. */
const WEIGHTS = 24
const ROUNDS = 5

/** Takes about a fifth of a second. */
export function measurePrecision(): PrecisionSpeed {
  const x = tf.randomNormal([ROWS, INTO])
  const weights = Array.from({ length: WEIGHTS }, () => tf.randomNormal([OUT, INTO]))
  const halves = weights.map((weight) => op.half(weight))
  const fastest = (matrices: typeof weights, operand: typeof x) =>
    smallest(Array.from({ length: ROUNDS }, () => timeOf(() => matrices.forEach((w) => product(operand, w)))))
  const halfX = op.half(x)
  const bfloat16 = fastest(weights, x) / fastest(halves, halfX)
  tf.dispose([x, halfX, ...weights, ...halves])
  return { bfloat16, functions: backend.binding.addFunction !== undefined }
}

const product = (x: Parameters<typeof op.matmul>[0], w: typeof x) => op.matmul(x, w, false, true).dispose()

function timeOf(work: () => void): number {
  const started = performance.now()
  tidy(work)
  return performance.now() - started
}
