// A decoder in memory: its config and its weights, by the names of weight-names.ts.
import type { ModelConfig } from './config'
import { tf, type Tensor } from './tf'
import { SCORE_HEAD } from './weight-names'

export interface Model {
  config: ModelConfig
  /** A linear layer's weight is [out, in]. */
  weights: Map<string, Tensor>
  /** With an adapter, only its weights (and a score head) are trained; the others are frozen. */
  lora?: Lora
  /** Compute each block's activations again in the backward pass: less memory, about a third more time. */
  recompute?: boolean
}

/** Low-rank adaptation (Hu et al., 2021): y = x Wᵀ + (alpha / rank) · x Aᵀ Bᵀ. */
export interface Lora {
  rank: number
  alpha: number
  /** Last part of the names of the linear layers that have one, e.g. "q_proj". */
  targets: string[]
}

/** Gradients by weight name; the caller owns and disposes them. */
export type Gradients = Map<string, Tensor>
/** Gradients of a part, inside a tidy. */
export type GradientRecord = Record<string, Tensor>

export function weight(model: Model, name: string): Tensor {
  const found = model.weights.get(name)
  if (!found) throw new Error(`model: weight ${name} is missing`)
  return found
}

/** The weights that training changes: all of them, or with an adapter the adapter's and a score head. */
export function trainedWeights({ weights, lora }: Model): Map<string, Tensor> {
  return lora ? new Map([...weights].filter(([name]) => name.includes('.lora_') || name === SCORE_HEAD)) : weights
}

export function disposeModel(model: Model): void {
  tf.dispose([...model.weights.values()])
  model.weights.clear()
}
