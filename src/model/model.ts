// A decoder in memory: its config and its weights, under the names of weight-names.ts.
import type { ModelConfig } from './architecture'
import type { Precision } from '../contracts/precision'
import * as op from './ops'
import { tf, type Tensor } from './tf'
import { layerPrefix, SCORE_HEAD } from './weight-names'

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
  /**
   * What matrix products are computed in; default: float32. Sums, norms, softmax and losses always are in float32, and
   * so are trained weights; weights that are only read may be kept in bfloat16.
   */
  precision?: Precision
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

/** An operand of a matrix product, in the model's precision. */
export const operand = ({ precision }: Model, x: Tensor): Tensor => (precision === 'bfloat16' ? op.half(x) : x)

/** One layer as a model of its own. */
export interface Layer {
  /** Its weights, by their names inside the layer (`MODULES`). */
  model: Model
  /** These names; layers with the same names compute the same. */
  names: string
}

const layerNames = new WeakMap<Map<string, Tensor>, string[][]>()

export function layerOf(model: Model, layer: number): Layer {
  let names = layerNames.get(model.weights)
  if (!names) layerNames.set(model.weights, (names = namesInLayers([...model.weights.keys()], model.config.layers)))
  const inside = names[layer]!
  const weights = new Map(inside.map((name) => [name, model.weights.get(layerPrefix(layer) + name)!]))
  return { model: { ...model, weights }, names: inside.join() }
}

const namesInLayers = (all: readonly string[], layers: number): string[][] =>
  Array.from({ length: layers }, (_, layer) => {
    const prefix = layerPrefix(layer)
    return all.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  })

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
