// Student's t-test and the t-distribution (Student, 1908).
import type { Interval } from './bootstrap'

/** A mean with its 95 % confidence interval and t-test. */
export interface TTest extends Interval {
  n: number
  /** Two-sided p-value against a mean of 0; NaN where it cannot be tested. */
  p: number
}

/**
 * One-sample t-test: the mean of the values, its 95 % interval, and the test against a mean of 0. For a paired test
 * pass the differences. Values that are all equal have no variance to estimate: then p is that of the exact sign test,
 * and there is no interval.
 */
export function tTest(values: readonly number[]): TTest {
  const n = values.length
  const value = values.reduce((a, b) => a + b, 0) / n
  if (n < 2) return { value, low: NaN, high: NaN, n, p: NaN }
  const variance = values.reduce((sum, one) => sum + (one - value) ** 2, 0) / (n - 1)
  const error = Math.sqrt(variance / n)
  if (error <= Number.EPSILON * 8 * Math.abs(value))
    return { value, low: NaN, high: NaN, n, p: value === 0 ? 1 : 2 * 0.5 ** n }
  const half = tQuantile(0.975, n - 1) * error
  return { value, low: value - half, high: value + half, n, p: 2 * (1 - tCdf(Math.abs(value / error), n - 1)) }
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
