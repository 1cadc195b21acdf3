// Causal grouped-query self-attention. The G query heads of one key head are stacked along time, so that keys are never
// repeated. Shapes: N = batch · time rows, B batch, T time, D hidden, H heads, K key/value heads, G = H / K, C head
// size, P tokens of a shared prefix, S keys that a query may see.
import type { TokenBatch } from './batch'
import { linear, linearBackward } from './linear'
import { operand, type BackwardPass, type Model } from './model'
import type { LayerView } from './layer-views'
import { normBackward, normIfAny } from './norms'
import * as op from './ops'
import { rotate, rotateBackward } from './rotary'
import { softCap, softCapBackward } from './soft-cap'
import { tf, type Tensor } from './tf'
import { MODULES as m } from './weight-names'

/** What the attention of one layer works on. */
export interface AttentionContext {
  model: Model
  batch: number
  time: number
  /** The bias is [B or 1, 1, T, S]. */
  view: LayerView
  /** Keys and values of a prefix that every row shares; then S = P + T, else S = T. */
  prefix?: KeysAndValues | undefined // [1, K, P, C] each
}

/** Keys and values of one layer, [B, K, T, C] each. */
export type KeysAndValues = Record<'k' | 'v', Tensor>

/** A backward pass through attention: its forward context, and the gradients so far. */
export type AttentionBackward = AttentionContext & BackwardPass

/** What the forward pass leaves for the backward pass. */
export interface AttentionTape {
  q: Tensor // [B, K, G·T, C], scaled
  k: Tensor // [B, K, S, C]
  v: Tensor // [B, K, S, C]
  attention: Tensor // [B, K, G·T, S]
  mixed: Tensor // [N, H·C]
  /** Queries and keys before their norm, if they have one: [N · heads, C], or [N, heads · C] if all heads are one. */
  rawQ?: Tensor
  rawK?: Tensor
}

/** Sizes of queries, keys or values; g is 1 for keys and values. */
interface HeadSizes {
  b: number
  t: number
  kv: number
  g: number
  c: number
}

/** [N, K · G · C] → [B, K, G · T, C]. */
const rowsToHeads = (x: Tensor, { b, t, kv, g, c }: HeadSizes) =>
  op.reshape(op.transpose(op.reshape(x, [b, t, kv, g, c]), [0, 2, 3, 1, 4]), [b, kv, g * t, c])
/** [B, K, G · T, C] → [N, K · G · C]. */
const headsToRows = (x: Tensor, { b, t, kv, g, c }: HeadSizes) =>
  op.reshape(op.transpose(op.reshape(x, [b, kv, g, t, c]), [0, 3, 1, 2, 4]), [b * t, kv * g * c])

function headSizes({ model, batch: b, time: t }: AttentionContext): { query: HeadSizes; key: HeadSizes } {
  const { heads, keyValueHeads: kv, headSize: c } = model.config
  return { query: { b, t, kv, g: heads / kv, c }, key: { b, t, kv, g: 1, c } }
}

/**
 * The mask as a term of the attention scores, [B or 1, 1, T, P + T]: later tokens and padding are masked, and what lies
 * before the window.
 * @param past P, the tokens of the shared prefix
 * @param window a token sees itself and `window` − 1 tokens before it
 */
export function attentionBias({ batch: b, time: t, mask }: TokenBatch, past = 0, window = Infinity): Tensor {
  const startsWithToken = Array.from({ length: b }, (_, row) => mask[row * t]).every(Boolean)
  const rows = startsWithToken ? 1 : b // padding on the right is later than every real token
  const bias = new Float32Array(rows * t * (past + t)).fill(-1e9)
  for (let row = 0; row < rows; row++) {
    const padding = startsWithToken ? 0 : Math.max(0, mask.subarray(row * t, (row + 1) * t).indexOf(1))
    for (let i = 0; i < t; i++) {
      const start = (row * t + i) * (past + t)
      const first = past + i - padding - window + 1 // position of the first token in the window
      if (first < past) bias.fill(0, start + Math.max(0, first), start + past)
      for (let j = Math.max(0, i - window + 1); j <= i; j++)
        if (startsWithToken || mask[row * t + j]) bias[start + past + j] = 0
    }
  }
  return tf.tensor4d(bias, [rows, 1, t, past + t])
}

/** Keys or values of the prefix [1, K, P, C], then those of every row [B, K, T, C] → [B, K, P + T, C]. */
function afterPrefix(prefix: Tensor | undefined, rows: Tensor): Tensor {
  if (!prefix) return rows
  const repeated = op.broadcastTo(prefix, [rows.shape[0]!, ...prefix.shape.slice(1)])
  return op.concat([repeated, rows], 2)
}

/**
 * Queries or keys [N, heads · C] → [N, heads, C], normalized and rotated as the family does it; `raw` is before the
 * norm.
 */
export function normAndRotate(
  { model, view: { rotary } }: Pick<AttentionContext, 'model' | 'view'>,
  x: Tensor,
  heads: number,
  normModule: string,
): { rotated: Tensor; raw?: Tensor } {
  const { headSize: c, qkNorm } = model.config
  const raw = op.reshape(x, qkNorm === 'layer' ? [x.shape[0]!, heads * c] : [x.shape[0]! * heads, c])
  const normed = op.reshape(normIfAny(model, normModule, raw), [x.shape[0]!, heads, c])
  return { rotated: rotary ? rotate(normed, rotary) : normed, ...(qkNorm !== 'none' && { raw }) }
}

/** The backward pass of `normAndRotate`: dy [N, heads, C] → gradient by its input, [N, heads · C]. */
export function normAndRotateBackward(
  pass: AttentionBackward,
  dy: Tensor,
  raw: Tensor | undefined,
  normModule: string,
): Tensor {
  const [n, heads, c] = dy.shape as [number, number, number]
  const { rotary } = pass.view
  const unrotated = rotary ? rotateBackward(dy, rotary) : dy
  const back = raw ? normBackward(pass, normModule, op.reshape(unrotated, raw.shape), raw) : unrotated
  return op.reshape(back, [n, heads * c])
}

/** The attention of one layer, with its output projection: h [N, D] → out [N, D]. */
export function attention(h: Tensor, context: AttentionContext): { out: Tensor; tape: AttentionTape } {
  const { model, view, prefix } = context
  const { heads, queryScale, attentionCap } = model.config
  const sizes = headSizes(context)
  const { b, t, kv, g } = sizes.query
  const query = normAndRotate(context, linear(model, m.q, h), heads, m.qNorm)
  const key = normAndRotate(context, linear(model, m.k, h), kv, m.kNorm)
  const q = rowsToHeads(operand(model, op.scale(query.rotated, queryScale)), sizes.query) // [B, K, G·T, C]
  const k = afterPrefix(prefix?.k, rowsToHeads(operand(model, key.rotated), sizes.key)) // [B, K, S, C]
  const v = afterPrefix(prefix?.v, rowsToHeads(linear(model, m.v, h), sizes.key)) // [B, K, S, C]
  const s = k.shape[2]!
  const scores = op.reshape(softCap(op.batchMatmul(q, k, false, true), attentionCap), [b, heads, t, s])
  const weights = operand(model, op.reshape(op.softmax(op.add(scores, view.bias)), [b, kv, g * t, s]))
  const mixed = headsToRows(op.batchMatmul(weights, v), sizes.query) // [N, H·C]
  const raw = { ...(query.raw && { rawQ: query.raw }), ...(key.raw && { rawK: key.raw }) }
  return { out: linear(model, m.o, mixed), tape: { q, k, v, attention: weights, mixed, ...raw } }
}

/**
 * Gradient by the output [N, D] → gradient by h [N, D].
 * @param tape what the forward pass left, with its input h
 */
export function attentionBackward(
  pass: AttentionBackward,
  dOut: Tensor,
  { h, ...tape }: AttentionTape & { h: Tensor },
): Tensor {
  const sizes = headSizes(pass)
  const { b, t, kv, c } = sizes.query
  const { heads, queryScale, attentionCap: cap } = pass.model.config
  const dMixed = rowsToHeads(linearBackward(pass, m.o, dOut, tape.mixed), sizes.query) // [B, K, G·T, C]
  const dV = op.batchMatmul(tape.attention, dMixed, true) // [B, K, S, C]
  const weighted = op.mul(op.batchMatmul(dMixed, tape.v, false, true), tape.attention)
  const dCapped = op.sub(weighted, op.mul(tape.attention, op.sum(weighted, 3, true))) // [B, K, G·T, S]
  const capped = cap === undefined ? dCapped : softCap(op.batchMatmul(tape.q, tape.k, false, true), cap)
  const dScores = operand(pass.model, softCapBackward(dCapped, capped, cap))
  const dQ = op.scale(headsToRows(op.batchMatmul(dScores, tape.k), sizes.query), queryScale) // [N, H·C]
  const dK = headsToRows(op.batchMatmul(dScores, tape.q, true), sizes.key) // [N, K·C]
  const perHead = (x: Tensor, n: number) => op.reshape(x, [b * t, n, c])
  const dRawQ = normAndRotateBackward(pass, perHead(dQ, heads), tape.rawQ, m.qNorm)
  const fromQ = linearBackward(pass, m.q, dRawQ, h)
  const dRawK = normAndRotateBackward(pass, perHead(dK, kv), tape.rawK, m.kNorm)
  const fromK = linearBackward(pass, m.k, dRawK, h)
  const fromV = linearBackward(pass, m.v, headsToRows(dV, sizes.key), h)
  return op.add(op.add(fromQ, fromK), fromV)
}
