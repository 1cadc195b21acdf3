// Causal grouped-query self-attention. The G query heads of one key head are stacked along time, so that keys are never
// repeated. Shapes: B batch, T time, D hidden, H heads, K key/value heads, G = H / K, C head size, P tokens of a shared
// prefix or beginning, S = P + T keys that a query may see, N tokens of a pass: B · T, or P + B · T with a beginning.
//
// Of a prefix there are only its keys and values, from an earlier pass. A beginning (batch.ts) is part of the pass, and
// gradients reach it from every row.
import { attend, attendBackward, type AttendTape, type AttentionContext } from './attend'
import type { TokenBatch } from './batch'
import { linear, linearBackward } from './linear'
import { operand, type BackwardPass } from './model'
import { normBackward, normIfAny } from './norms'
import * as op from './ops'
import { rotate, rotateBackward } from './rotary'
import { tf, type Tensor } from './tf'
import { MODULES as m } from './weight-names'

/** A backward pass through attention: its forward context, and the gradients so far. */
export type AttentionBackward = AttentionContext & BackwardPass

/** What the forward pass leaves for the backward pass. */
export interface AttentionTape extends AttendTape {
  mixed: Tensor // [N, H·C]
  /** Queries and keys before their norm, if they have one: [N · heads, C], or [N, heads · C] if all heads are one. */
  rawQ?: Tensor
  rawK?: Tensor
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
  const { model } = context
  const { heads, keyValueHeads: kv, queryScale } = model.config
  const query = normAndRotate(context, linear(model, m.q, h), heads, m.qNorm)
  const key = normAndRotate(context, linear(model, m.k, h), kv, m.kNorm)
  const rows = {
    q: operand(model, op.scale(query.rotated, queryScale)), // [N, H, C]
    k: operand(model, key.rotated), // [N, K, C]
    v: linear(model, m.v, h), // [N, K·C]
  }
  const { mixed, tape } = attend(context, rows)
  const raw = { ...(query.raw && { rawQ: query.raw }), ...(key.raw && { rawK: key.raw }) }
  return { out: linear(model, m.o, mixed), tape: { ...tape, mixed, ...raw } }
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
  const { heads, keyValueHeads: kv, headSize: c, queryScale } = pass.model.config
  const d = attendBackward(pass, linearBackward(pass, m.o, dOut, tape.mixed), tape)
  const perHead = (x: Tensor, n: number) => op.reshape(x, [x.shape[0]!, n, c])
  const dRawQ = normAndRotateBackward(pass, perHead(op.scale(d.q, queryScale), heads), tape.rawQ, m.qNorm)
  const fromQ = linearBackward(pass, m.q, dRawQ, h)
  const dRawK = normAndRotateBackward(pass, perHead(d.k, kv), tape.rawK, m.kNorm)
  const fromK = linearBackward(pass, m.k, dRawK, h)
  const fromV = linearBackward(pass, m.v, d.v, h)
  return op.add(op.add(fromQ, fromK), fromV)
}
