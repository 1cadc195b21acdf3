// A decoder in memory: its config and its weights, under the names of weight-names.ts.
import type { ModelConfig } from './architecture'
import { tf, type Tensor } from './tf'
import { SCORE_HEAD } from './weight-names'

export interface Model {
  config: ModelConfig
  /** By name; a linear layer's weight is [out, in]. */
  weights: Map<string, Tensor>
  /** If the model has an adapter, only its weights (and a score head) are trained; the others are frozen. */
  lora?: Lora
  /**
   * Gradient checkpointing: each block's activations are recomputed in the backward pass. Less memory, about a third
   * more time.
   */
  recompute?: boolean
}

/** Low-rank adaptation (Hu et al., arXiv 2106.09685): y = x Wᵀ + (alpha / rank) · x Aᵀ Bᵀ. */
export interface Lora {
  rank: number
  alpha: number
  /** Last part of the names of the linear layers that have an adapter, e.g. "q_proj". */
  targets: string[]
}

/** Gradients by weight name, each of its weight's shape; the caller owns and disposes them. */
export type Gradients = Map<string, Tensor>
/** Gradients of a part of the model, inside a tidy. */
export type GradientRecord = Record<string, Tensor>
/** What the backward pass of a layer works on: it adds the gradients by the trained weights to `gradients`. */
export interface BackwardPass {
  model: Model
  gradients: GradientRecord
}

/** A weight by its name. @throws when the model does not have it */
export function weight(model: Model, name: string): Tensor {
  const found = model.weights.get(name)
  if (!found) throw new Error(`model: weight ${name} is missing`)
  return found
}

/**
 * The weights that training changes: all of them, or only those of the adapter and a score head if there is an adapter.
 */
export function trainedWeights({ weights, lora }: Model): Map<string, Tensor> {
  return lora ? new Map([...weights].filter(([name]) => name.includes('.lora_') || name === SCORE_HEAD)) : weights
}

/** Frees the weights. Those shared with another model are freed there as well. */
export function disposeModel(model: Model): void {
  tf.dispose([...model.weights.values()])
  model.weights.clear()
}
