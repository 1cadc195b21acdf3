// Decoding: one more token for each row of a batch, as fast as memory allows. With matrices of this size most of the
// time goes into reading the weights. So they are laid out once for the whole continuation: transposed (the kernel for
// a transposed right side reads them at half speed, see docs/decisions/0001-decoding-weights.md), query/key/value and
// gate/up concatenated, norms, scales and adapters multiplied in.
//
// Shapes as in attention.ts, but: B rows, one token each; S tokens of a row so far, without the P tokens of the shared
// prefix; F inner size of the MLP, V vocabulary.
import type { KeysAndValues } from './attention'
import type { ModelConfig } from './config'
import { mergedWeight } from './linear'
import { gelu } from './mlp'
import { weight, type Model } from './model'
import { norm, standardize } from './norms'
import * as op from './ops'
import { disposeRotary, rotate, rotaryTables, type Rotary } from './rotary'
import { tf, tidy, type Tensor } from './tf'
import { EMBEDDING, headName, LAST_NORM, modulesOf, POSITIONS } from './weight-names'

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
  const { headSize: c, heads, keyValueHeads: kv, qkNorm, mlp } = model.config
  const m = modulesOf(layer)
  const queryScale = 1 / Math.sqrt(c)
  return tidy(() => ({
    qkv: afterNorm(model, m.inputNorm, [
      linearLayout(model, m.q, qkNorm ? 1 : queryScale),
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
    ...(qkNorm && {
      qkNorm: headNorms(
        op.scale(weight(model, `${m.qNorm}.weight`), queryScale),
        heads,
        weight(model, `${m.kNorm}.weight`),
        kv,
      ),
    }),
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
 * Linear layers concatenated, with weight n and bias m of the norm before them multiplied in:
 * (u · n + m) w + b = u (n w) + (m w + b).
 */
function afterNorm(model: Model, module: string, parts: LinearLayout[]): LinearLayout {
  const joined = (tensors: Tensor[], axis: number) => (tensors.length > 1 ? op.concat(tensors, axis) : tensors[0]!)
  const w = joined(
    parts.map((part) => part.w),
    1,
  )
  const column = op.reshape(weight(model, `${module}.weight`), [w.shape[0]!, 1])
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
  return { w: op.mul(w, column), ...(biases.length > 0 && { b: biases.reduce((a, b) => op.add(a, b)) }) }
}

/** Norm weights of queries and keys, [C] each, repeated for every head: [1, H + K, C]. */
const headNorms = (q: Tensor, heads: number, k: Tensor, kv: number) =>
  op.concat(
    [
      ...Array.from({ length: heads }, () => op.reshape(q, [1, 1, q.size])),
      ...Array.from({ length: kv }, () => op.reshape(k, [1, 1, k.size])),
    ],
    1,
  )

/** Frees the laid-out weights; the model's own stay. */
export function disposeDecoder({ layers, head }: Decoder): void {
  for (const { qkv, o, inner, down, qkNorm } of layers) {
    for (const { w, b } of [qkv, o, inner, down]) tf.dispose(b ? [w, b] : [w])
    qkNorm?.dispose()
  }
  head.dispose()
}

/** What all layers of one step share. */
interface Step {
  rotary: Rotary | undefined
  bias: Tensor // [B, 1, 1, S]
}

/**
 * Token ids [B] at positions [B] → hidden states after the last norm, [B, D]. The cache grows by one column, in place.
 */
export function decodeNext(decoder: Decoder, ids: Int32Array, at: Int32Array, cache: KeyValueCache): Tensor {
  const { model } = decoder
  cache.mask = cache.mask.map((row) => Uint8Array.from([...row, 1]))
  const step: Step = { rotary: rotaryTables(model.config, at), bias: maskBias(cache.mask) }
  let x = tidy(() => embed(model, ids, at)) // [B, D]
  decoder.layers.forEach((_, layer) => {
    const past = cache.layers[layer]!
    const { y, k, v } = tidy(() => decodeBlock(decoder, layer, x, { past, prefix: cache.prefix?.[layer], ...step }))
    tf.dispose([x, past.k, past.v])
    cache.layers[layer] = { k, v }
    x = y
  })
  const hidden = tidy(() => norm(model, LAST_NORM, x))
  tf.dispose([x, step.bias])
  disposeRotary(step.rotary)
  return hidden
}

/** Hidden states [B, D] → logits [B, V]. */
export const decodeLogits = (decoder: Decoder, hidden: Tensor): Tensor => op.matmul(hidden, decoder.head)

/** [B, D] */
function embed(model: Model, ids: Int32Array, at: Int32Array): Tensor {
  const tokens = op.gatherRows(weight(model, EMBEDDING), tf.tensor1d(ids, 'int32'))
  return model.config.rope ? tokens : op.add(tokens, op.gatherRows(weight(model, POSITIONS), tf.tensor1d(at, 'int32')))
}

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
  { past, prefix, rotary, bias }: Step & { past: KeysAndValues; prefix: KeysAndValues | undefined },
): { y: Tensor } & KeysAndValues {
  const layout = layers[layer]!
  const { heads, keyValueHeads: kv, headSize: c } = model.config
  const b = x.shape[0]!
  const [qk, newV] = op.split(apply(standardize(model, x), layout.qkv), [(heads + kv) * c, kv * c], 1) as [
    Tensor,
    Tensor,
  ]
  const rotated = normAndRotate(
    model,
    op.reshape(qk, [b, heads + kv, c]),
    layout.qkNorm,
    model.config.rotaryLayers[layer] ? rotary : undefined,
  )
  const [q, newK] = op.split(rotated, [heads, kv], 1) as [Tensor, Tensor]
  const k = op.concat([past.k, op.reshape(newK, [b, kv, 1, c])], 2) // [B, K, S, C]
  const v = op.concat([past.v, op.reshape(newV, [b, kv, 1, c])], 2)
  const mixed = op.reshape(attend(op.reshape(q, [b, kv, heads / kv, c]), { k, v }, bias, prefix), [b, heads * c])
  const x1 = op.add(x, apply(mixed, layout.o))
  return {
    y: op.add(x1, apply(activate(model.config, apply(standardize(model, x1), layout.inner)), layout.down)),
    k,
    v,
  }
}

/**
 * Attention of queries [B, K, G, C] over the prefix and the row's own keys → [B, K, G, C]. Over the prefix, the queries
 * of all rows are one matrix.
 */
function attend(q: Tensor, own: KeysAndValues, bias: Tensor, prefix: KeysAndValues | undefined): Tensor {
  const ownScores = op.add(op.batchMatmul(q, own.k, false, true), bias) // [B, K, G, S]
  if (!prefix) return op.batchMatmul(op.softmax(ownScores), own.v)
  const [b, kv, g] = q.shape as [number, number, number]
  const together = (x: Tensor) => op.reshape(op.transpose(x, [1, 0, 2, 3]), [1, kv, b * g, x.shape[3]!])
  const apart = (x: Tensor) => op.transpose(op.reshape(x, [kv, b, g, x.shape[3]!]), [1, 0, 2, 3])
  const prefixScores = apart(op.batchMatmul(together(q), prefix.k, false, true)) // [B, K, G, P]
  const [overPrefix, overOwn] = op.split(
    op.softmax(op.concat([prefixScores, ownScores], 3)),
    [prefixScores.shape[3]!, ownScores.shape[3]!],
    3,
  ) as [Tensor, Tensor]
  return op.add(apart(op.batchMatmul(together(overPrefix), prefix.v)), op.batchMatmul(overOwn, own.v))
}

/** Queries and keys [B, H + K, C] → the same, normalized and rotated as the family does it. */
function normAndRotate(model: Model, qk: Tensor, qkNorm: Tensor | undefined, rotary: Rotary | undefined): Tensor {
  const [b, n, c] = qk.shape as [number, number, number]
  const normed = qkNorm ? op.mul(op.reshape(standardize(model, op.reshape(qk, [b * n, c])), [b, n, c]), qkNorm) : qk
  return rotary ? rotate(normed, rotary) : normed
}

/** The MLP's inner features [B, 2F] (gate, up) or [B, F] → [B, F]. */
function activate({ mlp, intermediateSize: f }: ModelConfig, inner: Tensor): Tensor {
  if (mlp === 'gelu') return gelu(inner)
  const [gate, up] = op.split(inner, [f, f], 1) as [Tensor, Tensor]
  return op.mul(op.mul(gate, op.sigmoid(gate)), up)
}

/** The mask as a term of the attention scores: [B, 1, 1, S]. */
function maskBias(mask: readonly Uint8Array[]): Tensor {
  const s = mask[0]!.length
  const bias = new Float32Array(mask.length * s)
  mask.forEach((row, r) => row.forEach((real, j) => (bias[r * s + j] = real ? 0 : -1e9)))
  return tf.tensor4d(bias, [mask.length, 1, 1, s])
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
