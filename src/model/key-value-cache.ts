// Keys and values of the tokens so far, which decoding reads and adds a column to for each token. In bfloat16 the columns
// of the next tokens are there beforehand and are filled in place: copying the cache at every step took a seventh of the
// processor time, and columns that stay as many keep the shapes of a block's operations. In float32 a column is appended, and
// results stay what they were to the last bit.
//
// B rows; K heads of keys and values; S columns; C head size; P tokens of a prefix that all rows share.
import type { KeysAndValues } from './attend'
import type { Model } from './model'
import * as op from './ops'
import { tf, tidy, type Tensor } from './tf'

export interface KeyValueCache {
  /** One for each layer. */
  layers: KeysAndValues[] // [B, K, S, C] each
  /** Which columns are real tokens; those that are not filled yet are not. */
  mask: Uint8Array[] // [B][S]
  /** Number of columns that are filled; default: all. */
  filled?: number
  /** Columns to make at once where they are filled in place; default: 1. */
  room?: number
  /** Keys and values of the prefix that all rows share, one for each layer; kept once, not once for each row. */
  prefix?: readonly KeysAndValues[] | undefined // [1, K, P, C] each
}

/**
 * Makes place for the newest tokens' keys and values.
 * @returns where they go, as rows of the cache seen as [B · K · S, C]: int32 [B · K]; undefined if they are appended
 */
export function nextColumn({ precision, config }: Model, cache: KeyValueCache): Tensor | undefined {
  const { mask } = cache
  if (precision !== 'bfloat16' || !canReplaceInPlace()) {
    cache.mask = mask.map((row) => Uint8Array.from([...row, 1]))
    return undefined
  }
  const column = cache.filled ?? mask[0]!.length
  if (column === mask[0]!.length) addRoom(cache)
  for (const row of cache.mask) row[column] = 1
  cache.filled = column + 1
  const columns = cache.mask[0]!.length
  const places = Int32Array.from({ length: mask.length * config.keyValueHeads }, (_, i) => i * columns + column)
  return tf.tensor1d(places, 'int32')
}

/** Adds empty columns. */
function addRoom(cache: KeyValueCache): void {
  const room = cache.room ?? 1
  cache.mask = cache.mask.map((row) => {
    const longer = new Uint8Array(row.length + room)
    longer.set(row)
    return longer
  })
  cache.layers = cache.layers.map(({ k, v }) => {
    const longer = tidy(() => {
      const [b, heads, , c] = k.shape as [number, number, number, number]
      const empty = op.half(tf.zeros([b, heads, room, c]))
      return { k: op.concat([op.half(k), empty], 2), v: op.concat([op.half(v), empty], 2) }
    })
    tf.dispose([k, v])
    return longer
  })
}

/**
 * The cache of a layer with the newest tokens' keys and values.
 * @param newest [B, K, C] or [B, K · C] each
 * @param places of `nextColumn`; with them, `past` is changed and must not be used afterwards
 */
export function withNewest(past: KeysAndValues, newest: KeysAndValues, places: Tensor | undefined): KeysAndValues {
  const [b, heads, s, c] = past.k.shape as [number, number, number, number]
  const added = (to: Tensor, x: Tensor) => {
    if (!places) return op.concat([to, op.reshape(x, [b, heads, 1, c])], 2)
    const rows = op.replaceRows(op.reshape(to, [b * heads * s, c]), places, op.reshape(op.half(x), [b * heads, c]))
    return op.reshape(rows, [b, heads, s, c])
  }
  return { k: added(past.k, newest.k), v: added(past.v, newest.v) }
}

let replacesInPlace: boolean | undefined
/** Whether this device has the operation for values in bfloat16. */
function canReplaceInPlace(): boolean {
  return (replacesInPlace ??= tidy(() => {
    try {
      const x = op.half(tf.zeros([2, 1]))
      op.replaceRows(x, tf.tensor1d([1], 'int32'), op.half(tf.ones([1, 1])))
      return true
    } catch {
      return false
    }
  }))
}

/**
 * The mask as a term of the attention scores of the newest tokens: [B, 1, 1, P + S].
 * @param at their positions, [B]
 * @param window a token sees itself and `window` − 1 tokens before it
 */
export function maskBias({ mask, filled, prefix }: KeyValueCache, at: Int32Array, window = Infinity): Tensor {
  const [past, s] = [prefix?.[0]!.k.shape[2] ?? 0, mask[0]!.length]
  const newest = (filled ?? s) - 1
  const bias = new Float32Array(mask.length * (past + s))
  mask.forEach((row, r) => {
    const start = r * (past + s)
    bias.fill(-1e9, start, start + Math.min(past, Math.max(0, at[r]! - window + 1)))
    row.forEach((real, j) => (bias[start + past + j] = real && newest - j < window ? 0 : -1e9))
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
  cache.mask = rows.map((row) => Uint8Array.from(cache.mask[row]!))
}
