// Weights of a model that is only read, in bfloat16: half the memory, and read faster. Norms, biases and score heads, a
// few thousand values, stay in float32.
import { mergeAdapter } from './adapter'
import type { Model } from './model'
import * as op from './ops'
import { tf, type Tensor } from './tf'
import { SCORE_HEAD } from './weight-names'

/** A weight as it is kept for reading in bfloat16: another tensor, or the same. */
export const forReading = (name: string, tensor: Tensor): Tensor =>
  tensor.rank === 2 && name !== SCORE_HEAD ? op.half(tensor) : tensor

/** A copy of a model in bfloat16. */
export interface ReadingCopy {
  model: Model
  /** Tensors that it does not share with the model it was made from. */
  own: Tensor[]
}

/** A model's matrices in bfloat16, its adapter merged; what is in bfloat16 already is shared. */
export function openReadingCopy(model: Model): ReadingCopy {
  const merged = model.lora ? mergeAdapter(model) : model
  const shared = new Set(model.weights.values())
  const own: Tensor[] = []
  const weights = new Map<string, Tensor>()
  for (const [name, tensor] of merged.weights) {
    const copy = forReading(name, tensor)
    if (!shared.has(copy)) own.push(copy)
    if (copy !== tensor && !shared.has(tensor)) tensor.dispose() // a merged weight
    weights.set(name, copy)
  }
  return { model: { config: model.config, weights, precision: 'bfloat16' }, own }
}

/** Frees the copy; what it shares stays. */
export function disposeReadingCopy({ own }: ReadingCopy): void {
  tf.dispose(own)
}

/** A model in bfloat16 in place of the given one, which must not be used afterwards. */
export function onlyForReading(model: Model): Model {
  const { model: copy } = openReadingCopy(model)
  const kept = new Set(copy.weights.values())
  tf.dispose([...model.weights.values()].filter((tensor) => !kept.has(tensor)))
  return copy
}
