// AdamW (Loshchilov & Hutter, arXiv 1711.05101, Algorithm 2), in PyTorch's form:
//
//   W = W (1 − lr λ)
//   m = β₁ m + (1−β₁) G,  v = β₂ v + (1−β₂) G²
//   W = W − lr / (1−β₁ᵗ) · m / (√v / √(1−β₂ᵗ) + ε)
//
// State is keyed by weight name.
// Departures from PyTorch:
//   1. λ applies to matrices only, as in transformers' Trainer.
//   2. β₁, β₂ and ε are fixed at PyTorch's defaults.
import { weight } from '../model/model'
import * as op from '../model/ops'
import { tf, tidy, type Tensor } from '../model/tf'
import type { Optimizer } from './optimizer'

const BETAS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

/** A fresh AdamW optimizer, at step 0. @param weightDecay λ; a step takes lr · λ of every matrix */
export function adamw({ weightDecay }: { weightDecay: number }): Optimizer {
  const state = new Map<string, Tensor>()
  const optimizer: Optimizer = {
    state,
    steps: 0,
    step(model, gradients, learningRate) {
      const step = ++optimizer.steps
      for (const [name, gradient] of gradients) {
        const before = weight(model, name)
        const decay = weightDecay > 0 && before.rank >= 2 ? learningRate * weightDecay : 0
        const decayed = decay > 0 ? tidy(() => op.scale(before, 1 - decay)) : before
        const moments = [
          state.get(`${name}.m`) ?? tf.zeros(before.shape),
          state.get(`${name}.v`) ?? tf.zeros(before.shape),
        ]
        const [after, m, v] = op.applyAdam([decayed, ...moments], gradient, { ...BETAS, learningRate, step })
        tf.dispose([before, gradient])
        model.weights.set(name, after)
        state.set(`${name}.m`, m).set(`${name}.v`, v)
      }
    },
  }
  return optimizer
}
