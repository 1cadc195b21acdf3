// Student's t-tests and the t-distribution (Student, 1908).
import type { Interval } from './bootstrap'

/** A mean with its 95 % confidence interval and t-test. */
export interface TTest extends Interval {
  n: number
  /** Two-sided p-value against a mean of 0; NaN where it cannot be tested. */
  p: number
}

/** Rounding error of a mean of equal values, relative to them. */
const ROUNDING = Number.EPSILON * 8

/**
 * One-sample t-test: the mean of the values, its 95 % interval, and the test against a mean of 0. For a paired test
 * pass the differences. Values that are all equal have no variance to estimate: then p is that of the exact sign test,
 * and there is no interval.
 */
export function tTest(values: readonly number[]): TTest {
  const n = values.length
  const { mean: value, squares } = meanAndSquares(values)
  if (n < 2) return { value, low: NaN, high: NaN, n, p: NaN }
  const error = Math.sqrt(squares / (n - 1) / n)
  if (error <= ROUNDING * Math.abs(value)) return { value, low: NaN, high: NaN, n, p: value === 0 ? 1 : 2 * 0.5 ** n }
  return { n, ...ofMean(value, error, n - 1) }
}

const ofMean = (value: number, error: number, df: number): Omit<TTest, 'n'> => {
  const half = t975(df) * error
  return { value, low: value - half, high: value + half, p: 2 * (1 - tCdf(Math.abs(value / error), df)) }
}

const meanAndSquares = (values: readonly number[]) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  return { mean, squares: values.reduce((sum, one) => sum + (one - mean) ** 2, 0) }
}

/**
 * Student's t-test of two independent samples with a common variance: the difference of their means, first − second.
 * The variance is pooled because the hypothesis tested is that both are draws of one distribution. Samples without any
 * variance have no interval, and p is that of the exact permutation test.
 * @returns with n, the size of the smaller sample; p is NaN where a sample has fewer than two values
 */
export function twoSampleTTest(first: readonly number[], second: readonly number[]): TTest {
  const n = Math.min(first.length, second.length)
  const [a, b] = [meanAndSquares(first), meanAndSquares(second)]
  const value = a.mean - b.mean
  if (n < 2) return { value, low: NaN, high: NaN, n, p: NaN }
  const df = first.length + second.length - 2
  const error = Math.sqrt(((a.squares + b.squares) / df) * (1 / first.length + 1 / second.length))
  const rounding = ROUNDING * Math.max(Math.abs(a.mean), Math.abs(b.mean))
  if (error <= rounding) {
    const p = Math.abs(value) <= rounding ? 1 : permutationP(first.length, second.length)
    return { value, low: NaN, high: NaN, n, p }
  }
  return { n, ...ofMean(value, error, df) }
}

/** Two-sided p of the most extreme of all C(n + m, n) ways to divide the values. */
function permutationP(n: number, m: number): number {
  let ways = 1
  for (let i = 1; i <= n; i++) ways *= (m + i) / i
  return Math.min(1, 2 / ways)
}

/** Cumulative distribution function of Student's t with `df` degrees of freedom. */
export function tCdf(t: number, df: number): number {
  const tail = incompleteBeta(df / (df + t * t), df / 2, 0.5) / 2
  return t > 0 ? 1 - tail : tail
}

/** Quantile function of Student's t with `df` degrees of freedom, by bisection. */
export function tQuantile(p: number, df: number): number {
  let [low, high] = [-1, 1]
  while (tCdf(low, df) > p) low *= 2
  while (tCdf(high, df) < p) high *= 2
  for (let i = 0; i < 200 && high - low > 1e-12 * Math.max(1, Math.abs(low)); i++) {
    const middle = (low + high) / 2
    if (tCdf(middle, df) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

const known975 = new Map<number, number>()
/** The 97.5 % quantile; the same few degrees of freedom come again and again. */
function t975(df: number): number {
  const known = known975.get(df) ?? tQuantile(0.975, df)
  known975.set(df, known)
  return known
}

/** Regularized incomplete beta function I_x(a, b), by its continued fraction (Lentz's method; DLMF 8.17.22). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a
  const TINY = 1e-300
  let c = 1
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), TINY)
  let fraction = d
  for (let m = 1; m < 1000; m++) {
    for (const numerator of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / nonZero(1 + numerator * d, TINY)
      c = nonZero(1 + numerator / c, TINY)
      fraction *= c * d
    }
    if (Math.abs(c * d - 1) < 1e-15) break
  }
  return front * fraction
}

const nonZero = (value: number, tiny: number) => (Math.abs(value) < tiny ? tiny : value)
const logBeta = (a: number, b: number) => logGamma(a) + logGamma(b) - logGamma(a + b)

/** Stirling's series, after the recurrence has raised the argument above 10. */
function logGamma(x: number): number {
  let shift = 0
  for (; x < 10; x++) shift += Math.log(x)
  const x2 = 1 / (x * x)
  return (
    (x - 0.5) * Math.log(x) -
    x +
    0.5 * Math.log(2 * Math.PI) +
    (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680) * x2) * x2) * x2) / x -
    shift
  )
}
