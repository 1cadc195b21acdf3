// What queries mix of the values they see, and its backward pass, between the projections of attention.ts. Shapes as
// there.
import type { LayerView } from './layer-views'
import { operand, type Model } from './model'
import * as op from './ops'
import { softCap, softCapBackward } from './soft-cap'
import type { Tensor } from './tf'

/** What the attention of one layer works on. */
export interface AttentionContext {
  model: Model
  batch: number
  time: number
  /** The bias is [B or 1, 1, T, S]. */
  view: LayerView
  /** Keys and values of a prefix that every row shares. */
  prefix?: KeysAndValues | undefined // [1, K, P, C] each
}

/** Keys and values of one layer, [B, K, T, C] each. */
export type KeysAndValues = Record<'k' | 'v', Tensor>

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

/** Keys or values of the prefix [1, K, P, C], then those of every row [B, K, T, C] → [B, K, P + T, C]. */
function afterPrefix(prefix: Tensor | undefined, rows: Tensor): Tensor {
  if (!prefix) return rows
  const repeated = op.broadcastTo(prefix, [rows.shape[0]!, ...prefix.shape.slice(1)])
  return op.concat([repeated, rows], 2)
}

/** One row for each token of a pass: queries [N, H·C], keys and values [N, K·C]; heads may be an axis of their own. */
type Rows = Record<'q' | 'k' | 'v', Tensor>

/** What `attend` leaves for `attendBackward`. */
export interface AttendTape {
  q: Tensor // [B, K, G·T, C], scaled
  k: Tensor // [B, K, S, C]
  v: Tensor // [B, K, S, C]
  /** The weight that each query gives each key. */
  attention: Tensor // [B, K, G·T, S]
  /** The same of a beginning that the rows share, where k and v have it in front of each row. */
  beginningQ?: Tensor // [1, K, G·P, C]
  beginningK?: Tensor // [1, K, P, C]
  beginningV?: Tensor // [1, K, P, C]
  beginningAttention?: Tensor // [1, K, G·P, P]
}
type RowsTape = Pick<AttendTape, 'q' | 'k' | 'v' | 'attention'>

/** What the queries of all tokens mix of the values: [N, H·C]. */
export function attend(context: AttentionContext, { q, k, v }: Rows): { mixed: Tensor; tape: AttendTape } {
  const { view, prefix } = context
  if (!view.beginningBias) return attendRows(context, { q, k, v }, view.bias, prefix)
  const past = view.beginningBias.shape[2]!
  const [[firstQ, ownQ], [firstK, ownK], [firstV, ownV]] = [parted(q, past), parted(k, past), parted(v, past)]
  const first = attendRows(ofBeginning(context, past), { q: firstQ, k: firstK, v: firstV }, view.beginningBias)
  const own = attendRows(context, { q: ownQ, k: ownK, v: ownV }, view.bias, first.tape)
  const beginning = { beginningQ: first.tape.q, beginningK: first.tape.k, beginningV: first.tape.v }
  return {
    mixed: op.concat([first.mixed, own.mixed], 0),
    tape: { ...own.tape, ...beginning, beginningAttention: first.tape.attention },
  }
}

/** Gradient by what `attend` mixed, [N, H·C] → gradients by queries [N, H·C], keys and values [N, K·C]. */
export function attendBackward(
  context: AttentionContext,
  dMixed: Tensor,
  { beginningQ: q, beginningK: k, beginningV: v, beginningAttention: attention, ...tape }: AttendTape,
): Rows {
  const { query, key } = headSizes(context)
  if (!q || !k || !v || !attention) return toRows(attendRowsBackward(context, dMixed, tape), query, key)
  const past = k.shape[2]!
  const [dFirst, dOwn] = parted(dMixed, past)
  const own = attendRowsBackward(context, dOwn, tape)
  const first = attendRowsBackward(ofBeginning(context, past), dFirst, { q, k, v, attention })
  const [ownK, ownV] = [own.k, own.v].map((x) => parted(x, past, 2)) as [Parts, Parts]
  // every row's gradient reaches the beginning
  const all = { q: first.q, k: op.add(first.k, op.sum(ownK[0], 0, true)), v: op.add(first.v, op.sum(ownV[0], 0, true)) }
  const sizes = headSizes(ofBeginning(context, past))
  const before = toRows(all, sizes.query, sizes.key)
  const after = toRows({ q: own.q, k: op.full(ownK[1]), v: op.full(ownV[1]) }, query, key)
  const joined = (name: keyof Rows) => op.concat([before[name], after[name]], 0)
  return { q: joined('q'), k: joined('k'), v: joined('v') }
}

type Parts = [beginning: Tensor, rest: Tensor]

/** The first `past` along an axis, and the rest. */
const parted = (x: Tensor, past: number, axis = 0) => op.split(x, [past, x.shape[axis]! - past], axis) as Parts

/** The beginning as a batch of one row. */
const ofBeginning = (context: AttentionContext, past: number): AttentionContext => ({
  ...context,
  batch: 1,
  time: past,
})

/** Attention of the rows of a batch over themselves and what lies before each. */
function attendRows(
  context: AttentionContext,
  rows: Rows,
  bias: Tensor,
  before?: KeysAndValues,
): { mixed: Tensor; tape: RowsTape } {
  const { model, batch, time } = context
  const { heads, keyValueHeads: kv, attentionCap } = model.config
  const { query, key } = headSizes(context)
  const q = rowsToHeads(rows.q, query) // [B, K, G·T, C]
  const k = afterPrefix(before?.k, rowsToHeads(rows.k, key)) // [B, K, S, C]
  const v = afterPrefix(before?.v, rowsToHeads(rows.v, key)) // [B, K, S, C]
  const s = k.shape[2]!
  const scores = op.reshape(softCap(op.batchMatmul(q, k, false, true), attentionCap), [batch, heads, time, s])
  const weights = op.reshape(op.softmax(op.add(scores, bias)), [batch, kv, (heads / kv) * time, s])
  const attention = operand(model, weights)
  return { mixed: headsToRows(op.batchMatmul(attention, v), query), tape: { q, k, v, attention } }
}

/** Gradients by queries [B, K, G·T, C], keys and values [B, K, S, C]. */
function attendRowsBackward(context: AttentionContext, dMixed: Tensor, { q, k, v, attention }: RowsTape): Rows {
  const { model } = context
  const { attentionCap: cap } = model.config
  const dHeads = rowsToHeads(dMixed, headSizes(context).query) // [B, K, G·T, C]
  const dV = op.batchMatmul(attention, dHeads, true)
  const weighted = op.mul(op.batchMatmul(dHeads, v, false, true), attention)
  const dCapped = op.sub(weighted, op.mul(attention, op.sum(weighted, 3, true))) // [B, K, G·T, S]
  const capped = cap === undefined ? dCapped : softCap(op.batchMatmul(q, k, false, true), cap)
  const dScores = operand(model, softCapBackward(dCapped, capped, cap))
  return { q: op.batchMatmul(dScores, k), k: op.batchMatmul(dScores, q, true), v: dV }
}

const toRows = ({ q, k, v }: Rows, query: HeadSizes, key: HeadSizes): Rows => ({
  q: headsToRows(q, query),
  k: headsToRows(k, key),
  v: headsToRows(v, key),
})
