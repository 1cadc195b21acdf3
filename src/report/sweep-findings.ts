// What a sweep found, in sentences: its headline, its answers, and what to know before believing them.
import {
  bestSettings,
  changesSince,
  mainEffects,
  type AxisEffects,
  type Best,
  type FigureChange,
  type SlowDown,
  type SweepChanges,
  type SweptTrial,
} from '../evaluation/sweep'
import { SIGNIFICANCE_LEVEL } from '../evaluation/statistics'
import type { TTest } from '../evaluation/student'
import type { Origin } from './html'
import { metricText, metricWords } from '../contracts/figures'
import { counted, formatPercent, isOrAre, pInWords } from '../number-format'

/** Another sweep that this one is compared with. */
export interface OtherSweep {
  /** "the night of 2026-11-24T02:30Z", "the pinned baseline". */
  called: string
  /** Address of its report. */
  report: string
  trials: SweptTrial[]
}
export interface SweepData {
  title: string
  origin?: Origin | undefined
  name: string
  workflow: string
  preset?: string | undefined
  task: string
  metric: string
  higherIsBetter: boolean
  night?: string | undefined
  settings: unknown
  version: string
  trials: SweptTrial[]
  others: OtherSweep[]
}

export interface SweepFindings {
  axes: AxisEffects[]
  best: Best | undefined
  since: { other: OtherSweep; found: SweepChanges }[]
}

const MUCH_SLOWER = 1.1
/** With fewer, chance alone has no measure. */
const MIN_SEEDS = 2
export const SET_SEEDS = 'set "seeds" to five values, e.g. [1, 2, 3, 4, 5]'
/** Cautions of single trials; all of them are in sweep.json. */
const SHOWN_CAUTIONS = 20
/** With fewer seeds a bootstrap over them means nothing. */
const ENOUGH_SEEDS = 4

export const findingsOf = ({
  trials,
  others,
  metric,
  higherIsBetter,
}: Pick<SweepData, 'trials' | 'others' | 'metric' | 'higherIsBetter'>): SweepFindings => ({
  axes: mainEffects(trials, metric),
  best: bestSettings(trials, metric, higherIsBetter),
  since: others.map((other) => ({ other, found: changesSince(trials, other.trials, metric) })),
})

// ---- How figures are shown

const isShare = (metric: string) => metricText(metric, 1).endsWith('%')

/** The format of a metric's values: shares in percent. */
export const formatOf = (metric: string) => (value: number) => metricText(metric, value)

/** The interval of a share ends where shares end. @param least of a difference of shares, −1 */
export const clampShare = <T extends TTest>(metric: string, test: T, least = 0): T =>
  isShare(metric) ? { ...test, low: Math.max(least, test.low), high: Math.min(1, test.high) } : test

export const settingsText = (levels: Record<string, string>) =>
  Object.entries(levels)
    .map(([field, level]) => `${field} ${level}`)
    .join(', ')

// ---- Changes

export const isSignificant = ({ p }: { p: number }): boolean => p < SIGNIFICANCE_LEVEL

const significantChanges = ({ metric, others }: SweepChanges): FigureChange[] =>
  [...metric, ...others].filter(isSignificant)

export const slowerStages = ({ stages }: SweepChanges): SlowDown[] =>
  stages.filter((stage) => isSignificant(stage) && stage.ratio.value > MUCH_SLOWER)

/** Whether no figure can be said to have moved, as one of the sweeps has only one seed. */
export const isUntestable = ({ metric, others }: SweepChanges): boolean =>
  [...metric, ...others].every(({ p }) => Number.isNaN(p))

function movedText(changes: SweepChanges): string {
  if (!isUntestable(changes)) return `${counted(significantChanges(changes).length, 'figure')} moved beyond noise`
  const common = changes.metric.length > 0 || changes.others.length > 0
  return common
    ? `one seed cannot tell whether a figure moved: ${SET_SEEDS}`
    : 'no figure is in two seeds of both, so nothing can be said to have moved'
}

function changeText(changes: SweepChanges): string {
  const [failures, gone, slower] = [changes.newFailures, changes.mended, slowerStages(changes)]
  return [
    movedText(changes),
    ...(failures.length > 0 ? [counted(failures.length, 'new failure')] : []),
    ...(gone.length > 0 ? [`${counted(gone.length, 'failure')} gone`] : []),
    ...(slower.length > 0 ? [`${counted(slower.length, 'stage')} slower`] : []),
  ].join(', ')
}

// ---- Headline and answers

/** The findings in one line, for a message. */
export function headline(data: SweepData, { best, since }: SweepFindings): string {
  const { trials } = data
  const count = (state: SweptTrial['state']) => trials.filter((trial) => trial.state === state).length
  const failed = count('failed')
  return [
    `${count('done')} of ${counted(trials.length, 'trial')} done${failed > 0 ? `, ${failed} failed` : ''}`,
    ...(best ? [bestHeadline(best, data)] : []),
    ...since.map(({ other, found }) => `against ${other.called}: ${changeText(found)}`),
  ].join('; ')
}

/** What was found, in sentences. */
export function answers(
  data: Pick<SweepData, 'metric' | 'trials' | 'higherIsBetter'>,
  { axes, best, since }: SweepFindings,
): string[] {
  const { metric, trials } = data
  if (!best) return [`No trial has the figure ${metric}. ${availableFigures(trials)}`]
  const effects = axes.flatMap((axis) => effectSentences(axis, metric))
  return [
    bestSentence(best, data),
    ...(effects.length > 0 ? effects : withoutEffects(axes)),
    ...since.map(({ other, found }) => `Against ${other.called}: ${changeText(found)}.`),
  ]
}

function withoutEffects(axes: readonly AxisEffects[]): string[] {
  const differences = axes.flatMap(({ levels }) => levels.flatMap(({ difference }) => difference ?? []))
  if (differences.some(({ p }) => !Number.isNaN(p)))
    return ['No setting differs from the first level of its axis beyond noise.']
  return axes.some(({ levels }) => levels.length > 1)
    ? [`No effect can be told from noise: no setting was compared in two seeds or more; ${SET_SEEDS}.`]
    : []
}

const effectSentences = ({ field, levels }: AxisEffects, metric: string): string[] =>
  levels.flatMap(({ level, difference }) => {
    if (!difference || !isSignificant(difference)) return []
    const show = formatOf(metric)
    const { value, low, high, p } = clampShare(metric, difference, -1)
    return [
      `${field} ${level} differs from ${levels[0]!.level} by ${show(value)} ` +
        `(${show(low)} to ${show(high)}; ${pInWords(p)}).`,
    ]
  })

/** Alone, or better than the second beyond noise: among equals none is best. */
const isBest = ({ runnerUp, difference }: Best) => !runnerUp || (difference !== undefined && isSignificant(difference))

type Direction = Pick<SweepData, 'metric' | 'higherIsBetter'>
/** E.g. "highest win rate". */
const extreme = ({ metric, higherIsBetter }: Direction) =>
  `${higherIsBetter ? 'highest' : 'lowest'} ${metricWords(metric).replace(/^highest /, '')}`

function bestHeadline(best: Best, data: Direction): string {
  const [settings, value] = [settingsText(best.levels), formatOf(data.metric)(best.metric.value)]
  return isBest(best)
    ? `best ${settings}: ${metricWords(data.metric)} ${value}`
    : `no setting is best beyond noise; ${extreme(data)} ${value} with ${settings}`
}

function bestSentence(best: Best, data: Direction): string {
  const { levels, runnerUp, difference, stays } = best
  const show = formatOf(data.metric)
  const { value, low, high, n } = clampShare(data.metric, best.metric)
  const interval = Number.isNaN(low) ? '' : ` (95 % interval ${show(low)} to ${show(high)} over ${counted(n, 'seed')})`
  const p = difference && !Number.isNaN(difference.p) ? pInWords(difference.p) : undefined
  if (!isBest(best))
    return [
      'No setting is best beyond noise.',
      `The ${extreme(data)} is ${show(value)}${interval}, with ${settingsText(levels)};`,
      `${settingsText(runnerUp!)} cannot be told from it${p === undefined ? '' : ` (${p})`}.`,
    ].join(' ')
  return [
    `Best: ${settingsText(levels)} with ${show(value)}${interval}.`,
    ...(runnerUp ? [`Second: ${settingsText(runnerUp)}; ${p} for the difference.`] : []),
    ...(n >= ENOUGH_SEEDS ? [`It stays best in ${formatPercent(stays)} of bootstrap samples of the seeds.`] : []),
  ].join(' ')
}

function availableFigures(trials: readonly SweptTrial[]): string {
  const names = [...new Set(trials.flatMap(({ figures }) => Object.keys(figures)))].sort()
  return names.length === 0 ? 'No trial finished.' : `Available: ${names.join(', ')}.`
}

// ---- Cautions

/** What a reader must know before believing it. */
export function cautions({ trials, metric }: Pick<SweepData, 'trials' | 'metric'>): string[] {
  const done = trials.filter(({ state }) => state === 'done')
  const skipped = trials.filter(({ state }) => state === 'skipped')
  const without = done.filter(({ figures }) => figures[metric] === undefined).length
  return [
    ...seedCautions(new Set(done.map(({ seed }) => seed)).size),
    ...chanceCautions(done),
    ...trialCautions(done),
    ...(skipped.length > 0
      ? [`${counted(skipped.length, 'trial was', 'trials were')} never started: ${skipped[0]!.message}.`]
      : []),
    ...(without > 0
      ? [
          `${counted(without, 'finished trial has', 'finished trials have')} no ${metric} ` +
            `and ${isOrAre(without)} left out of the effects.`,
        ]
      : []),
  ]
}

/** What the stages of the trials show, with how many trials it holds for. */
function trialCautions(done: readonly SweptTrial[]): string[] {
  const trialsOf = new Map<string, number[]>()
  for (const { trial, cautions = [] } of done)
    for (const caution of cautions) trialsOf.set(caution, [...(trialsOf.get(caution) ?? []), trial])
  const shown = (trials: readonly number[]) =>
    trials.length === done.length ? 'all trials' : `trial${trials.length === 1 ? '' : 's'} ${trials.join(', ')}`
  return [...trialsOf].slice(0, SHOWN_CAUTIONS).map(([caution, trials]) => `In ${shown(trials)}: ${caution}`)
}

function seedCautions(seeds: number): string[] {
  if (seeds < MIN_SEEDS)
    return [`Only one seed: nothing here shows how much a figure changes by chance. To find out, ${SET_SEEDS}.`]
  if (seeds < ENOUGH_SEEDS)
    return [`Only ${seeds} seeds: the intervals are wide, and a small effect would not be detected.`]
  return []
}

function chanceCautions(done: readonly SweptTrial[]): string[] {
  const atChance = (figure: string) => done.filter(({ figures }) => (figures[figure] ?? 1) <= 0.5).length
  const [judges, labelers] = [atChance('evaluate.agreementLow'), atChance('study.agreementLow')]
  return [
    ...(judges > 0
      ? [
          `In ${judges} of ${counted(done.length, 'trial')} the judge is not measurably better than chance: ` +
            'its win rates show that the pipeline runs, and nothing about the settings.',
        ]
      : []),
    ...(labelers > 0
      ? [
          `In ${labelers} of ${counted(done.length, 'trial')} the labeler is not measurably better than chance ` +
            'on the pairs that it labelled.',
        ]
      : []),
  ]
}
