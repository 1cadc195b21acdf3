// What each seed and each setting contributes to a figure. Trials with the same seed share data, SFT model, labels and
// prompts, so they are one draw of chance, however many they are: tests take one value per seed.
import { mean } from '../mean'
import type { Interval } from './bootstrap'
import { tTest, twoSampleTTest, type TTest } from './student'
import { largest } from '../extremes'

/** A figure of one trial. */
export interface Cell {
  /** Identifies the seed and, of several sweeps, which of them. */
  seed: string
  settings: string
  value: number
}
/** Means that are comparable even where some trials are missing. */
export interface AdjustedMeans {
  bySeed: Map<string, number>
  bySettings: Map<string, number>
}

const MAX_STEPS = 1000
const CONVERGED = 1e-12

/**
 * Least-squares means of the additive model value = settings + seed + noise (Searle, Speed and Milliken, 1980), by
 * alternating projections: a seed in which the weakest settings failed does not look better for it. Where every seed
 * has every setting they are plain means.
 */
export function adjustedMeans(cells: readonly Cell[]): AdjustedMeans {
  const seeds = indexed(cells.map(({ seed }) => seed))
  const settings = indexed(cells.map((cell) => cell.settings))
  const [ofSeed, ofSettings] = [seeds.names.map(() => 0), settings.names.map(() => 0)]
  const values = cells.map(({ value }) => value)
  const scale = largest(values.map(Math.abs), Number.MIN_VALUE)
  for (let step = 0; step < MAX_STEPS; step++) {
    project(ofSettings, settings.at, values, (i) => ofSeed[seeds.at[i]!]!)
    if (project(ofSeed, seeds.at, values, (i) => ofSettings[settings.at[i]!]!) <= CONVERGED * scale) break
  }
  const [seedMean, settingsMean] = [mean(ofSeed), mean(ofSettings)]
  return {
    bySeed: new Map(seeds.names.map((name, i) => [name, ofSeed[i]! + settingsMean])),
    bySettings: new Map(settings.names.map((name, i) => [name, ofSettings[i]! + seedMean])),
  }
}

/** Sets each effect to the mean of what the other effects leave. @returns the largest change */
function project(effects: number[], at: readonly number[], values: readonly number[], other: (i: number) => number) {
  const [sums, counts] = [effects.map(() => 0), effects.map(() => 0)]
  values.forEach((value, i) => {
    sums[at[i]!]! += value - other(i)
    counts[at[i]!]!++
  })
  let largest = 0
  sums.forEach((sum, i) => {
    const next = sum / counts[i]!
    largest = Math.max(largest, Math.abs(next - effects[i]!))
    effects[i] = next
  })
  return largest
}

function indexed(keys: readonly string[]): { names: string[]; at: number[] } {
  const names = [...new Set(keys)]
  const position = new Map(names.map((name, i) => [name, i]))
  return { names, at: keys.map((key) => position.get(key)!) }
}

interface SeedDifference {
  now: number
  before: number
}

const cellKey = ({ seed, settings }: Cell) => `${seed} ${settings}`

/** For each seed that both have: the means over the settings that both have with this seed. */
export function seedDifferences(now: readonly Cell[], before: readonly Cell[]): SeedDifference[] {
  const values = new Map(before.map((cell) => [cellKey(cell), cell.value]))
  const bySeed = new Map<string, SeedDifference[]>()
  for (const cell of now) {
    const other = values.get(cellKey(cell))
    if (other === undefined) continue
    const pair = { now: cell.value, before: other }
    const pairs = bySeed.get(cell.seed)
    if (pairs) pairs.push(pair)
    else bySeed.set(cell.seed, [pair])
  }
  return [...bySeed.values()].map((pairs) => ({
    now: mean(pairs.map(({ now }) => now)),
    before: mean(pairs.map(({ before }) => before)),
  }))
}

/**
 * The change of a figure between two sweeps, now − before, over the settings that both have.
 * @param sameSeeds each seed is compared with itself; else the seeds of the sweeps are two independent samples
 */
export function comparedBySeed(
  now: readonly Cell[],
  before: readonly Cell[],
  sameSeeds: boolean,
): TTest & SeedDifference {
  if (sameSeeds) {
    const pairs = seedDifferences(now, before)
    const means = { now: mean(pairs.map(({ now }) => now)), before: mean(pairs.map(({ before }) => before)) }
    return { ...means, ...tTest(pairs.map(({ now, before }) => now - before)) }
  }
  const [these, those] = [now, before].map((cells) => new Set(cells.map(({ settings }) => settings)))
  const inBoth = ({ settings }: Cell) => these!.has(settings) && those!.has(settings)
  const means = adjustedMeans(
    [...now.map((cell) => ({ ...cell, seed: `now ${cell.seed}` })), ...before].filter(inBoth),
  ).bySeed
  const meansOf = (isNow: boolean) =>
    [...means].flatMap(([seed, value]) => (seed.startsWith('now ') === isNow ? [value] : []))
  const [nowMeans, beforeMeans] = [meansOf(true), meansOf(false)]
  return { now: mean(nowMeans), before: mean(beforeMeans), ...twoSampleTTest(nowMeans, beforeMeans) }
}

/**
 * A figure over seeds: its mean with Student's 95 % interval. A single seed keeps its own interval; seeds without any
 * variance between them have that of their mean.
 * @param figures one per seed, with its interval within the seed
 */
export function overSeeds(figures: readonly Interval[]): Interval {
  const { value, low, high } = tTest(figures.map(({ value }) => value))
  if (!Number.isNaN(low)) return { value, low, high }
  // eslint-disable-next-line no-restricted-syntax -- one value for each seed
  const within = (side: 'low' | 'high') => Math.hypot(...figures.map((figure) => figure[side] - figure.value))
  return { value, low: value - within('low') / figures.length, high: value + within('high') / figures.length }
}
