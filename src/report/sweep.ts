// The report of a sweep: what was found, what moved since the night before, the effect of each field, every trial. HTML and CSV.
import {
  bestSettings,
  mainEffects,
  changesSince,
  type AxisEffects,
  type Best,
  type FigureChange,
  type SweepChanges,
  type SlowDown,
  type SweptTrial,
} from '../evaluation/sweep'
import type { TTest } from '../evaluation/student'
import { lineChart, pointChart } from './chart'
import { caution, escape, formatNumber, number, page, table, text, withInterval, type Cell } from './html'
import { STUDY_FIGURES } from './paper-figures'
import { repeat } from './provenance'

/** Another sweep that this one is compared with. */
export interface OtherSweep {
  /** "the night 2026-11-24T02:30Z", "the pinned baseline". */
  called: string
  /** Where its report is. */
  report: string
  trials: SweptTrial[]
}
export interface SweepData {
  title: string
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

const SURE = 0.05
const MUCH_SLOWER = 1.1
const SHOWN_TRIALS = 500
/** Fewer cannot be drawn again to any purpose. */
const ENOUGH_SEEDS = 4

const isShare = (metric: string) => /(rate|accuracy|agreement|share|slot|confidence)(low|high)?$/i.test(metric)
const shownAs = (metric: string) => (value: number) =>
  Number.isNaN(value) ? '–' : isShare(metric) ? `${(100 * value).toFixed(1)} %` : formatNumber(value, 4)
const settingsText = (levels: Record<string, string>) =>
  Object.entries(levels)
    .map(([field, level]) => `${field} ${level}`)
    .join(', ')
const pText = (p: number) => (Number.isNaN(p) ? '–' : p < 0.001 ? '< 0.001' : p.toFixed(3))

export interface SweepFindings {
  axes: AxisEffects[]
  best: Best | undefined
  since: { other: OtherSweep; found: SweepChanges }[]
}

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

export function renderSweep(data: SweepData, findings: SweepFindings): string {
  return page(
    data.title,
    [
      `<h1>${escape(data.title)}</h1><p class="soft">${escape(`${data.trials.length} trials of ${data.workflow}, by ${data.metric}${data.higherIsBetter ? '' : ', lower is better'}.`)}</p>`,
      answers(data, findings)
        .map((sentence) => `<p class="answer">${escape(sentence)}</p>`)
        .join(''),
      cautions(data).map(caution).join(''),
      findings.since.map(({ other, found }) => comparison(data, other, found)).join(''),
      effects(data, findings.axes),
      failures(data.trials),
      trials(data),
      repeat('sweep', data.settings, data.version),
      data.night
        ? `<p class="soft">These were the seeds of the night of ${escape(data.night)}: <code>rlaif schedule backfill</code> for that time does it again; the command above has the seeds of its input.</p>`
        : '',
    ].join('\n'),
  )
}

const countOf = (trials: readonly SweptTrial[], state: SweptTrial['state']) =>
  trials.filter((trial) => trial.state === state).length

/** In one line, for a message. */
export function headline(data: SweepData, { best, since }: SweepFindings): string {
  const failed = countOf(data.trials, 'failed')
  const counts = `${countOf(data.trials, 'done')} of ${data.trials.length} trials done${failed > 0 ? `, ${failed} failed` : ''}`
  const winner = best && `best ${settingsText(best.levels)}: ${data.metric} ${shownAs(data.metric)(best.metric.value)}`
  const moved = since.map(({ other, found }) => `against ${other.called}: ${movedIn(found)}`)
  return [counts, winner, ...moved].filter((part) => part !== undefined).join('; ')
}

const moves = ({ metric, others }: SweepChanges): FigureChange[] => [...metric, ...others].filter(({ p }) => p < SURE)
const slower = ({ stages }: SweepChanges): SlowDown[] =>
  stages.filter(({ p, ratio }) => p < SURE && ratio.value > MUCH_SLOWER)

const counted = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`

function movedIn(found: SweepChanges): string {
  const parts = [
    `${counted(moves(found).length, 'figure')} moved beyond noise`,
    ...(found.newFailures.length > 0 ? [counted(found.newFailures.length, 'new failure')] : []),
    ...(found.mended.length > 0 ? [`${counted(found.mended.length, 'failure')} gone`] : []),
    ...(slower(found).length > 0 ? [`${counted(slower(found).length, 'stage')} slower`] : []),
  ]
  return parts.join(', ')
}

/** What was found, in sentences. */
export function answers(data: SweepData, { axes, best, since }: SweepFindings): string[] {
  if (!best) return [`No trial has the figure ${data.metric}. ${availableFigures(data.trials)}`]
  const show = shownAs(data.metric)
  const found = axes.flatMap(({ field, levels }) =>
    levels
      .filter(({ difference }) => difference && difference.p < SURE)
      .map(
        ({ level, difference }) =>
          `${field} ${level} differs from ${levels[0]!.level} by ${show(difference!.value)} (${show(difference!.low)} to ${show(difference!.high)}; p ${pText(difference!.p)}).`,
      ),
  )
  return [
    bestSentence(best, show, data.metric),
    ...(found.length > 0 ? found : ['No setting differs from the first of its axis beyond noise.']),
    ...since.map(({ other, found }) => `Against ${other.called}: ${movedIn(found)}.`),
  ]
}

function bestSentence(
  { levels, metric, runnerUp, difference, stays }: Best,
  show: (value: number) => string,
  name: string,
): string {
  const { low, high } = within(name, metric)
  const interval = Number.isNaN(low) ? '' : ` (95 % interval ${show(low)} to ${show(high)} over ${metric.n} seeds)`
  const second = runnerUp
    ? ` Next is ${settingsText(runnerUp)}${difference && !Number.isNaN(difference.p) ? `, p ${pText(difference.p)} of no difference` : ''}.`
    : ''
  return `Best: ${settingsText(levels)} with ${show(metric.value)}${interval}.${second}${metric.n >= ENOUGH_SEEDS ? ` It stays best in ${(100 * stays).toFixed(0)} % of draws of the seeds.` : ''}`
}

function availableFigures(trials: readonly SweptTrial[]): string {
  const names = [...new Set(trials.flatMap(({ figures }) => Object.keys(figures)))].sort()
  return names.length === 0 ? 'No trial came to an end.' : `There are ${names.join(', ')}.`
}

/** What a reader must know before believing it. */
export function cautions({ trials, metric }: Pick<SweepData, 'trials' | 'metric'>): string[] {
  const out: string[] = []
  const done = trials.filter(({ state }) => state === 'done')
  const repeats = new Set(done.map(({ repeat }) => repeat)).size
  const chance = (figure: string) => done.filter(({ figures }) => (figures[figure] ?? 1) <= 0.5).length
  if (repeats < 2)
    out.push('One seed only: nothing here says how much a figure changes by chance. Give several "seeds".')
  else if (repeats < ENOUGH_SEEDS)
    out.push(`${repeats} seeds only: the intervals are wide, and a small effect would not be seen.`)
  if (chance('evaluate.agreementLow') > 0)
    out.push(
      `In ${chance('evaluate.agreementLow')} of ${done.length} trials the judge cannot be told from chance: its win rates show that the machinery runs, and nothing about the settings.`,
    )
  if (chance('study.agreementLow') > 0)
    out.push(
      `In ${chance('study.agreementLow')} of ${done.length} trials the labeler cannot be told from chance on the pairs it was asked.`,
    )
  const skipped = trials.filter(({ state }) => state === 'skipped')
  if (skipped.length > 0) out.push(`${skipped.length} trials never began: ${skipped[0]!.message}.`)
  const without = done.filter(({ figures }) => figures[metric] === undefined).length
  if (without > 0) out.push(`${without} finished trials have no ${metric} and are left out of the effects.`)
  return out
}

function comparison({ metric }: SweepData, { called, report }: OtherSweep, found: SweepChanges): string {
  const row =
    (name: string, show: (value: number) => string) =>
    ({ what, before, now, n, p, value, low, high }: FigureChange): Cell[] => [
      text(name === '' ? what : `${name}, ${what}`),
      number(n),
      figure(show(before)),
      figure(show(now)),
      withBand({ value, low, high, n, p }, show),
      figure(pText(p)),
    ]
  const rows = [
    ...found.metric.filter(({ what, p }) => what === 'all trials' || p < SURE).map(row(metric, shownAs(metric))),
    ...found.others.filter(({ p }) => p < SURE).map((move) => row('', shownAs(move.what))(move)),
  ]
  const stages = slower(found).map(({ stage, ratio, n, p }) => [
    text(stage),
    number(n),
    withInterval(`${ratio.value.toFixed(2)} ×`, ratio.low.toFixed(2), ratio.high.toFixed(2)),
    figure(pText(p)),
  ])
  const list = (head: string, trials: readonly SweptTrial[]) =>
    trials.length === 0
      ? ''
      : `<p>${escape(head)}: ${escape(trials.map(({ trial, levels, message }) => `trial ${trial} (${settingsText(levels)})${message ? `: ${message}` : ''}`).join('; '))}</p>`
  return [
    `<h2>Since ${escape(called)}</h2><p class="soft"><a href="${escape(report)}">its report</a>; ${found.matched} trials are in both.</p>`,
    rows.length > 0 ? table(['Figure', 'Trials', 'Then', 'Now', 'Difference', 'p'], rows) : '',
    `<p class="soft">Differences of the same settings and repeat; paired t-test with 95 % interval, p corrected by Holm’s method: ${found.metric.length} tests of ${escape(metric)}, ${found.others.length} of other figures. Shown are all trials, and what moved beyond noise (p &lt; ${SURE}).</p>`,
    list('New failures', found.newFailures),
    list('Failures gone', found.mended),
    stages.length > 0 ? `<p>Slower stages:</p>${table(['Stage', 'Trials', 'Time', 'p'], stages)}` : '',
  ].join('')
}

const figure = (value: string): Cell => ({ html: escape(value), number: true })
/** A share's interval ends where shares end. */
const within = (metric: string, test: TTest): TTest =>
  isShare(metric) ? { ...test, low: Math.max(0, test.low), high: Math.min(1, test.high) } : test
const withBand = ({ value, low, high }: TTest, show: (value: number) => string): Cell =>
  Number.isNaN(low) ? figure(show(value)) : withInterval(show(value), show(low), show(high))

function effects(data: SweepData, axes: readonly AxisEffects[]): string {
  const show = shownAs(data.metric)
  return axes
    .map(({ field, levels }) => {
      const paper = STUDY_FIGURES[data.preset ?? '']?.find((figures) => figures.field === field)
      const ofPaper = (level: string): Cell => {
        const value = paper?.levels[level]?.[data.task]
        return { html: value === undefined ? '–' : `${value} %`, number: true }
      }
      const head = [
        'Level',
        'Trials',
        data.metric,
        ...(paper ? ['Paper'] : []),
        'Against the first',
        'p',
        'Minutes',
        'Cost',
      ]
      const rows = levels.map(({ level, trials, metric, difference, seconds, cost }): Cell[] => [
        text(level),
        number(trials),
        withBand(within(data.metric, metric), show),
        ...(paper ? [ofPaper(level)] : []),
        difference ? withBand(difference, show) : figure('–'),
        figure(difference ? pText(difference.p) : '–'),
        number(seconds / 60, 1),
        number(cost, 4),
      ])
      const missing =
        paper &&
        Object.entries(paper.levels).filter(
          ([level, tasks]) => tasks[data.task] !== undefined && !levels.some((own) => own.level === level),
        )
      const note = paper
        ? `<p class="soft">Paper: ${escape(paper.source)}.${missing!.length > 0 ? ` Also there: ${escape(missing!.map(([level, tasks]) => `${level} ${tasks[data.task]} %`).join(', '))}.` : ''}</p>`
        : ''
      return `<h2>${escape(field)}</h2>${table(head, rows)}${note}<div class="charts">${effectChart(field, levels, data.metric)}</div>`
    })
    .concat(
      axes.length === 0
        ? []
        : [
            `<p class="soft">Means over trials with 95 % intervals by Student’s t. Against the first: differences of the trials that are alike in everything else, p corrected by Holm’s method over all effects. Minutes and cost add up over the trials; what was in the store already cost nothing.</p>`,
          ],
    )
    .join('')
}

/** Levels that are numbers are placed as numbers when there are several; others by name. */
function effectChart(field: string, levels: AxisEffects['levels'], metric: string): string {
  const drawable = levels.filter(({ trials }) => trials > 0)
  if (drawable.length === 0) return ''
  const points = drawable.map(({ level, metric: test }) => ({ name: level, ...within(metric, test) }))
  if (points.length > 5 && points.every(({ name }) => Number.isFinite(Number(name))))
    return lineChart(`${metric} by ${field}`, [
      { name: metric, points: points.map(({ name, value }) => [Number(name), value]) },
    ])
  return pointChart(`${metric} by ${field}`, points)
}

function failures(trials: readonly SweptTrial[]): string {
  const failed = trials.filter(({ state }) => state === 'failed')
  const rows = failed.map(({ trial, levels, seed, message }): Cell[] => [
    number(trial),
    text(settingsText(levels)),
    figure(String(seed)),
    text(message ?? ''),
  ])
  return failed.length === 0 ? '' : `<h2>Failed trials</h2>${table(['Trial', 'Settings', 'Seed', 'Why'], rows)}`
}

function trials({ trials, metric }: SweepData): string {
  const rows = trials
    .slice(0, SHOWN_TRIALS)
    .map(({ trial, levels, seed, state, seconds, cost, figures, report }): Cell[] => [
      number(trial),
      text(settingsText(levels)),
      figure(String(seed)),
      { html: report ? `<a href="${escape(report)}">${state}</a>` : escape(state) },
      number(seconds, 0),
      number(cost, 4),
      figure(figures[metric] === undefined ? '–' : shownAs(metric)(figures[metric])),
    ])
  const rest =
    trials.length > SHOWN_TRIALS
      ? `<p class="soft">The first ${SHOWN_TRIALS} of ${trials.length}; all of them, with every figure, are in sweep.csv beside this page.</p>`
      : '<p class="soft">Every figure of every trial is in sweep.csv and sweep.json beside this page.</p>'
  return `<h2>Trials</h2>${table(['Trial', 'Settings', 'Seed', '', 'Seconds', 'Cost', metric], rows)}${rest}`
}

const csvCell = (value: string | number | undefined) =>
  typeof value === 'string'
    ? `"${(/^[=+\-@\t\r]/.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`
    : (value ?? '')

/** A row a trial with every figure. Text that a spreadsheet would take for a formula gets an apostrophe in front. */
export function sweepCsv({ trials }: Pick<SweepData, 'trials'>): string {
  const fields = [...new Set(trials.flatMap(({ levels }) => Object.keys(levels)))]
  const figures = [...new Set(trials.flatMap(({ figures }) => Object.keys(figures)))].sort()
  const head = ['trial', ...fields, 'repeat', 'seed', 'state', 'seconds', 'cost', 'message', ...figures]
  const lines = trials.map((trial) => [
    trial.trial,
    ...fields.map((field) => trial.levels[field]),
    trial.repeat,
    trial.seed,
    trial.state,
    trial.seconds,
    trial.cost,
    trial.message,
    ...figures.map((name) => trial.figures[name]),
  ])
  return `${[head, ...lines].map((line) => line.map(csvCell).join(',')).join('\n')}\n`
}
