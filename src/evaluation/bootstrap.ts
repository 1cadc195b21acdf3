// Confidence intervals of any statistic by resampling the prompts: bootstrap and jackknife.
import { mean } from '../mean'
import { uniformStream } from '../random'
import { Z95 } from './statistics'

/** A value with its 95 % confidence interval. */
export interface Interval {
  value: number
  low: number
  high: number
}

const RESAMPLES = 2000

/**
 * Percentile bootstrap (Efron, 1979): the statistic of all n items with its 95 % interval.
 * @param statistic of the items with these indices; a resample for which it is not finite is left out
 */
export function bootstrap(
  n: number,
  statistic: (indices: readonly number[]) => number,
  seed: number,
  resamples = RESAMPLES,
): Interval {
  const value = statistic(Array.from({ length: n }, (_, i) => i))
  const random = uniformStream([seed, 'bootstrap'])
  const resampled: number[] = []
  for (let i = 0; i < resamples; i++) {
    const other = statistic(Array.from({ length: n }, () => Math.floor(n * random())))
    if (Number.isFinite(other)) resampled.push(other)
  }
  resampled.sort((a, b) => a - b)
  return { value, low: quantile(resampled, 0.025), high: quantile(resampled, 0.975) }
}

/**
 * Delete-a-group jackknife (Quenouille, 1956; Tukey, 1958), for statistics that resampling with replacement biases,
 * such as the share of distinct words: the interval comes from how much the statistic changes when a group of items is
 * left out.
 */
export function jackknife(
  n: number,
  statistic: (indices: readonly number[]) => number,
  groups = Math.min(n, 40),
): Interval {
  const all = Array.from({ length: n }, (_, i) => i)
  const value = statistic(all)
  if (groups < 2) return { value, low: NaN, high: NaN }
  const leftOut = Array.from({ length: groups }, (_, group) => statistic(all.filter((i) => i % groups !== group)))
  const centre = mean(leftOut)
  const half = Z95 * Math.sqrt(((groups - 1) / groups) * leftOut.reduce((sum, one) => sum + (one - centre) ** 2, 0))
  return { value, low: value - half, high: value + half }
}

/** Linear interpolation between order statistics, as numpy's default. @param sorted in ascending order */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return NaN
  const at = share * (sorted.length - 1)
  const below = Math.floor(at)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!)
}

/** The mean with its bootstrap interval. */
export const bootstrapMean = (values: readonly number[], seed: number): Interval =>
  bootstrap(values.length, (indices) => indices.reduce((sum, i) => sum + values[i]!, 0) / indices.length, seed)
