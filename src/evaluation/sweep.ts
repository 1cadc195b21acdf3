// What a sweep found: the effect of each field that varied, the best settings, and what moved since another sweep of the same trials.
import { uniformStream } from '../random'
import { mean } from '../mean'
import { type Interval } from './bootstrap'
import { holm } from './statistics'
import { meanTest, type MeanTest } from './student'

export interface StageTime {
  stage: string
  seconds: number
  /** Of the artifact: trials that share one share its time. */
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
  /** Where its own report lies. */
  report?: string | undefined
  /** By stage.figure. */
  figures: Record<string, number>
  stages: StageTime[]
}

const settingsOf = (levels: Record<string, string>) =>
  JSON.stringify(Object.entries(levels).sort(([a], [b]) => (a < b ? -1 : 1)))
/** The same trial in another sweep: the seed itself differs from night to night. */
const nameOf = ({ levels, repeat }: SweptTrial) => `${settingsOf(levels)} ${repeat}`

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}

export interface LevelEffect {
  level: string
  trials: number
  /** Mean of the metric over the trials at this level. */
  metric: MeanTest
  /** Against the axis's first level, paired by all other settings and the repeat; p corrected by Holm's method for all effects of the sweep. */
  difference?: MeanTest
  seconds: number
  cost: number
}
export interface AxisEffects {
  field: string
  levels: LevelEffect[]
}

/** Main effects of each axis on a figure. */
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
  const own = done.filter(({ levels }) => levels[field] === level)
  const rest = ({ levels, repeat }: SweptTrial) => `${settingsOf({ ...levels, [field]: '' })} ${repeat}`
  const atFirst = new Map(
    done.filter(({ levels }) => levels[field] === first).map((trial) => [rest(trial), trial.figures[metric]!]),
  )
  const differences = own.flatMap((trial) =>
    atFirst.has(rest(trial)) ? [trial.figures[metric]! - atFirst.get(rest(trial))!] : [],
  )
  return {
    level,
    trials: own.length,
    metric: meanTest(own.map(({ figures }) => figures[metric]!)),
    ...(first !== undefined && differences.length > 0 && { difference: meanTest(differences) }),
    seconds: own.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0),
    cost: own.reduce((sum, { cost }) => sum + (cost ?? 0), 0),
  }
}

export interface Best {
  levels: Record<string, string>
  metric: MeanTest
  runnerUp?: Record<string, string>
  /** Of the best against the runner-up, paired by repeat. */
  difference?: MeanTest
  /** Share of draws of the repeats, with replacement, in which the same settings come out best; says little of few repeats. */
  stays: number
}

const DRAWS = 2000

/** The settings with the best mean over repeats, and how sure that is. */
export function bestSettings(trials: readonly SweptTrial[], metric: string, higherIsBetter: boolean): Best | undefined {
  const sign = higherIsBetter ? 1 : -1
  const groups = [
    ...grouped(
      trials.filter(({ figures }) => figures[metric] !== undefined),
      ({ levels }) => settingsOf(levels),
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
    metric: meanTest([...best.byRepeat.values()]),
    ...(second && { runnerUp: second.levels }),
    ...(differences.length > 0 && { difference: meanTest(differences) }),
    stays: shareStayingBest(
      arms.map(({ byRepeat }) => byRepeat),
      sign,
    ),
  }
}

/** @param arms the first is the best of all repeats */
function shareStayingBest(arms: readonly ReadonlyMap<number, number>[], sign: number): number {
  const repeats = [...new Set(arms.flatMap((byRepeat) => [...byRepeat.keys()]))]
  const random = uniformStream([1, 'stays-best'])
  let stays = 0
  for (let draw = 0; draw < DRAWS; draw++) {
    const drawn = repeats.map(() => repeats[Math.floor(repeats.length * random())]!)
    const scores = arms.map((byRepeat) => {
      const values = drawn.flatMap((repeat) => byRepeat.get(repeat) ?? [])
      return values.length > 0 ? sign * mean(values) : -Infinity
    })
    const top = Math.max(...scores)
    if (scores[0] === top) stays += 1 / scores.filter((score) => score === top).length // a tie is shared
  }
  return stays / DRAWS
}

/** A figure that may have moved. */
export interface Move extends MeanTest {
  /** The figure, of all trials or of those at one level. */
  what: string
  before: number
  now: number
}
export interface SlowDown {
  stage: string
  /** Time now ÷ time then, of the same trials. */
  ratio: Interval
  n: number
  p: number
}
export interface Since {
  /** The sweep's own figure, over all trials and by level. Corrected among themselves. */
  metric: Move[]
  /** All other figures, over all trials. Corrected among themselves. */
  others: Move[]
  stages: SlowDown[]
  newFailures: SweptTrial[]
  /** Trials that failed then and are done now. */
  mended: SweptTrial[]
  matched: number
}

/** What differs from another sweep, trial by trial. */
export function since(now: readonly SweptTrial[], before: readonly SweptTrial[], metric: string): Since {
  const then = new Map(before.map((trial) => [nameOf(trial), trial]))
  const matched = now.flatMap((trial) =>
    then.has(nameOf(trial)) ? [{ now: trial, then: then.get(nameOf(trial))! }] : [],
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
      move('all trials', matched, metric),
      ...byLevel.map(([what, pairs]) =>
        move(
          what,
          pairs.map(({ pair }) => pair),
          metric,
        ),
      ),
    ]),
    others: corrected(figures.map((figure) => move(figure, matched, figure))),
    stages: slowDowns(matched),
    newFailures: matched
      .filter(({ now, then }) => now.state === 'failed' && then.state === 'done')
      .map(({ now }) => now),
    mended: matched.filter(({ now, then }) => now.state === 'done' && then.state === 'failed').map(({ now }) => now),
    matched: matched.length,
  }
}

type Matched = { now: SweptTrial; then: SweptTrial }

function move(what: string, matched: readonly Matched[], figure: string): Move {
  const both = matched.flatMap(({ now, then }) =>
    now.figures[figure] === undefined || then.figures[figure] === undefined
      ? []
      : [[now.figures[figure], then.figures[figure]] as const],
  )
  return {
    what,
    before: mean(both.map(([, then]) => then)),
    now: mean(both.map(([now]) => now)),
    ...meanTest(both.map(([now, then]) => now - then)),
  }
}

/** Those that could be tested, with p-values for all of them together. */
function corrected<T extends { p: number }>(tests: readonly T[]): T[] {
  const told = tests.filter(({ p }) => !Number.isNaN(p))
  const adjusted = holm(told.map(({ p }) => p))
  return told.map((test, i) => ({ ...test, p: adjusted[i]! }))
}

/** Each pair of artifacts once, however many trials share it; what was taken from the store took no time. */
function slowDowns(matched: readonly Matched[]): SlowDown[] {
  const ratios = new Map<string, { stage: string; log: number }>()
  for (const { now, then } of matched) {
    for (const { stage, seconds, uri } of now.stages) {
      const other = then.stages.find((one) => one.stage === stage)
      if (other && other.uri !== uri && seconds > 0 && other.seconds > 0)
        ratios.set(`${uri} ${other.uri}`, { stage, log: Math.log(seconds / other.seconds) })
    }
  }
  const tests = [...grouped([...ratios.values()], ({ stage }) => stage)].map(([stage, logs]) => ({
    stage,
    ...meanTest(logs.map(({ log }) => log)),
  }))
  return corrected(tests).map(({ stage, value, low, high, n, p }) => ({
    stage,
    ratio: { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) },
    n,
    p,
  }))
}
