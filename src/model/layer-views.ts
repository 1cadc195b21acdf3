// What the attention of each layer sees, and how it knows positions, for one batch. Layers of one kind share the
// tensors.
import type { ModelConfig } from './architecture'
import { disposeRotary, rotaryTables, type Rotary } from './rotary'
import { tf, type Tensor } from './tf'

export interface LayerView {
  /** Undefined if queries and keys are not rotated. */
  rotary: Rotary | undefined
  /** 0 where a query may attend, a large negative number where it may not; broadcast over heads. */
  bias: Tensor
  /** The same for the queries of a beginning that all rows share, if the batch has one. */
  beginningBias?: Tensor // [1, 1, P, P]
}

/** What a layer's window decides. */
type Biases = Pick<LayerView, 'bias' | 'beginningBias'>

const oncePer = <K, V>(keys: readonly K[], make: (key: K) => V) =>
  new Map([...new Set(keys)].map((key) => [key, make(key)]))

/**
 * @param at positions of the tokens, [N]
 * @param biasOf of layers with this window
 * @returns one for each layer
 */
export function openViews(
  { layerKinds, headSize }: ModelConfig,
  at: Int32Array,
  biasOf: (window: number | undefined) => Biases,
): LayerView[] {
  const rotaries = oncePer(
    layerKinds.flatMap(({ rope }) => rope ?? []),
    (rope) => rotaryTables(rope, headSize, at),
  )
  const biases = oncePer(
    layerKinds.map(({ window }) => window),
    biasOf,
  )
  return layerKinds.map(({ rope, window }) => ({ rotary: rope && rotaries.get(rope), ...biases.get(window)! }))
}

export function disposeViews(views: readonly LayerView[]): void {
  tf.dispose([
    ...new Set(views.flatMap(({ bias, beginningBias }) => [bias, ...(beginningBias ? [beginningBias] : [])])),
  ])
  new Set(views.flatMap(({ rotary }) => rotary ?? [])).forEach(disposeRotary)
}
