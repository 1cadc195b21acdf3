// Choosing a token from a distribution over the vocabulary.

export interface SamplingRule {
  /** 0: greedy, the most likely token. */
  temperature: number
  /** Samples from the k most likely tokens; 0, the default: from all. */
  topK?: number | undefined
  /** Then from the fewest most likely tokens that together have at least this probability; 1, the default: from all. */
  topP?: number | undefined
}

/**
 * Chooses a token id.
 * @param probabilities at the sampling temperature, [V]
 * @param u uniform random number in [0, 1); the same u gives the same token
 */
export function chooseToken(
  probabilities: Float32Array,
  { temperature, topK = 0, topP = 1 }: SamplingRule,
  u: number,
): number {
  if (temperature === 0) return argmax(probabilities)
  if (topK === 0 && topP >= 1) return sampleIndex(probabilities, u)
  const mostLikely = topK > 0 ? largest(probabilities, topK) : aboveTail(probabilities, topP)
  const descending = mostLikely.map((id) => probabilities[id]!)
  const kept = nucleus(descending, topP * (topK > 0 ? sum(descending) : sum(probabilities)))
  return mostLikely[sampleIndex(Float32Array.from(kept), u)]!
}

/**
 * Samples from weights [n] by inverting the cumulative distribution: the first index whose running sum exceeds u ·
 * total.
 */
export function sampleIndex(probabilities: Float32Array, u: number): number {
  return indexAt(probabilities, u * sum(probabilities))
}

/** The first index whose running sum exceeds `goal`; that of the largest weight if rounding leaves none. */
export function indexAt(weights: Float32Array, goal: number): number {
  let left = goal
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i]!
    if (left < 0) return i
  }
  return argmax(weights)
}

function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

/** Indices of the k largest values, largest first; among equals the earlier one. */
function largest(values: Float32Array, k: number): number[] {
  const top: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (top.length === k && values[i]! <= values[top[k - 1]!]!) continue
    let at = top.length === k ? k - 1 : top.length
    for (; at > 0 && values[top[at - 1]!]! < values[i]!; at--) top[at] = top[at - 1]!
    top[at] = i
  }
  return top
}

/** Indices, largest first, without values so small that all of them together could not be needed to reach `topP`. */
function aboveTail(values: Float32Array, topP: number): number[] {
  const floor = (1 - topP) / values.length
  const kept: number[] = []
  for (let i = 0; i < values.length; i++) if (values[i]! >= floor) kept.push(i)
  return kept.sort((a, b) => values[b]! - values[a]! || a - b)
}

/** The shortest prefix of probabilities in descending order whose sum reaches `share` (nucleus sampling). */
function nucleus(descending: readonly number[], share: number): readonly number[] {
  let reached = 0
  const last = descending.findIndex((p) => (reached += p) >= share)
  return last < 0 ? descending : descending.slice(0, last + 1)
}

/** Σ of the values, in double precision. */
export function sum(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]!
  return total
}
