// Statistics of a sweep: the main effect of each swept field, the best settings, and what changed since another sweep
// of the same trials.
import { uniformStream } from '../random'
import { mean } from '../mean'
import { type Interval } from './bootstrap'
import { holm } from './statistics'
import { tTest, type TTest } from './student'

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
  stages: StageTime[]
}

const settingsKey = (levels: Record<string, string>) =>
  JSON.stringify(Object.entries(levels).sort(([a], [b]) => (a < b ? -1 : 1)))
/** Identifies the same trial in another sweep. The seed differs from night to night; its repeat does not. */
const trialKey = ({ levels, repeat }: SweptTrial) => `${settingsKey(levels)} ${repeat}`

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}

export interface LevelEffect {
  level: string
  trials: number
  /** Mean of the metric over the trials at this level. */
  metric: TTest
  /**
   * Against the axis's first level, paired by all other settings and the repeat; p is Holm-corrected over all effects
   * of the sweep.
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
  const otherSettings = ({ levels, repeat }: SweptTrial) => `${settingsKey({ ...levels, [field]: '' })} ${repeat}`
  const atFirst = new Map(
    done.filter(({ levels }) => levels[field] === first).map((trial) => [otherSettings(trial), trial.figures[metric]!]),
  )
  const differences = atLevel.flatMap((trial) =>
    atFirst.has(otherSettings(trial)) ? [trial.figures[metric]! - atFirst.get(otherSettings(trial))!] : [],
  )
  return {
    level,
    trials: atLevel.length,
    metric: tTest(atLevel.map(({ figures }) => figures[metric]!)),
    ...(first !== undefined && differences.length > 0 && { difference: tTest(differences) }),
    seconds: atLevel.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0),
    cost: atLevel.reduce((sum, { cost }) => sum + (cost ?? 0), 0),
  }
}

export interface Best {
  levels: Record<string, string>
  metric: TTest
  runnerUp?: Record<string, string>
  /** The best against the runner-up, paired by repeat. */
  difference?: TTest
  /** Share of bootstrap resamples of the repeats in which the same settings are best; means little for few repeats. */
  stays: number
}

const RESAMPLES = 2000

/** The settings with the best mean over repeats, and how certain it is that they are. */
export function bestSettings(trials: readonly SweptTrial[], metric: string, higherIsBetter: boolean): Best | undefined {
  const sign = higherIsBetter ? 1 : -1
  const groups = [
    ...grouped(
      trials.filter(({ figures }) => figures[metric] !== undefined),
      ({ levels }) => settingsKey(levels),
    ).values(),
  ]
  const arms = groups.map((group) => ({
    levels: group[0]!.levels,
    byRepeat: new Map(group.map(({ repeat, figures }) => [repeat, figures[metric]!])),
  }))
  const score = (byRepeat: ReadonlyMap<number, number>) => sign * mean([...byRepeat.values()])
  const [best, second] = arms.sort((a, b) => score(b.byRepeat) - score(a.byRepeat))
  if (!best) return undefined
  const differences = second
    ? [...best.byRepeat].flatMap(([repeat, value]) =>
        second.byRepeat.has(repeat) ? [value - second.byRepeat.get(repeat)!] : [],
      )
    : []
  return {
    levels: best.levels,
    metric: tTest([...best.byRepeat.values()]),
    ...(second && { runnerUp: second.levels }),
    ...(differences.length > 0 && { difference: tTest(differences) }),
    stays: shareStayingBest(
      arms.map(({ byRepeat }) => byRepeat),
      sign,
    ),
  }
}

/** @param arms figures by repeat; the first arm is the best over all repeats */
function shareStayingBest(arms: readonly ReadonlyMap<number, number>[], sign: number): number {
  const repeats = [...new Set(arms.flatMap((byRepeat) => [...byRepeat.keys()]))]
  const random = uniformStream([1, 'stays-best'])
  let stays = 0
  for (let i = 0; i < RESAMPLES; i++) {
    const resampled = repeats.map(() => repeats[Math.floor(repeats.length * random())]!)
    const scores = arms.map((byRepeat) => {
      const values = resampled.flatMap((repeat) => byRepeat.get(repeat) ?? [])
      return values.length > 0 ? sign * mean(values) : -Infinity
    })
    const top = Math.max(...scores)
    if (scores[0] === top) stays += 1 / scores.filter((score) => score === top).length // a tie is shared
  }
  return stays / RESAMPLES
}

/** The change of a figure between two sweeps. */
export interface FigureChange extends TTest {
  /** The name of the figure; for the metric, which trials: all of them or those at one level. */
  what: string
  before: number
  now: number
}
export interface SlowDown {
  stage: string
  /** Time now ÷ time then, over the same trials. */
  ratio: Interval
  n: number
  p: number
}
/** Changes since another sweep. p-values are Holm-corrected within each list. */
export interface SweepChanges {
  /** The sweep's own metric, over all trials and by level. */
  metric: FigureChange[]
  /** All other figures, over all trials. */
  others: FigureChange[]
  stages: SlowDown[]
  newFailures: SweptTrial[]
  /** Trials that failed then and are done now. */
  mended: SweptTrial[]
  /** Trials that are in both sweeps. */
  matched: number
}

/** What changed since another sweep, trial by trial. */
export function changesSince(now: readonly SweptTrial[], before: readonly SweptTrial[], metric: string): SweepChanges {
  const then = new Map(before.map((trial) => [trialKey(trial), trial]))
  const matched = now.flatMap((trial) =>
    then.has(trialKey(trial)) ? [{ now: trial, then: then.get(trialKey(trial))! }] : [],
  )
  const figures = [...new Set(now.flatMap(({ figures }) => Object.keys(figures)))]
    .filter((figure) => figure !== metric)
    .sort()
  const byLevel = [
    ...grouped(
      matched.flatMap((pair) =>
        Object.entries(pair.now.levels).map(([field, level]) => ({ what: `${field} = ${level}`, pair })),
      ),
      ({ what }) => what,
    ),
  ]
  return {
    metric: corrected([
      changeOf('all trials', matched, metric),
      ...byLevel.map(([what, pairs]) =>
        changeOf(
          what,
          pairs.map(({ pair }) => pair),
          metric,
        ),
      ),
    ]),
    others: corrected(figures.map((figure) => changeOf(figure, matched, figure))),
    stages: slowDowns(matched),
    newFailures: matched
      .filter(({ now, then }) => now.state === 'failed' && then.state === 'done')
      .map(({ now }) => now),
    mended: matched.filter(({ now, then }) => now.state === 'done' && then.state === 'failed').map(({ now }) => now),
    matched: matched.length,
  }
}

type MatchedTrial = { now: SweptTrial; then: SweptTrial }

function changeOf(what: string, matched: readonly MatchedTrial[], figure: string): FigureChange {
  const both = matched.flatMap(({ now, then }) =>
    now.figures[figure] === undefined || then.figures[figure] === undefined
      ? []
      : [[now.figures[figure], then.figures[figure]] as const],
  )
  return {
    what,
    before: mean(both.map(([, then]) => then)),
    now: mean(both.map(([now]) => now)),
    ...tTest(both.map(([now, then]) => now - then)),
  }
}

/** The tests that have a p-value, Holm-corrected together. */
function corrected<T extends { p: number }>(tests: readonly T[]): T[] {
  const tested = tests.filter(({ p }) => !Number.isNaN(p))
  const adjusted = holm(tested.map(({ p }) => p))
  return tested.map((test, i) => ({ ...test, p: adjusted[i]! }))
}

/** Counts each pair of artifacts once, however many trials share it; an artifact reused from the store took no time. */
function slowDowns(matched: readonly MatchedTrial[]): SlowDown[] {
  const ratios = new Map<string, { stage: string; log: number }>()
  for (const { now, then } of matched) {
    for (const { stage, seconds, uri } of now.stages) {
      const other = then.stages.find(({ stage: name }) => name === stage)
      if (other && other.uri !== uri && seconds > 0 && other.seconds > 0)
        ratios.set(`${uri} ${other.uri}`, { stage, log: Math.log(seconds / other.seconds) })
    }
  }
  const tests = [...grouped([...ratios.values()], ({ stage }) => stage)].map(([stage, logs]) => ({
    stage,
    ...tTest(logs.map(({ log }) => log)),
  }))
  return corrected(tests).map(({ stage, value, low, high, n, p }) => ({
    stage,
    ratio: { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) },
    n,
    p,
  }))
}
