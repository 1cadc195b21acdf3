// Adafactor (Shazeer & Stern, arXiv 1804.04235, Algorithms 4 and 5), the paper's optimizer (§3.3, Appendix G), with a
// given learning rate:
//
//   β₂ₜ = 1 − t^−0.8
//   R = β₂ₜ R + (1−β₂ₜ) rowMean(G² + ε),  C = β₂ₜ C + (1−β₂ₜ) columnMean(G² + ε)      for matrices
//   U = G / √(R Cᵀ / mean(R)),            or G / √V with V kept whole for vectors
//   W = W − lr · U / max(1, rms(U))
//
// State is keyed by weight name; a matrix takes rows + columns values instead of rows · columns.
// No momentum, as proposed there (Algorithm 6).
// Departures from Algorithm 6, as in transformers' Adafactor(scale_parameter=False, relative_step=False):
//   1. The learning rate is absolute, not relative to the size of the weights.
//   2. The learning rate comes from the settings, not from a schedule of the step number.
import * as op from '../model/ops'
import { tf, type Tensor } from '../model/tf'
import { weight } from '../model/model'
import type { Optimizer } from './optimizer'

const EPSILON = 1e-30
const DECAY = -0.8

/** A fresh Adafactor optimizer, at step 0. */
export function adafactor(): Optimizer {
  const optimizer: Optimizer = {
    state: new Map(),
    steps: 0,
    step(model, gradients, learningRate) {
      optimizer.steps++
      const decay = 1 - optimizer.steps ** DECAY
      for (const [name, gradient] of gradients) {
        const before = weight(model, name)
        const after = tf.tidy(() => {
          const direction =
            before.rank >= 2
              ? factoredDirection(optimizer.state, name, gradient, decay)
              : wholeDirection(optimizer.state, name, gradient, decay)
          const rms = op.sqrt(op.mean(op.reshape(op.square(direction), [gradient.size]), 0))
          const size = op.div(op.scalar(learningRate), op.maximum(op.scalar(1), rms))
          return op.sub(before, op.mul(direction, size))
        })
        model.weights.set(name, after)
        tf.dispose([before, gradient])
      }
    },
  }
  return optimizer
}

/** state ← decay · state + (1 − decay) · value, of any shape; the first step's decay is 0. */
function movingAverage(state: Map<string, Tensor>, key: string, value: Tensor, decay: number): Tensor {
  const before = state.get(key)
  const after = tf.keep(before ? op.add(op.scale(before, decay), op.scale(value, 1 - decay)) : value.clone())
  before?.dispose()
  state.set(key, after)
  return after
}

/** U of a matrix: gradient [rows, columns] → [rows, columns]. */
function factoredDirection(state: Map<string, Tensor>, name: string, gradient: Tensor, decay: number): Tensor {
  const squares = op.add(op.square(gradient), op.scalar(EPSILON)) // [rows, columns]
  const row = movingAverage(state, `${name}.row`, op.mean(squares, 1, true), decay) // [rows, 1]
  const column = movingAverage(state, `${name}.column`, op.mean(squares, 0, true), decay) // [1, columns]
  const rowFactor = op.rsqrt(op.div(row, op.mean(row, 0, true))) // [rows, 1]
  return op.mul(op.mul(gradient, rowFactor), op.rsqrt(column))
}

/** U of a vector: gradient [n] → [n]. */
function wholeDirection(state: Map<string, Tensor>, name: string, gradient: Tensor, decay: number): Tensor {
  const squares = op.add(op.square(gradient), op.scalar(EPSILON)) // [n]
  return op.mul(gradient, op.rsqrt(movingAverage(state, `${name}.whole`, squares, decay)))
}
