// Token ids of very many sequences: a list of numbers takes eight bytes for each, here it is four, and what holds them is
// one object for a million.

/** Of one block. */
const BLOCK = 1 << 20

/** Keeps token ids. */
export interface TokenStore {
  /** @returns what makes a list of them again, a new one at each call */
  keep(ids: readonly number[]): () => number[]
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
      const kept = block.subarray(used, used + ids.length)
      kept.set(ids)
      used += ids.length
      return () => Array.from(kept)
    },
  }
}

/** A sequence whose tokens are in a store; `prompt` may be shared with others. */
export function keptSequence(
  prompt: () => number[],
  response: () => number[],
): { readonly prompt: number[]; readonly response: number[] } {
  return {
    get prompt() {
      return prompt()
    },
    get response() {
      return response()
    },
  }
}
