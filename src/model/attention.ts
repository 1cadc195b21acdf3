// Causal self-attention with grouped queries. The G query heads of one key head are stacked along time, so that keys are never
// repeated. Shapes: N = batch · time rows, D hidden, H heads, K key/value heads, G = H / K, C head size, T time,
// S keys that a query may see.
import type { TokenBatch } from './batch'
import { linear, linearBackward } from './linear'
import type { GradientRecord, Model } from './model'
import { norm, normBackward } from './norms'
import * as op from './ops'
import { rotate, rotateBackward, type Rotary } from './rotary'
import { tf, type Tensor } from './tf'
import { modulesOf } from './weight-names'

export interface AttentionContext {
  model: Model
  batch: number
  time: number
  rotary: Rotary | undefined
  /** [B or 1, 1, T, S]: 0 where a query may look, a large negative number where it may not. */
  bias: Tensor
  /** Of each layer: keys and values of a prefix that every row shares, [1, K, P, C]; then S = P + T, else S = T. */
  prefix?: readonly KeysAndValues[]
}

/** Of one layer: [B, K, T, C] each. */
export type KeysAndValues = Record<'k' | 'v', Tensor>

export interface AttentionTape {
  q: Tensor // [B, K, G·T, C], scaled by 1/√C
  k: Tensor // [B, K, S, C]
  v: Tensor // [B, K, S, C]
  attention: Tensor // [B, K, G·T, S]
  mixed: Tensor // [N, H·C]
  /** Before their norm, where they have one: [N · heads, C]. */
  rawQ?: Tensor
  rawK?: Tensor
}

const rowsToHeads = (x: Tensor, b: number, t: number, k: number, g: number, c: number) =>
  op.reshape(op.transpose(op.reshape(x, [b, t, k, g, c]), [0, 2, 3, 1, 4]), [b, k, g * t, c])
const headsToRows = (x: Tensor, b: number, t: number, k: number, g: number, c: number) =>
  op.reshape(op.transpose(op.reshape(x, [b, k, g, t, c]), [0, 3, 1, 2, 4]), [b * t, k * g * c])

/** Later tokens and padding cannot be looked at; a shared prefix of `past` tokens can. */
export function attentionBias({ batch: b, time: t, mask }: TokenBatch, past = 0): Tensor {
  const startsReal = Array.from({ length: b }, (_, row) => mask[row * t]).every(Boolean)
  const rows = startsReal ? 1 : b // padding on the right lies in the future of every real token
  const bias = new Float32Array(rows * t * (past + t)).fill(-1e9)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < t; i++) {
      const start = (row * t + i) * (past + t)
      bias.fill(0, start, start + past)
      for (let j = 0; j <= i; j++) if (startsReal || mask[row * t + j]) bias[start + past + j] = 0
    }
  }
  return tf.tensor4d(bias, [rows, 1, t, past + t])
}

/** The prefix's keys or values [1, K, P, C] before those of every row [B, K, T, C]. */
function afterPrefix(prefix: Tensor | undefined, own: Tensor): Tensor {
  if (!prefix) return own
  const everyRow = op.gatherRows(prefix, tf.zeros([own.shape[0]!], 'int32'))
  return op.concat([everyRow, own], 2)
}

/** A query or key from rows [N, heads · C] to [N, heads, C], normalized and turned as the family does it. */
function place(
  x: Tensor,
  heads: number,
  normModule: string,
  layer: number,
  { model, rotary }: AttentionContext,
): { placed: Tensor; raw?: Tensor } {
  const { headSize: c, qkNorm, rotaryLayers } = model.config
  const raw = op.reshape(x, [x.shape[0]! * heads, c])
  const normed = op.reshape(qkNorm ? norm(model, normModule, raw) : raw, [x.shape[0]!, heads, c])
  return { placed: rotaryLayers[layer] ? rotate(normed, rotary!) : normed, ...(qkNorm && { raw }) }
}

/** The way back: dy [N, heads, C] → [N, heads · C]. */
function placeBackward(
  dy: Tensor,
  raw: Tensor | undefined,
  normModule: string,
  layer: number,
  { model, rotary }: AttentionContext,
  gradients: GradientRecord,
): Tensor {
  const [n, heads, c] = dy.shape as [number, number, number]
  const turned = model.config.rotaryLayers[layer] ? rotateBackward(dy, rotary!) : dy
  const back = raw ? normBackward(model, normModule, op.reshape(turned, [n * heads, c]), raw, gradients) : turned
  return op.reshape(back, [n, heads * c])
}

/** h [N, D] → [N, D]. */
export function attention(layer: number, h: Tensor, context: AttentionContext): { out: Tensor; tape: AttentionTape } {
  const { model, batch: b, time: t, bias, prefix } = context
  const { heads, keyValueHeads: kv, headSize: c } = model.config
  const g = heads / kv
  const m = modulesOf(layer)
  const query = place(linear(model, m.q, h), heads, m.qNorm, layer, context)
  const key = place(linear(model, m.k, h), kv, m.kNorm, layer, context)
  const q = rowsToHeads(op.scale(query.placed, 1 / Math.sqrt(c)), b, t, kv, g, c)
  const k = afterPrefix(prefix?.[layer]!.k, rowsToHeads(key.placed, b, t, kv, 1, c))
  const v = afterPrefix(prefix?.[layer]!.v, rowsToHeads(linear(model, m.v, h), b, t, kv, 1, c))
  const s = k.shape[2]!
  const scores = op.reshape(op.batchMatmul(q, k, false, true), [b, heads, t, s])
  const weights = op.reshape(op.softmax(op.add(scores, bias)), [b, kv, g * t, s])
  const mixed = headsToRows(op.batchMatmul(weights, v), b, t, kv, g, c)
  const raw = { ...(query.raw && { rawQ: query.raw }), ...(key.raw && { rawK: key.raw }) }
  return { out: linear(model, m.o, mixed), tape: { q, k, v, attention: weights, mixed, ...raw } }
}

/** Gradient by the output → gradient by h. */
export function attentionBackward(
  layer: number,
  dOut: Tensor,
  h: Tensor,
  tape: AttentionTape,
  context: AttentionContext,
  gradients: GradientRecord,
): Tensor {
  const { model, batch: b, time: t } = context
  const { heads, keyValueHeads: kv, headSize: c } = model.config
  const g = heads / kv
  const m = modulesOf(layer)
  const dMixed = rowsToHeads(linearBackward(model, m.o, dOut, tape.mixed, gradients), b, t, kv, g, c)
  const dV = op.batchMatmul(tape.attention, dMixed, true)
  const weighted = op.mul(op.batchMatmul(dMixed, tape.v, false, true), tape.attention)
  const dScores = op.sub(weighted, op.mul(tape.attention, op.sum(weighted, 3, true)))
  const dQ = op.scale(headsToRows(op.batchMatmul(dScores, tape.k), b, t, kv, g, c), 1 / Math.sqrt(c))
  const dK = headsToRows(op.batchMatmul(dScores, tape.q, true), b, t, kv, 1, c)
  const perHead = (x: Tensor, n: number) => op.reshape(x, [b * t, n, c])
  const fromQ = linearBackward(
    model,
    m.q,
    placeBackward(perHead(dQ, heads), tape.rawQ, m.qNorm, layer, context, gradients),
    h,
    gradients,
  )
  const fromK = linearBackward(
    model,
    m.k,
    placeBackward(perHead(dK, kv), tape.rawK, m.kNorm, layer, context, gradients),
    h,
    gradients,
  )
  const fromV = linearBackward(model, m.v, headsToRows(dV, b, t, kv, 1, c), h, gradients)
  return op.add(op.add(fromQ, fromK), fromV)
}
