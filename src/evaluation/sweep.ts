// Statistics of a sweep: the main effect of each swept field, the best settings, and what changed since another sweep
// of the same trials.
//
// A seed is the unit: trials with the same seed share data, SFT model, labels and prompts, so they count as one draw
// (Hurlbert, 1984, on pseudoreplication). Figures are averaged within each seed first, and every test and interval is
// over seeds. With one seed nothing can be tested: p is NaN.
//
// What a night claims to have moved are many tests at once: the metric over all trials, at each level, every other
// figure, every stage's time. They are corrected together, by Holm's weighted procedure (Holm, 1979; Bretz et al.,
// 2009), so that a night that differs by chance alone claims anything at all with a probability of at most 5 %. Most
// of the weight lies on the metric over all trials; once it is found to have moved, the others share the whole level.
import { uniformStream } from '../random'
import { mean } from '../mean'
import { type Interval } from './bootstrap'
import { adjustedMeans, comparedBySeed, seedDifferences, type Cell } from './seed-means'
import { holm } from './statistics'
import { tTest, type TTest } from './student'
import { largest } from '../extremes'

export interface StageTime {
  stage: string
  seconds: number
  /** Address of the artifact: trials that share an artifact share its time. */
  uri: string
}
export interface SweptTrial {
  trial: number
  levels: Record<string, string>
  repeat: number
  seed: number
  state: 'done' | 'failed' | 'skipped'
  seconds?: number | undefined
  cost?: number | undefined
  message?: string | undefined
  /** Address of its own report. */
  report?: string | undefined
  /** By "stage.figure". */
  figures: Record<string, number>
  /** What a reader must know before believing its figures; missing from sweeps of earlier versions. */
  cautions?: string[] | undefined
  stages: StageTime[]
}

const settingsKey = (levels: Record<string, string>) =>
  JSON.stringify(Object.entries(levels).sort(([a], [b]) => (a < b ? -1 : 1)))
/** Identifies the same trial in another sweep, whose seed may be another one. */
const trialKey = ({ levels, repeat }: SweptTrial) => `${settingsKey(levels)} ${repeat}`

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}

export interface LevelEffect {
  level: string
  trials: number
  /** The metric over the trials at this level: mean and interval over seeds. */
  metric: TTest
  /**
   * Against the axis's first level: differences between trials alike in all other settings and the seed, averaged
   * within each seed; p is Holm-corrected over all effects of the sweep.
   */
  difference?: TTest
  seconds: number
  cost: number
}
export interface AxisEffects {
  field: string
  levels: LevelEffect[]
}

/** The main effect of each axis on a metric. */
export function mainEffects(trials: readonly SweptTrial[], metric: string): AxisEffects[] {
  const done = trials.filter(({ figures }) => figures[metric] !== undefined)
  const fields = [...new Set(trials.flatMap(({ levels }) => Object.keys(levels)))]
  const axes = fields.map((field): AxisEffects => {
    const levels = [...new Set(trials.flatMap(({ levels }) => levels[field] ?? []))]
    return {
      field,
      levels: levels.map((level, i) => levelEffect(done, field, level, i > 0 ? levels[0] : undefined, metric)),
    }
  })
  const tested = axes.flatMap(({ levels }) =>
    levels.flatMap(({ difference }) => (difference && !Number.isNaN(difference.p) ? [difference] : [])),
  )
  holm(tested.map(({ p }) => p)).forEach((p, i) => (tested[i]!.p = p))
  return axes
}

function levelEffect(
  done: readonly SweptTrial[],
  field: string,
  level: string,
  first: string | undefined,
  metric: string,
): LevelEffect {
  const atLevel = done.filter(({ levels }) => levels[field] === level)
  const othersKey = ({ levels }: SweptTrial) => settingsKey({ ...levels, [field]: '' })
  const atFirst = done.filter(({ levels }) => levels[field] === first)
  const differences =
    first === undefined
      ? []
      : seedDifferences(cellsOf(atLevel, metric, othersKey), cellsOf(atFirst, metric, othersKey)).map(
          ({ now, before }) => now - before,
        )
  return {
    level,
    trials: atLevel.length,
    metric: tTest([...adjustedMeans(cellsOf(atLevel, metric)).bySeed.values()]),
    ...(differences.length > 0 && { difference: tTest(differences) }),
    seconds: atLevel.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0),
    cost: atLevel.reduce((sum, { cost }) => sum + (cost ?? 0), 0),
  }
}

/** The trials that have a figure, as cells of its table of seeds and settings. */
const cellsOf = (
  trials: readonly SweptTrial[],
  figure: string,
  settings = ({ levels }: SweptTrial) => settingsKey(levels),
): Cell[] =>
  trials.flatMap((trial) => {
    const value = trial.figures[figure]
    return value === undefined ? [] : [{ seed: String(trial.seed), settings: settings(trial), value }]
  })

export interface Best {
  levels: Record<string, string>
  metric: TTest
  runnerUp?: Record<string, string>
  /** The best against the runner-up, paired by seed. */
  difference?: TTest
  /** Share of bootstrap resamples of the seeds in which the same settings are best; means little for few seeds. */
  stays: number
}

const RESAMPLES = 2000

interface Arm {
  levels: Record<string, string>
  bySeed: ReadonlyMap<number, number>
}

/**
 * The settings with the best mean over seeds, and how certain it is that they are. Settings that lack a seed are
 * compared as if they had an average one: the least-squares mean.
 */
export function bestSettings(trials: readonly SweptTrial[], metric: string, higherIsBetter: boolean): Best | undefined {
  const sign = higherIsBetter ? 1 : -1
  const withMetric = trials.filter(({ figures }) => figures[metric] !== undefined)
  const { bySeed, bySettings } = adjustedMeans(cellsOf(withMetric, metric))
  const arms = [...grouped(withMetric, ({ levels }) => settingsKey(levels)).values()].map((group): Arm => ({
    levels: group[0]!.levels,
    bySeed: new Map(group.map(({ seed, figures }) => [seed, figures[metric]!])),
  }))
  const score = ({ levels }: Arm) => sign * bySettings.get(settingsKey(levels))!
  const [best, second] = arms.sort((a, b) => score(b) - score(a))
  if (!best) return undefined
  const differences = second
    ? [...best.bySeed].flatMap(([seed, value]) => (second.bySeed.has(seed) ? [value - second.bySeed.get(seed)!] : []))
    : []
  const signed = arms.map(({ bySeed: values }) => withoutSeedEffects(values, bySeed, sign))
  return {
    levels: best.levels,
    metric: tTest([...best.bySeed.values()]),
    ...(second && { runnerUp: second.levels }),
    ...(differences.length > 0 && { difference: tTest(differences) }),
    stays: shareStayingBest(signed),
  }
}

/** What all settings have in common in a seed says nothing about which is best. */
const withoutSeedEffects = (values: Arm['bySeed'], seedMeans: ReadonlyMap<string, number>, sign: number) =>
  new Map([...values].map(([seed, value]) => [seed, sign * (value - seedMeans.get(String(seed))!)]))

/** @param arms by seed, higher is better; the first arm is the best over all seeds */
function shareStayingBest(arms: readonly ReadonlyMap<number, number>[]): number {
  const seeds = [...new Set(arms.flatMap((bySeed) => [...bySeed.keys()]))]
  const random = uniformStream([1, 'stays-best'])
  let stays = 0
  for (let i = 0; i < RESAMPLES; i++) {
    const resampled = seeds.map(() => seeds[Math.floor(seeds.length * random())]!)
    const scores = arms.map((bySeed) => {
      const values = resampled.flatMap((seed) => bySeed.get(seed) ?? [])
      return values.length > 0 ? mean(values) : -Infinity
    })
    const top = largest(scores)
    if (scores[0] === top) stays += 1 / scores.filter((score) => score === top).length // a tie is shared
  }
  return stays / RESAMPLES
}

/** The change of a figure between two sweeps; n is the number of seeds, of the sweep that has fewer. */
export interface FigureChange extends TTest {
  /** The name of the figure; for the metric, which trials: all of them or those at one level. */
  what: string
  before: number
  now: number
}
export interface SlowDown {
  stage: string
  /** Time now ÷ time then, over the same settings. */
  ratio: Interval
  /** Seeds whose artifacts were computed anew, of the sweep that has fewer. */
  n: number
  p: number
}
/** Changes since another sweep. p-values are corrected over all that can be tested, by Holm's weighted procedure. */
export interface SweepChanges {
  /** The sweep's own metric, over all trials (always the first, if any trial has it) and by level. */
  metric: FigureChange[]
  /** All other figures, over all trials. */
  others: FigureChange[]
  stages: SlowDown[]
  newFailures: SweptTrial[]
  /** Trials that failed then and are done now. */
  mended: SweptTrial[]
  /** Trials that are in both sweeps. */
  matched: number
  /** Whether both sweeps used the same seeds; then each seed is compared with itself. */
  sameSeeds: boolean
}

/** Share of the significance level of each family of tests; tests of one family share it equally. */
const FAMILY_WEIGHTS = { overall: 0.95, levels: 0.02, others: 0.02, stages: 0.01 }

/** What changed since another sweep, seed by seed. */
export function changesSince(now: readonly SweptTrial[], before: readonly SweptTrial[], metric: string): SweepChanges {
  const sameSeeds = shareSeeds(now, before)
  const change = (what: string, figure: string, has: (trial: SweptTrial) => boolean = () => true): FigureChange => ({
    what,
    ...comparedBySeed(cellsOf(now.filter(has), figure), cellsOf(before.filter(has), figure), sameSeeds),
  })
  const overall = [change('all trials', metric)].filter(({ n }) => n > 0)
  const levels = levelsOf(now)
    .map(([field, level]) => change(`${field} = ${level}`, metric, ({ levels }) => levels[field] === level))
    .filter(isTestable)
  const others = [...new Set(now.flatMap(({ figures }) => Object.keys(figures)))]
    .filter((figure) => figure !== metric)
    .sort()
    .map((figure) => change(figure, figure))
    .filter(isTestable)
  const stages = slowDowns(now, before, sameSeeds).filter(isTestable)
  correctTogether({ overall: overall.filter(isTestable), levels, others, stages })
  return { metric: [...overall, ...levels], others, stages, ...failureChanges(now, before), sameSeeds }
}

const isTestable = ({ p }: { p: number }) => !Number.isNaN(p)

/** Replaces each p-value by the adjusted one. */
function correctTogether(families: Record<keyof typeof FAMILY_WEIGHTS, { p: number }[]>): void {
  const weighted = (Object.keys(FAMILY_WEIGHTS) as (keyof typeof FAMILY_WEIGHTS)[]).flatMap((family) =>
    families[family].map((test) => ({ test, weight: FAMILY_WEIGHTS[family] / families[family].length })),
  )
  const adjusted = holm(
    weighted.map(({ test }) => test.p),
    weighted.map(({ weight }) => weight),
  )
  weighted.forEach(({ test }, i) => (test.p = adjusted[i]!))
}

const levelsOf = (trials: readonly SweptTrial[]) => [
  ...new Map(
    trials.flatMap(({ levels }) => Object.entries(levels)).map((entry) => [JSON.stringify(entry), entry]),
  ).values(),
]

/** Every night of a schedule has its own seeds; a sweep and its baseline may have the same. */
function shareSeeds(now: readonly SweptTrial[], before: readonly SweptTrial[]): boolean {
  const [these, those] = [now, before].map((trials) => new Set(trials.map(({ seed }) => seed))) as [
    Set<number>,
    Set<number>,
  ]
  const shared = [...these].filter((seed) => those.has(seed)).length
  return shared > 0 && shared === Math.min(these.size, those.size)
}

function failureChanges(now: readonly SweptTrial[], before: readonly SweptTrial[]) {
  const then = new Map(before.map((trial) => [trialKey(trial), trial.state]))
  const became = (state: SweptTrial['state'], from: SweptTrial['state']) =>
    now.filter((trial) => trial.state === state && then.get(trialKey(trial)) === from)
  return {
    newFailures: became('failed', 'done'),
    mended: became('done', 'failed'),
    matched: now.filter((trial) => then.has(trialKey(trial))).length,
  }
}

/** An artifact reused from the store took no time; one that several seeds share is one draw, and counts once. */
function slowDowns(now: readonly SweptTrial[], before: readonly SweptTrial[], sameSeeds: boolean): SlowDown[] {
  const stages = [...new Set(now.flatMap(({ stages }) => stages.map(({ stage }) => stage)))]
  const [these, those] = [urisOf(now), urisOf(before)]
  return stages.map((stage) => {
    const compared = comparedBySeed(logTimes(now, stage, those), logTimes(before, stage, these), sameSeeds)
    const { value, low, high, n, p } = compared
    return { stage, ratio: { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) }, n, p }
  })
}

const urisOf = (trials: readonly SweptTrial[]) => new Set(trials.flatMap(({ stages }) => stages.map(({ uri }) => uri)))

function logTimes(trials: readonly SweptTrial[], stage: string, elsewhere: ReadonlySet<string>): Cell[] {
  const seedOf = new Map<string, number>()
  return trials.flatMap(({ levels, seed, stages }) =>
    stages.flatMap(({ stage: name, seconds, uri }) => {
      if (name !== stage || seconds <= 0 || elsewhere.has(uri)) return []
      if (!seedOf.has(uri)) seedOf.set(uri, seed)
      return seedOf.get(uri) === seed
        ? [{ seed: String(seed), settings: settingsKey(levels), value: Math.log(seconds) }]
        : []
    }),
  )
}
