// AdamW (Loshchilov & Hutter, 2019), in PyTorch's form:
//
//   W = W (1 − lr λ)                                    λ on matrices alone, as transformers' Trainer does
//   m = β₁ m + (1−β₁) G,  v = β₂ v + (1−β₂) G²
//   W = W − lr / (1−β₁ᵗ) · m / (√v / √(1−β₂ᵗ) + ε)
//
// State is keyed by weight name.
import * as op from '../model/ops'
import { tf, tidy, type Tensor } from '../model/tf'
import { weight } from '../model/model'
import type { Optimizer } from './optimizer'

const BETA1 = 0.9
const BETA2 = 0.999
const EPSILON = 1e-8

export function adamw({ weightDecay }: { weightDecay: number }): Optimizer {
  const state = new Map<string, Tensor>()
  const optimizer: Optimizer = {
    state,
    steps: 0,
    step(model, gradients, learningRate) {
      const t = ++optimizer.steps
      for (const [name, gradient] of gradients) {
        const before = weight(model, name)
        const [mBefore, vBefore] = [state.get(`${name}.m`), state.get(`${name}.v`)]
        const { after, m, v } = tidy(() => {
          const m = average(mBefore, gradient, BETA1)
          const v = average(vBefore, op.square(gradient), BETA2)
          const size = op.add(op.scale(op.sqrt(v), 1 / Math.sqrt(1 - BETA2 ** t)), op.scalar(EPSILON))
          const move = op.scale(op.div(m, size), learningRate / (1 - BETA1 ** t))
          const decayed = weightDecay > 0 && before.rank >= 2 ? op.scale(before, 1 - learningRate * weightDecay) : before
          return { after: op.sub(decayed, move), m, v }
        })
        model.weights.set(name, after)
        state.set(`${name}.m`, m).set(`${name}.v`, v)
        tf.dispose([before, gradient, ...(mBefore ? [mBefore] : []), ...(vBefore ? [vBefore] : [])])
      }
    },
  }
  return optimizer
}

const average = (before: Tensor | undefined, now: Tensor, beta: number) => (before ? op.add(op.scale(before, beta), op.scale(now, 1 - beta)) : op.scale(now, 1 - beta))
