// Decoding: one more token for each row of a batch, as fast as memory allows. A float32 model's weights are laid out
// for it (decode-layout.ts); in bfloat16 the checkpoint's own layout is read faster than any other.
//
// Shapes as in attention.ts, but: B rows, one token each; S tokens of a row so far, without the P tokens of the shared
// prefix; F inner size of the MLP, V vocabulary.
import { normAndRotate, type KeysAndValues } from './attention'
import { disposeLayout, laidOutSteps, layoutOf, type LayerLayout, type LayerSteps } from './decode-layout'
import { linear } from './linear'
import { disposeViews, openViews, type LayerView } from './layer-views'
import { mlp } from './mlp'
import { layerOf, operand, weight, type Model } from './model'
import { norm, normIfAny } from './norms'
import * as op from './ops'
import { disposeReadingCopy, openReadingCopy, type ReadingCopy } from './reading-copy'
import { recorded } from './recorded'
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

/** Keys and values so far, and which of the S columns are real tokens. */
export interface KeyValueCache {
  /** One for each layer. */
  layers: KeysAndValues[] // [B, K, S, C] each
  mask: Uint8Array[] // [B][S]
  /** Keys and values of the prefix that all rows share, one for each layer; kept once, not once for each row. */
  prefix?: readonly KeysAndValues[] | undefined // [1, K, P, C] each
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
 * Token ids [B] at positions [B] → hidden states after the last norm, [B, D]. The cache grows by one column, in place.
 */
export function decodeNext(decoder: Decoder, ids: Int32Array, at: Int32Array, cache: KeyValueCache): Tensor {
  const { model } = decoder
  cache.mask = cache.mask.map((row) => Uint8Array.from([...row, 1]))
  const views = openViews(model.config, at, (window) => maskBias(cache, at, window))
  let x = tidy(() => embedded(model, tf.tensor1d(ids, 'int32'), tf.tensor1d(at, 'int32'))) // [B, D]
  views.forEach((view, layer) => {
    const past = cache.layers[layer]!
    const { y, k, v } = decodeBlock(decoder, layer, { x, past, prefix: cache.prefix?.[layer], view })
    tf.dispose([x, past.k, past.v])
    cache.layers[layer] = { k, v }
    x = y
  })
  const hidden = tidy(() => norm(model, LAST_NORM, x))
  x.dispose()
  disposeViews(views)
  return hidden
}

/** Hidden states [B, D] → logits [B, V]. */
export const decodeLogits = ({ model, layout }: Decoder, hidden: Tensor): Tensor =>
  layout ? softCap(op.matmul(hidden, layout.head), model.config.logitCap) : logits(model, hidden)

interface BlockInputs {
  x: Tensor // [B, D]
  past: KeysAndValues
  prefix: KeysAndValues | undefined
  view: LayerView
}

/** One block as one call: y [B, D], and the layer's keys and values with one column more, [B, K, S, C]. */
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

/** x [B, D] → y [B, D], and the layer's keys and values with one column more. */
function block(model: Model, steps: LayerSteps, { x, past, prefix, view }: BlockInputs): { y: Tensor } & KeysAndValues {
  const { heads, keyValueHeads: kv, headSize: c, attentionCap: cap } = model.config
  const b = x.shape[0]!
  const { q, k: newK, v: newV } = steps.project(x, view.rotary)
  const k = op.concat([past.k, op.reshape(newK, [b, kv, 1, c])], 2) // [B, K, S, C]
  const v = op.concat([past.v, op.reshape(newV, [b, kv, 1, c])], 2)
  const attending = { own: { k, v }, prefix, bias: view.bias, cap }
  const mixed = op.reshape(attend(model, op.reshape(q, [b, kv, heads / kv, c]), attending), [b, heads * c])
  const x1 = op.add(x, normIfAny(model, m.attentionOutNorm, steps.output(mixed)))
  return { y: op.add(x1, normIfAny(model, m.mlpOutNorm, steps.mlp(x1))), k, v }
}

/** What a block computes with weights as they are stored. */
function storedSteps(model: Model, view: LayerView): LayerSteps {
  const { heads, keyValueHeads: kv, queryScale } = model.config
  return {
    project(x) {
      const h = normIfAny(model, m.inputNorm, x)
      const q = normAndRotate({ model, view }, linear(model, m.q, h), heads, m.qNorm).rotated
      const k = normAndRotate({ model, view }, linear(model, m.k, h), kv, m.kNorm).rotated
      return { q: operand(model, op.scale(q, queryScale)), k: operand(model, k), v: linear(model, m.v, h) }
    },
    output: (mixed) => linear(model, m.o, mixed),
    mlp: (x1) => mlp(model, normIfAny(model, m.mlpNorm, x1)).out,
  }
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

/**
 * The mask as a term of the attention scores of the newest tokens: [B, 1, 1, P + S].
 * @param at their positions, [B]
 * @param window a token sees itself and `window` − 1 tokens before it
 */
function maskBias({ mask, prefix }: KeyValueCache, at: Int32Array, window = Infinity): Tensor {
  const [past, s] = [prefix?.[0]!.k.shape[2] ?? 0, mask[0]!.length]
  const bias = new Float32Array(mask.length * (past + s))
  mask.forEach((row, r) => {
    const start = r * (past + s)
    bias.fill(-1e9, start, start + Math.min(past, Math.max(0, at[r]! - window + 1)))
    row.forEach((real, j) => (bias[start + past + j] = real && s - 1 - j < window ? 0 : -1e9))
  })
  return tf.tensor4d(bias, [mask.length, 1, 1, past + s])
}

/** Frees the keys and values of the rows; the shared prefix stays. */
export function disposeCache(cache: KeyValueCache): void {
  for (const { k, v } of cache.layers) tf.dispose([k, v])
}

/** Keeps only the given rows of the cache, in the given order. */
export function keepRows(cache: KeyValueCache, rows: readonly number[]): void {
  const indices = tf.tensor1d([...rows], 'int32')
  cache.layers = cache.layers.map(({ k, v }) => {
    const kept = { k: op.gatherRows(k, indices), v: op.gatherRows(v, indices) }
    tf.dispose([k, v])
    return kept
  })
  indices.dispose()
  cache.mask = rows.map((row) => cache.mask[row]!)
}
