// −log softmax(logits)[label] of each row, with its gradient: as TensorFlow's operation, or, inside functions, from
// oneDNN's softmax, which takes a quarter of the time. Shapes: M rows, V vocabulary.
import * as onednn from './onednn'
import * as op from './ops'
import { openRecording } from './recording'
import { tf, type Tensor } from './tf'

/** The label of each row. */
export interface Labels {
  /** Token ids, int32. */
  labels: Tensor // [M]
  /** Where they are in [M · V], int32; undefined if that is more than int32 holds. */
  places: Tensor | undefined // [M]
}

const MOST_PLACES = 2 ** 31 - 1

/** @param v size of the vocabulary */
export function labelsOf(ids: Int32Array, v: number): Labels {
  const places = ids.length * v <= MOST_PLACES ? ids.map((id, row) => row * v + id) : undefined
  return { labels: tf.tensor1d(ids, 'int32'), places: places && tf.tensor1d(places, 'int32') }
}

/**
 * @param logits [M, V]
 * @returns loss [M] in nats, gradient by the logits [M, V]
 */
export function crossEntropy(logits: Tensor, { labels, places }: Labels): { loss: Tensor; gradient: Tensor } {
  if (!places || !openRecording() || !onednn.has(onednn.SOFTMAX)) {
    const [loss, gradient] = op.crossEntropy(logits, labels)
    return { loss, gradient }
  }
  const [m, v] = logits.shape as [number, number]
  const x = op.full(logits)
  const p = op.softmax(x)
  // The most likely token has p = 1 / Σ exp(z − max z), at least 1 / V: no logarithm of what is too small for float32.
  const flat = (values: Tensor) => op.reshape(values, [m * v, 1])
  const ofLabel = op.reshape(op.gatherRows(flat(x), places), [m])
  const loss = op.sub(op.sub(op.max(x, 1), ofLabel), op.log(op.max(p, 1)))
  // The gradient is p, but p − 1 at the label. Written in place: by its dependence on the loss after p was read.
  const atLabel = op.sub(op.exp(op.scale(loss, -1)), op.scalar(1))
  const gradient = op.replaceRows(flat(p), places, op.reshape(atLabel, [m, 1]))
  return { loss, gradient: op.reshape(gradient, [m, v]) }
}
