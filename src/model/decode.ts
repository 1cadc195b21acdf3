// Decoding: one more token for each row of a batch, as fast as memory allows. With matrices of this size most of the
// time goes into reading the weights. So they are laid out once for the whole continuation: transposed (the kernel for
// a transposed right side reads them at half speed, see docs/decisions/0001-decoding-weights.md), query/key/value and
// gate/up concatenated, norms, scales and adapters multiplied in.
//
// Shapes as in attention.ts, but: B rows, one token each; S tokens of a row so far, without the P tokens of the shared
// prefix; F inner size of the MLP, V vocabulary.
import type { KeysAndValues } from './attention'
import type { ModelConfig } from './architecture'
import { mergedWeight } from './linear'
import { disposeViews, openViews, type LayerView } from './layer-views'
import { activated, gelu } from './mlp'
import { weight, type Model } from './model'
import { gain, norm, normIfAny, standardize } from './norms'
import * as op from './ops'
import { rotate, type Rotary } from './rotary'
import { softCap } from './soft-cap'
import { tf, tidy, type Tensor } from './tf'
import { embedded } from './transformer'
import { headName, LAST_NORM, modulesOf } from './weight-names'

/** A linear layer laid out for x · w + b. */
interface LinearLayout {
  w: Tensor // [in, out]
  b?: Tensor // [out]
}
interface LayerLayout {
  qkv: LinearLayout // out = (H + 2K) · C
  o: LinearLayout
  inner: LinearLayout // out = 2F (gate, up) or F
  down: LinearLayout
  /** Weights of the norms of queries and keys, if the family has them. */
  qkNorm?: Tensor // [1, H + K, C]
}
/** A model laid out for decoding. */
export interface Decoder {
  model: Model
  layers: LayerLayout[]
  head: Tensor // [D, V]
}

/** Keys and values so far, and which of the S columns are real tokens. */
export interface KeyValueCache {
  /** One for each layer. */
  layers: KeysAndValues[] // [B, K, S, C] each
  mask: Uint8Array[] // [B][S]
  /** Keys and values of the prefix that all rows share, one for each layer; kept once, not once for each row. */
  prefix?: readonly KeysAndValues[] | undefined // [1, K, P, C] each
}

/** Lays a model's weights out for decoding; takes as much memory again as the model. Dispose after use. */
export function openDecoder(model: Model): Decoder {
  return {
    model,
    layers: Array.from({ length: model.config.layers }, (_, layer) => layoutOf(model, layer)),
    head: op.transpose(weight(model, headName(model.config)), [1, 0]),
  }
}

function layoutOf(model: Model, layer: number): LayerLayout {
  const { qkNorm, queryScale, mlp } = model.config
  const m = modulesOf(layer)
  return tidy(() => ({
    qkv: afterNorm(model, m.inputNorm, [
      linearLayout(model, m.q, qkNorm === 'none' ? queryScale : 1),
      linearLayout(model, m.k),
      linearLayout(model, m.v),
    ]),
    o: linearLayout(model, m.o),
    inner: afterNorm(
      model,
      m.mlpNorm,
      (mlp === 'gelu' ? [m.up] : [m.gate, m.up]).map((module) => linearLayout(model, module)),
    ),
    down: linearLayout(model, m.down),
    ...(qkNorm !== 'none' && { qkNorm: queryKeyGains(model, layer) }),
  }))
}

/** A linear layer with its adapter merged in, times `factor`. */
function linearLayout(model: Model, module: string, factor = 1): LinearLayout {
  const scaled = (x: Tensor) => (factor === 1 ? x : op.scale(x, factor))
  const bias = model.weights.get(`${module}.bias`)
  return {
    w: scaled(op.transpose(mergedWeight(model, module), [1, 0])),
    ...(bias && { b: op.add(scaled(bias), op.scalar(0)) }), // a copy: the layout is disposed, the model's tensor is not
  }
}

/**
 * Linear layers concatenated, with weight n and bias m of the norm before them, if there is one, multiplied in:
 * (u · n + m) w + b = u (n w) + (m w + b).
 */
function afterNorm(model: Model, module: string, parts: LinearLayout[]): LinearLayout {
  const joined = (tensors: Tensor[], axis: number) => (tensors.length > 1 ? op.concat(tensors, axis) : tensors[0]!)
  const w = joined(
    parts.map((part) => part.w),
    1,
  )
  const normBias = model.weights.get(`${module}.bias`)
  const biases = [
    ...(parts[0]!.b
      ? [
          joined(
            parts.map((part) => part.b!),
            0,
          ),
        ]
      : []),
    ...(normBias ? [op.reshape(op.matmul(op.reshape(normBias, [1, w.shape[0]!]), w), [w.shape[1]!])] : []),
  ]
  const scaled = model.config.normPlaces === 'after' ? w : op.mul(w, op.reshape(gain(model, module), [w.shape[0]!, 1]))
  return { w: scaled, ...(biases.length > 0 && { b: biases.reduce((a, b) => op.add(a, b)) }) }
}

/** What the norms of queries and keys multiply by, with the scale of the queries: [1, H + K, C]. */
function queryKeyGains(model: Model, layer: number): Tensor {
  const { headSize: c, heads, keyValueHeads: kv, qkNorm, queryScale } = model.config
  const m = modulesOf(layer)
  const perHead = (gains: Tensor, n: number) =>
    qkNorm === 'layer' ? [op.reshape(gains, [1, n, c])] : Array.from({ length: n }, () => op.reshape(gains, [1, 1, c]))
  const queries = perHead(op.scale(gain(model, m.qNorm), queryScale), heads)
  return op.concat([...queries, ...perHead(gain(model, m.kNorm), kv)], 1)
}

/** Frees the laid-out weights; the model's own stay. */
export function disposeDecoder({ layers, head }: Decoder): void {
  for (const { qkv, o, inner, down, qkNorm } of layers) {
    for (const { w, b } of [qkv, o, inner, down]) tf.dispose(b ? [w, b] : [w])
    qkNorm?.dispose()
  }
  head.dispose()
}

/**
 * Token ids [B] at positions [B] → hidden states after the last norm, [B, D]. The cache grows by one column, in place.
 */
export function decodeNext(decoder: Decoder, ids: Int32Array, at: Int32Array, cache: KeyValueCache): Tensor {
  const { model } = decoder
  cache.mask = cache.mask.map((row) => Uint8Array.from([...row, 1]))
  const views = openViews(model.config, at, (window) => maskBias(cache, at, window))
  let x = tidy(() => embedded(model, tf.tensor1d(ids, 'int32'), tf.tensor1d(at, 'int32'))) // [B, D]
  decoder.layers.forEach((_, layer) => {
    const past = cache.layers[layer]!
    const { y, k, v } = tidy(() =>
      decodeBlock(decoder, layer, x, { past, prefix: cache.prefix?.[layer], view: views[layer]! }),
    )
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
export const decodeLogits = ({ model, head }: Decoder, hidden: Tensor): Tensor =>
  softCap(op.matmul(hidden, head), model.config.logitCap)

/** x [B, in] → [B, out]. */
function apply(x: Tensor, { w, b }: LinearLayout): Tensor {
  const y = op.matmul(x, w)
  return b ? op.add(y, b) : y
}

/** x [B, D] → y [B, D], and the layer's keys and values with one column more, [B, K, S, C]. */
function decodeBlock(
  { model, layers }: Decoder,
  layer: number,
  x: Tensor,
  { past, prefix, view }: { past: KeysAndValues; prefix: KeysAndValues | undefined; view: LayerView },
): { y: Tensor } & KeysAndValues {
  const layout = layers[layer]!
  const m = modulesOf(layer)
  const { heads, keyValueHeads: kv, headSize: c, normPlaces } = model.config
  const unit = (input: Tensor) => (normPlaces === 'after' ? input : standardize(model, input))
  const b = x.shape[0]!
  const [qk, newV] = op.split(apply(unit(x), layout.qkv), [(heads + kv) * c, kv * c], 1) as [Tensor, Tensor]
  const rotated = normAndRotate(model, op.reshape(qk, [b, heads + kv, c]), layout.qkNorm, view.rotary)
  const [q, newK] = op.split(rotated, [heads, kv], 1) as [Tensor, Tensor]
  const k = op.concat([past.k, op.reshape(newK, [b, kv, 1, c])], 2) // [B, K, S, C]
  const v = op.concat([past.v, op.reshape(newV, [b, kv, 1, c])], 2)
  const attending = { own: { k, v }, prefix, bias: view.bias, cap: model.config.attentionCap }
  const mixed = op.reshape(attend(op.reshape(q, [b, kv, heads / kv, c]), attending), [b, heads * c])
  const x1 = op.add(x, normIfAny(model, m.attentionOutNorm, apply(mixed, layout.o)))
  const inner = activate(model.config, apply(unit(x1), layout.inner))
  return { y: op.add(x1, normIfAny(model, m.mlpOutNorm, apply(inner, layout.down))), k, v }
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
function attend(q: Tensor, { own, prefix, bias, cap }: Attending): Tensor {
  const ownScores = op.batchMatmul(q, own.k, false, true) // [B, K, G, S]
  const weights = (scores: Tensor) => op.softmax(op.add(softCap(scores, cap), bias))
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

/** Queries and keys [B, H + K, C] → the same, normalized and rotated as the family does it. @param gains of the norms */
function normAndRotate(model: Model, qk: Tensor, gains: Tensor | undefined, rotary: Rotary | undefined): Tensor {
  const normed = gains ? op.mul(standardizeHeads(model, qk), gains) : qk
  return rotary ? rotate(normed, rotary) : normed
}

/** Queries and keys [B, H + K, C] → the same, each head scaled to unit size, or all queries and all keys as one. */
function standardizeHeads(model: Model, qk: Tensor): Tensor {
  const [b, n, c] = qk.shape as [number, number, number]
  const { heads, keyValueHeads: kv, qkNorm } = model.config
  const unit = (part: Tensor, rows: number, size: number) => standardize(model, op.reshape(part, [rows, size]))
  if (qkNorm === 'head') return op.reshape(unit(qk, b * n, c), [b, n, c])
  const [q, k] = op.split(qk, [heads, kv], 1) as [Tensor, Tensor]
  return op.reshape(op.concat([unit(q, b, heads * c), unit(k, b, kv * c)], 1), [b, n, c])
}

/** The MLP's inner features [B, 2F] (gate, up) or [B, F] → [B, F]. */
function activate({ mlp, intermediateSize: f }: ModelConfig, inner: Tensor): Tensor {
  if (mlp === 'gelu') return gelu(inner)
  const [gate, up] = op.split(inner, [f, f], 1) as [Tensor, Tensor]
  return op.mul(activated(mlp, gate), up)
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
