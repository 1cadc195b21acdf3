// Rows of token ids as one padded rectangle. Padding is marked by the mask, never by an id: a pad id may equal a real
// one.
import { largest } from '../extremes'

/** `batch` rows of `time` tokens each, padding included. */
export interface TokenBatch {
  batch: number
  time: number
  /** P tokens in front of each row, the same for all: a pass computes them once, so that N = P + batch · time. */
  beginning?: Int32Array // [P]
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

/** The length of what a batch has in front of each row, P. */
export const beginningOf = ({ beginning }: TokenBatch): number => beginning?.length ?? 0

/** The common beginning as a batch of one row. */
export const asRow = (beginning: Int32Array): TokenBatch => padRight([[...beginning]])

/** One value for each of the N tokens of a pass: those of the common beginning, then those of the rows. */
function ofPass(batch: TokenBatch, beginning: ArrayLike<number>, rows: ArrayLike<number>): Int32Array {
  const out = new Int32Array(beginningOf(batch) + batch.ids.length)
  out.set(beginning)
  out.set(rows, beginningOf(batch))
  return out
}

/** Ids of the tokens of a pass: [N]. */
export const idsOf = (batch: TokenBatch): Int32Array => ofPass(batch, batch.beginning ?? [], batch.ids)

/** 1 for a real token of a pass, 0 for padding: [N]. */
export const maskOf = (batch: TokenBatch): Int32Array =>
  ofPass(batch, new Uint8Array(beginningOf(batch)).fill(1), batch.mask)

/** The position of each token of a pass in its own row, counting real tokens only, from `first`: [N]. */
export function positions(batch: TokenBatch, first = 0): Int32Array {
  const before = Int32Array.from({ length: beginningOf(batch) }, (_, i) => first + i)
  const out = new Int32Array(batch.ids.length)
  for (let row = 0; row < batch.batch; row++) {
    let next = first + before.length
    for (let i = row * batch.time; i < (row + 1) * batch.time; i++) {
      out[i] = next
      next += batch.mask[i]!
    }
  }
  return ofPass(batch, before, out)
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
