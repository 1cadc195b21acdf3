// Decoding: one more token for each row of a batch, as fast as memory allows. A float32 model's weights are laid out
// for it (decode-layout.ts); in bfloat16 the checkpoint's own layout is read faster than any other.
//
// Shapes as in attention.ts, but: B rows, one token each; S tokens of a row so far, without the P tokens of the shared
// prefix; F inner size of the MLP, V vocabulary.
import type { KeysAndValues } from './attend'
import { normAndRotate } from './attention'
import { disposeLayout, laidOutSteps, layoutOf, type LayerLayout, type LayerSteps } from './decode-layout'
import { maskBias, nextColumn, withNewest, type KeyValueCache } from './key-value-cache'
import { linear } from './linear'
import { disposeViews, openViews, type LayerView } from './layer-views'
import { mlp } from './mlp'
import { layerOf, operand, weight, type Model } from './model'
import { norm, normIfAny } from './norms'
import * as op from './ops'
import { disposeReadingCopy, openReadingCopy, type ReadingCopy } from './reading-copy'
import { recorded } from './recorded'
import { rotate } from './rotary'
import { softCap } from './soft-cap'
import { tf, tidy, type Tensor } from './tf'
import { embedded, logits } from './transformer'
import { headName, LAST_NORM, MODULES as m } from './weight-names'

/** A model ready for decoding. */
export interface Decoder {
  model: Model
  /** Of a float32 model. */
  layout?: { layers: LayerLayout[]; head: Tensor } // head [D, V]
  /** Of a model in bfloat16: what `model` keeps of its own. */
  copy?: ReadingCopy
}

/** Makes a model ready for decoding; takes as much memory again as its weights. Dispose after use. */
export function openDecoder(model: Model): Decoder {
  if (model.precision === 'bfloat16') {
    const copy = openReadingCopy(model)
    return { model: copy.model, copy }
  }
  const layers = Array.from({ length: model.config.layers }, (_, layer) => layoutOf(model, layer))
  return { model, layout: { layers, head: op.transpose(weight(model, headName(model.config)), [1, 0]) } }
}

/** Frees what `openDecoder` made; the model's own weights stay. */
export function disposeDecoder({ layout, copy }: Decoder): void {
  layout?.layers.forEach(disposeLayout)
  layout?.head.dispose()
  if (copy) disposeReadingCopy(copy)
}

/**
 * Token ids [B] at positions [B] → hidden states after the last norm, [B, D]. Adds a column to the cache.
 */
export function decodeNext(decoder: Decoder, ids: Int32Array, at: Int32Array, cache: KeyValueCache): Tensor {
  const { model } = decoder
  const places = nextColumn(model, cache)
  const views = openViews(model.config, at, (window) => ({ bias: maskBias(cache, at, window) }))
  let x = tidy(() => embedded(model, tf.tensor1d(ids, 'int32'), tf.tensor1d(at, 'int32'))) // [B, D]
  views.forEach((view, layer) => {
    const past = cache.layers[layer]!
    const { y, k, v } = decodeBlock(decoder, layer, { x, past, places, prefix: cache.prefix?.[layer], view })
    tf.dispose([x, past.k, past.v])
    cache.layers[layer] = { k, v }
    x = y
  })
  const hidden = tidy(() => norm(model, LAST_NORM, x))
  x.dispose()
  places?.dispose()
  disposeViews(views)
  return hidden
}

/** Hidden states [B, D] → logits [B, V]. */
export const decodeLogits = ({ model, layout }: Decoder, hidden: Tensor): Tensor =>
  layout ? softCap(op.matmul(hidden, layout.head), model.config.logitCap) : logits(model, hidden)

interface BlockInputs {
  x: Tensor // [B, D]
  past: KeysAndValues
  /** Where the newest keys and values go (key-value-cache.ts). */
  places: Tensor | undefined
  prefix: KeysAndValues | undefined
  view: LayerView
}

/** One block as one call: y [B, D], and the layer's keys and values with the newest column, [B, K, S, C]. */
function decodeBlock({ model, layout }: Decoder, layer: number, given: BlockInputs): { y: Tensor } & KeysAndValues {
  const { model: inside, names } = layerOf(model, layer)
  const laidOut = layout?.layers[layer]
  return recorded(
    model,
    `decode/${names}`,
    { ...given, weights: inside.weights, laidOut },
    ({ weights, laidOut, ...given }) => {
      const own = { ...inside, weights }
      return block(own, laidOut ? laidOutSteps(own, laidOut) : storedSteps(own, given.view), given)
    },
  )
}

/** x [B, D] → y [B, D], and the layer's keys and values with the newest column. */
function block(
  model: Model,
  steps: LayerSteps,
  { x, past, places, prefix, view }: BlockInputs,
): { y: Tensor } & KeysAndValues {
  const { heads, keyValueHeads: kv, headSize: c, attentionCap: cap } = model.config
  const b = x.shape[0]!
  const { q, k: newK, v: newV } = steps.project(x, view.rotary)
  const { k, v } = withNewest(past, { k: newK, v: newV }, places) // [B, K, S, C]
  const attending = { own: { k, v }, prefix, bias: view.bias, cap }
  const mixed = op.reshape(attend(model, op.reshape(q, [b, kv, heads / kv, c]), attending), [b, heads * c])
  const x1 = op.add(x, normIfAny(model, m.attentionOutNorm, steps.output(mixed)))
  return { y: op.add(x1, normIfAny(model, m.mlpOutNorm, steps.mlp(x1))), k, v }
}

/** What a block computes with weights as they are stored. */
function storedSteps(model: Model, view: LayerView): LayerSteps {
  return {
    project(x) {
      const h = normIfAny(model, m.inputNorm, x)
      const { q, k } = queriesAndKeys(model, view, h)
      const scaled = op.scale(q, model.config.queryScale)
      return { q: operand(model, scaled), k: operand(model, k), v: linear(model, m.v, h) }
    },
    output: (mixed) => linear(model, m.o, mixed),
    mlp: (x1) => mlp(model, normIfAny(model, m.mlpNorm, x1)).out,
  }
}

/** h [B, D] → queries [B, H, C] and keys [B, K, C], normalized and rotated; without a norm, rotated together. */
function queriesAndKeys(model: Model, view: LayerView, h: Tensor): { q: Tensor; k: Tensor } {
  const { heads, keyValueHeads: kv, headSize, qkNorm } = model.config
  const [q, k] = [linear(model, m.q, h), linear(model, m.k, h)]
  if (qkNorm !== 'none' || !view.rotary)
    return {
      q: normAndRotate({ model, view }, q, heads, m.qNorm).rotated,
      k: normAndRotate({ model, view }, k, kv, m.kNorm).rotated,
    }
  const together = op.reshape(op.concat([q, k], 1), [h.shape[0]!, heads + kv, headSize])
  const [rotatedQ, rotatedK] = op.split(rotate(together, view.rotary), [heads, kv], 1) as [Tensor, Tensor]
  return { q: rotatedQ, k: rotatedK }
}

interface Attending {
  own: KeysAndValues
  prefix: KeysAndValues | undefined
  /** Over the prefix, then the row's own keys. */
  bias: Tensor // [B, 1, 1, P + S]
  cap: number | undefined
}

/**
 * Attention of queries [B, K, G, C] over the prefix and the row's own keys → [B, K, G, C]. Over the prefix, the queries
 * of all rows are one matrix.
 */
function attend(model: Model, q: Tensor, { own, prefix, bias, cap }: Attending): Tensor {
  const ownScores = op.batchMatmul(q, own.k, false, true) // [B, K, G, S]
  const weights = (scores: Tensor) => operand(model, op.softmax(op.add(softCap(scores, cap), bias)))
  if (!prefix) return op.batchMatmul(weights(ownScores), own.v)
  const [b, kv, g] = q.shape as [number, number, number]
  const together = (x: Tensor) => op.reshape(op.transpose(x, [1, 0, 2, 3]), [1, kv, b * g, x.shape[3]!])
  const apart = (x: Tensor) => op.transpose(op.reshape(x, [kv, b, g, x.shape[3]!]), [1, 0, 2, 3])
  const prefixScores = apart(op.batchMatmul(together(q), prefix.k, false, true)) // [B, K, G, P]
  const [overPrefix, overOwn] = op.split(
    weights(op.concat([prefixScores, ownScores], 3)),
    [prefixScores.shape[3]!, ownScores.shape[3]!],
    3,
  ) as [Tensor, Tensor]
  return op.add(apart(op.batchMatmul(together(overPrefix), prefix.v)), op.batchMatmul(overOwn, own.v))
}
