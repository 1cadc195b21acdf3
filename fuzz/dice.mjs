// The random choices of one input, by its seed and number.
import { randomFrom } from '../chaos/random.mjs'

export function diceOf(seed, index) {
  const random = randomFrom(seed * 1_000_003 + index)
  const below = (n) => Math.floor(n * random())
  return {
    /** An integer from 0 to n - 1. */
    below,
    pick: (list) => list[below(list.length)],
    /** True once in n times, on average. */
    oneIn: (n) => below(n) === 0,
  }
}
