// Proportions: confidence intervals, exact tests, and the correction of several tests.

/** Below this p-value a finding is called significant, "beyond noise" in the reports. */
export const SIGNIFICANCE_LEVEL = 0.05

/** A proportion of n with its 95 % confidence interval. */
export interface Share {
  value: number
  low: number
  high: number
  n: number
}

/** The 97.5 % quantile of the standard normal distribution: 95 % of it lies within ± this value. */
export const Z95 = 1.959963984540054

/**
 * Wilson's score interval of a proportion (Wilson, 1927); it stays within [0, 1] and has good coverage for small n.
 * @param successes may be fractional: a tie counts as one half
 */
export function wilson(successes: number, n: number): Share {
  if (n === 0) return { value: NaN, low: 0, high: 1, n }
  const p = successes / n
  const z2 = Z95 * Z95
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n)
  const half = (Z95 * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n))) / (1 + z2 / n)
  return { value: p, low: Math.max(0, centre - half), high: Math.min(1, centre + half), n }
}

/** log C(n, k) by summing logarithms; accurate enough for n in the thousands. */
function logChoose(n: number, k: number): number {
  let sum = 0
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i)
  return sum
}

/** Two-sided exact binomial test of k successes in n against a proportion of one half. @returns the p-value */
export function binomialTest(k: number, n: number): number {
  const tail = Math.min(k, n - k)
  let sum = 0
  for (let i = 0; i <= tail; i++) sum += Math.exp(logChoose(n, i) - n * Math.LN2)
  return Math.min(1, 2 * sum)
}

/**
 * Exact McNemar test of two raters on the same items.
 * @param onlyFirst number of items that only the first rater got right
 * @param onlySecond number of items that only the second rater got right
 * @returns the p-value
 */
export const mcnemarTest = (onlyFirst: number, onlySecond: number): number =>
  onlyFirst + onlySecond === 0 ? 1 : binomialTest(onlyFirst, onlyFirst + onlySecond)

/**
 * Holm's correction of several p-values: it bounds the probability of any false positive among them (family-wise error
 * rate), whatever their dependence. With weights, a hypothesis is tested at its share of the level, and the share of a
 * rejected one passes to those left, in proportion to their weights (Holm, 1979, weighted procedure; as a graph: Bretz
 * et al., 2009).
 * @param weights positive; default: equal ones
 * @returns adjusted p-values, in the given order
 */
export function holm(pValues: readonly number[], weights: readonly number[] = pValues.map(() => 1)): number[] {
  const order = pValues
    .map((p, i) => ({ p, weight: weights[i]!, i }))
    .sort((a, b) => a.p / a.weight - b.p / b.weight || b.weight - a.weight)
  const adjusted = new Array<number>(pValues.length)
  let left = weights.reduce((a, b) => a + b, 0)
  let largest = 0
  for (const { p, weight, i } of order) {
    largest = Math.max(largest, Math.min(1, (p * left) / weight))
    adjusted[i] = largest
    left -= weight
  }
  return adjusted
}

/** Exact sign test of outcomes in [0, 1] against even chances; ties (½) are left out. @returns the p-value */
export function signTest(outcomes: readonly number[]): number {
  const decided = outcomes.filter((outcome) => outcome !== 0.5)
  return binomialTest(decided.filter((outcome) => outcome > 0.5).length, decided.length)
}
