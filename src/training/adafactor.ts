// Adafactor (Shazeer & Stern, arXiv 1804.04235), the paper's optimizer (§3.3, Appendix G), with a given learning rate:
//
//   β₂ₜ = 1 − t^−0.8
//   R = β₂ₜ R + (1−β₂ₜ) rowMean(G² + ε),  C = β₂ₜ C + (1−β₂ₜ) columnMean(G² + ε)      for matrices
//   U = G / √(R Cᵀ / mean(R)),            or G / √V with V kept whole for vectors
//   W = W − lr · U / max(1, rms(U))
//
// No momentum and no parameter scaling, as in transformers' Adafactor(scale_parameter=False, relative_step=False).
// State is keyed by weight name and takes rows + columns instead of rows · columns values.
import * as op from '../model/ops'
import { tf, type Tensor } from '../model/tf'
import type { Optimizer } from './optimizer'
import { weight } from '../model/model'

const EPSILON = 1e-30
const DECAY = -0.8

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
              ? factored(optimizer.state, name, gradient, decay)
              : whole(optimizer.state, name, gradient, decay)
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

/** state ← decay · state + (1 − decay) · now; the first step's decay is 0. */
function remember(state: Map<string, Tensor>, key: string, now: Tensor, decay: number): Tensor {
  const before = state.get(key)
  const after = tf.keep(before ? op.add(op.scale(before, decay), op.scale(now, 1 - decay)) : now.clone())
  before?.dispose()
  state.set(key, after)
  return after
}

function factored(state: Map<string, Tensor>, name: string, gradient: Tensor, decay: number): Tensor {
  const squares = op.add(op.square(gradient), op.scalar(EPSILON))
  const row = remember(state, `${name}.row`, op.mean(squares, 1, true), decay) // [rows, 1]
  const column = remember(state, `${name}.column`, op.mean(squares, 0, true), decay) // [1, columns]
  const rowFactor = op.rsqrt(op.div(row, op.mean(row, 0, true)))
  return op.mul(op.mul(gradient, rowFactor), op.rsqrt(column))
}

function whole(state: Map<string, Tensor>, name: string, gradient: Tensor, decay: number): Tensor {
  const squares = op.add(op.square(gradient), op.scalar(EPSILON))
  return op.mul(gradient, op.rsqrt(remember(state, `${name}.whole`, squares, decay)))
}
