// One more token for each row of a batch, as fast as memory allows: at this size of matrix, reading the weights is the work.
// So weights are laid out once for the whole continuation: transposed (the kernel for a transposed right side reads them at half
// speed, see docs/decisions/0001-decoding-weights.md), query/key/value and gate/up side by side, norms, scales and adapters
// multiplied in.
//
// Shapes as in attention.ts; B rows, one token each, S tokens of a row so far, after P that all rows share; F = MLP's inner size.
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

/** A linear layer ready for x · w + b. */
interface Layout {
  w: Tensor // [in, out]
  b?: Tensor // [out]
}
interface LayerLayout {
  qkv: Layout // out = (H + 2K) · C
  o: Layout
  inner: Layout // out = 2F (gate, up) or F
  down: Layout
  /** Of queries and keys, [1, H + K, C], where they are normalized. */
  qkNorm?: Tensor
}
export interface Decoder {
  model: Model
  layers: LayerLayout[]
  head: Tensor // [D, V]
}

/** Keys and values of every layer so far, and which of the S columns are real. */
export interface KeyValueCache {
  layers: KeysAndValues[]
  /** One for each row, S long. */
  mask: Uint8Array[]
  /** Of each layer, what all rows begin with, [1, K, P, C]: kept once, not once a row. */
  prefix?: readonly KeysAndValues[] | undefined
}

/** Lays a model's weights out for decoding; they take as much memory as the model's own. */
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

function linearLayout(model: Model, module: string, factor = 1): Layout {
  const scaled = (x: Tensor) => (factor === 1 ? x : op.scale(x, factor))
  const bias = model.weights.get(`${module}.bias`)
  return {
    w: scaled(op.transpose(mergedWeight(model, module), [1, 0])),
    ...(bias && { b: op.add(scaled(bias), op.scalar(0)) }),
  } // never the model's own tensor
}

/** Layers side by side, with the weight and bias of the norm before them multiplied in: (u · n + m) w + b = u (n w) + (m w + b). */
function afterNorm(model: Model, module: string, parts: Layout[]): Layout {
  const side = (tensors: Tensor[], axis: number) => (tensors.length > 1 ? op.concat(tensors, axis) : tensors[0]!)
  const w = side(
    parts.map((part) => part.w),
    1,
  )
  const column = op.reshape(weight(model, `${module}.weight`), [w.shape[0]!, 1])
  const normBias = model.weights.get(`${module}.bias`)
  const biases = [
    ...(parts[0]!.b
      ? [
          side(
            parts.map((part) => part.b!),
            0,
          ),
        ]
      : []),
    ...(normBias ? [op.reshape(op.matmul(op.reshape(normBias, [1, w.shape[0]!]), w), [w.shape[1]!])] : []),
  ]
  return { w: op.mul(w, column), ...(biases.length > 0 && { b: biases.reduce((a, b) => op.add(a, b)) }) }
}

const headNorms = (q: Tensor, heads: number, k: Tensor, kv: number) =>
  op.concat(
    [
      ...Array.from({ length: heads }, () => op.reshape(q, [1, 1, q.size])),
      ...Array.from({ length: kv }, () => op.reshape(k, [1, 1, k.size])),
    ],
    1,
  )

export function disposeDecoder({ layers, head }: Decoder): void {
  for (const { qkv, o, inner, down, qkNorm } of layers) {
    for (const { w, b } of [qkv, o, inner, down]) tf.dispose(b ? [w, b] : [w])
    qkNorm?.dispose()
  }
  head.dispose()
}

interface Step {
  rotary: Rotary | undefined
  bias: Tensor // [B, 1, 1, S]
}

/** The token ids [B] at the given positions → hidden [B, D]. The cache grows in place. */
export function decodeNext(decoder: Decoder, ids: Int32Array, at: Int32Array, cache: KeyValueCache): Tensor {
  const { model } = decoder
  cache.mask = cache.mask.map((row) => Uint8Array.from([...row, 1]))
  const step: Step = { rotary: rotaryTables(model.config, at), bias: maskBias(cache.mask) }
  let x = tidy(() => embed(model, ids, at)) // [B, D]
  decoder.layers.forEach((layout, layer) => {
    const past = cache.layers[layer]!
    const { y, k, v } = tidy(() => decodeBlock(decoder, layout, layer, x, past, cache.prefix?.[layer], step))
    tf.dispose([x, past.k, past.v])
    cache.layers[layer] = { k, v }
    x = y
  })
  const hidden = tidy(() => norm(model, LAST_NORM, x))
  tf.dispose([x, step.bias])
  disposeRotary(step.rotary)
  return hidden
}

/** hidden [B, D] → logits [B, V]. */
export const decodeLogits = (decoder: Decoder, hidden: Tensor): Tensor => op.matmul(hidden, decoder.head)

function embed(model: Model, ids: Int32Array, at: Int32Array): Tensor {
  const tokens = op.gatherRows(weight(model, EMBEDDING), tf.tensor1d(ids, 'int32'))
  return model.config.rope ? tokens : op.add(tokens, op.gatherRows(weight(model, POSITIONS), tf.tensor1d(at, 'int32')))
}

function apply(x: Tensor, { w, b }: Layout): Tensor {
  const y = op.matmul(x, w)
  return b ? op.add(y, b) : y
}

function decodeBlock(
  { model }: Decoder,
  layout: LayerLayout,
  layer: number,
  x: Tensor,
  past: KeysAndValues,
  prefix: KeysAndValues | undefined,
  { rotary, bias }: Step,
): { y: Tensor } & KeysAndValues {
  const { heads, keyValueHeads: kv, headSize: c } = model.config
  const b = x.shape[0]!
  const [qk, newV] = op.split(apply(standardize(model, x), layout.qkv), [(heads + kv) * c, kv * c], 1) as [
    Tensor,
    Tensor,
  ]
  const placed = place(
    model,
    op.reshape(qk, [b, heads + kv, c]),
    layout.qkNorm,
    model.config.rotaryLayers[layer] ? rotary : undefined,
  )
  const [q, newK] = op.split(placed, [heads, kv], 1) as [Tensor, Tensor]
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

/** Queries [B, K, G, C] over the prefix and a row's own keys → [B, K, G, C]. Over the prefix, the queries of all rows are one matrix. */
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

/** Queries and keys [B, H + K, C], normalized and turned as the family does it. */
function place(model: Model, qk: Tensor, qkNorm: Tensor | undefined, rotary: Rotary | undefined): Tensor {
  const [b, n, c] = qk.shape as [number, number, number]
  const normed = qkNorm ? op.mul(op.reshape(standardize(model, op.reshape(qk, [b * n, c])), [b, n, c]), qkNorm) : qk
  return rotary ? rotate(normed, rotary) : normed
}

function activate({ mlp, intermediateSize: f }: ModelConfig, inner: Tensor): Tensor {
  if (mlp === 'gelu') return gelu(inner)
  const [gate, up] = op.split(inner, [f, f], 1) as [Tensor, Tensor]
  return op.mul(op.mul(gate, op.sigmoid(gate)), up)
}

function maskBias(mask: readonly Uint8Array[]): Tensor {
  const s = mask[0]!.length
  const bias = new Float32Array(mask.length * s)
  mask.forEach((row, r) => row.forEach((real, j) => (bias[r * s + j] = real ? 0 : -1e9)))
  return tf.tensor4d(bias, [mask.length, 1, 1, s])
}

export function disposeCache(cache: KeyValueCache): void {
  for (const { k, v } of cache.layers) tf.dispose([k, v])
}

/** Keeps only the given rows, in the given order. */
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
