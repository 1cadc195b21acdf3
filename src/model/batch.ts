// Rows of token ids as one padded rectangle. Padding is marked by the mask, never by an id: a pad id may equal a real
// one.
import { largest } from '../extremes'

/** `batch` rows of `time` tokens each, padding included. */
export interface TokenBatch {
  batch: number
  time: number
  /** Row-major; where `mask` is 0 the id has no meaning. */
  ids: Int32Array // [batch · time]
  /** 1 for a real token, 0 for padding. */
  mask: Uint8Array // [batch · time]
}

function pad(rows: readonly (readonly number[])[], side: 'left' | 'right'): TokenBatch {
  const time = largest(
    rows.map((row) => row.length),
    1,
  )
  const batch: TokenBatch = {
    batch: rows.length,
    time,
    ids: new Int32Array(rows.length * time),
    mask: new Uint8Array(rows.length * time),
  }
  rows.forEach((row, r) => {
    const start = r * time + (side === 'left' ? time - row.length : 0)
    batch.ids.set(row, start)
    batch.mask.fill(1, start, start + row.length)
  })
  return batch
}

/** Pads on the left, for generation: every row ends at the last column, where the next token is sampled. */
export const padLeft = (rows: readonly (readonly number[])[]): TokenBatch => pad(rows, 'left')
/** Pads on the right, for training and scoring. */
export const padRight = (rows: readonly (readonly number[])[]): TokenBatch => pad(rows, 'right')

/** The position of each token in its own row, counting real tokens only, from `first`: [batch · time]. */
export function positions(batch: TokenBatch, first = 0): Int32Array {
  const out = new Int32Array(batch.ids.length)
  for (let row = 0; row < batch.batch; row++) {
    let next = first
    for (let i = row * batch.time; i < (row + 1) * batch.time; i++) {
      out[i] = next
      next += batch.mask[i]!
    }
  }
  return out
}

/** Flat index of the last real token of each row: [batch]. @throws when a row has no token */
export function lastTokens(batch: TokenBatch): Int32Array {
  return Int32Array.from({ length: batch.batch }, (_, row) => {
    for (let t = batch.time - 1; t >= 0; t--) if (batch.mask[row * batch.time + t]) return row * batch.time + t
    throw new Error(`model: row ${row} of the batch has no token`)
  })
}

/**
 * Splits items into groups of at most `tokens` padded tokens and at most `most` items, in their order. Every group has
 * at least one item, however long.
 */
export function groupByTokens<T>(
  items: readonly T[],
  length: (item: T) => number,
  tokens: number,
  most = Infinity,
): T[][] {
  const groups: T[][] = []
  let longest = 0
  for (const item of items) {
    const group = groups.at(-1)
    longest = Math.max(longest, length(item))
    if (group && group.length < most && (group.length + 1) * longest <= tokens) group.push(item)
    else {
      groups.push([item])
      longest = length(item)
    }
  }
  return groups
}
