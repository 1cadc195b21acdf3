// Intervals of any figure by drawing the prompts again, with replacement (Efron, 1979; percentile method).
import { mean } from '../mean'
import { uniformStream } from '../random'
import { Z95 } from './statistics'

export interface Interval {
  value: number
  low: number
  high: number
}

const DRAWS = 2000

/**
 * The figure of all prompts with its 95 % interval.
 * @param figure of the prompts with these indices; one that is not a number for a draw leaves that draw out
 */
export function bootstrap(
  n: number,
  figure: (indices: readonly number[]) => number,
  seed: number,
  draws = DRAWS,
): Interval {
  const value = figure(Array.from({ length: n }, (_, i) => i))
  const random = uniformStream([seed, 'bootstrap'])
  const drawn: number[] = []
  for (let draw = 0; draw < draws; draw++) {
    const again = figure(Array.from({ length: n }, () => Math.floor(n * random())))
    if (Number.isFinite(again)) drawn.push(again)
  }
  drawn.sort((a, b) => a - b)
  return { value, low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) }
}

/**
 * For figures that drawing with replacement distorts, such as shares of different words: what they change by when a group of prompts is
 * left out (delete-a-group jackknife, Quenouille 1956, Tukey 1958).
 */
export function jackknife(
  n: number,
  figure: (indices: readonly number[]) => number,
  groups = Math.min(n, 40),
): Interval {
  const all = Array.from({ length: n }, (_, i) => i)
  const value = figure(all)
  if (groups < 2) return { value, low: NaN, high: NaN }
  const without = Array.from({ length: groups }, (_, group) => figure(all.filter((i) => i % groups !== group)))
  const centre = mean(without)
  const half = Z95 * Math.sqrt(((groups - 1) / groups) * without.reduce((sum, one) => sum + (one - centre) ** 2, 0))
  return { value, low: value - half, high: value + half }
}

/** Linear between order statistics, as numpy's default. @param sorted in ascending order */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return NaN
  const at = share * (sorted.length - 1)
  const below = Math.floor(at)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!)
}

/** Mean over prompts with its interval. */
export const bootstrapMean = (values: readonly number[], seed: number): Interval =>
  bootstrap(values.length, (indices) => indices.reduce((sum, i) => sum + values[i]!, 0) / indices.length, seed)
