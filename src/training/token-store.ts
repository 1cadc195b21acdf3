// Token ids of very many sequences: a list of numbers takes eight bytes for each, here it is four, and what holds them is
// one object for a million.
import type { Sequence } from './gradients'

/** Of one block. */
const BLOCK = 1 << 20

/** Where a list of token ids is. */
export interface Kept {
  readonly block: Int32Array
  readonly from: number
  readonly to: number
}

/** Keeps token ids. */
export interface TokenStore {
  keep(ids: readonly number[]): Kept
}

export function openTokenStore(): TokenStore {
  let block = new Int32Array(BLOCK)
  let used = 0
  return {
    keep(ids) {
      if (used + ids.length > block.length) {
        block = new Int32Array(Math.max(BLOCK, ids.length))
        used = 0
      }
      block.set(ids, used)
      return { block, from: used, to: (used += ids.length) }
    },
  }
}

/** @returns the ids that were kept, a new list at each call */
export const idsOf = ({ block, from, to }: Kept): number[] => Array.from(block.subarray(from, to))

/** A sequence whose tokens are in a store; its prompt may be shared with others. */
export class KeptSequence implements Sequence {
  constructor(
    private readonly ofPrompt: Kept,
    private readonly ofResponse: Kept,
  ) {}

  get prompt(): number[] {
    return idsOf(this.ofPrompt)
  }

  get response(): number[] {
    return idsOf(this.ofResponse)
  }
}
