// The report of a sweep: what was found, what changed since the night before, the effect of each field, every trial. As
// HTML and CSV.
import type { AxisEffects, FigureChange, LevelEffect, SweepChanges, SweptTrial } from '../evaluation/sweep'
import { metricWords } from '../contracts/figures'
import { SIGNIFICANCE_LEVEL } from '../evaluation/statistics'
import type { TTest } from '../evaluation/student'
import { lineChart, pointChart } from './chart'
import { csvOf } from './csv'
import { answerList, cautionList, chartGrid, escape, heading, link, note, noteOf, page } from './html'
import { STUDY_FIGURES, type StudyFigures } from './paper-figures'
import { reproduction } from './provenance'
import {
  answers,
  cautions,
  clampShare,
  formatOf,
  isSignificant,
  isUntestable,
  SET_SEEDS,
  settingsText,
  slowerStages,
  type OtherSweep,
  type SweepData,
  type SweepFindings,
} from './sweep-findings'
import { counted, formatCost, formatDuration, formatNumber, formatP, formatRange, withUnit } from '../number-format'
import { countCell, figureCell, intervalCell, paperCell, paperText, table, textCell, type Cell } from './table'

const SHOWN_TRIALS = 500
/** More levels that are numbers are drawn as a curve. */
const MOST_ROWS = 12

export function renderSweep(data: SweepData, findings: SweepFindings): string {
  return page(data.title, data.origin, [
    note(subtitle(data)),
    answerList(answers(data, findings)),
    cautionList(cautions(data)),
    findings.since.map(({ other, found }) => changeSection(data, other, found)).join(''),
    effectSections(data, findings.axes),
    failureSection(data.trials),
    trialSection(data),
    reproduction('sweep', data.settings, data.version),
    data.night ? noteOf(nightRemark(data.night)) : '',
  ])
}

const subtitle = ({ trials, workflow, metric, higherIsBetter }: SweepData) =>
  [
    `${counted(trials.length, 'trial')} of ${workflow}`,
    `by ${namedMetric(metric)}`,
    ...(higherIsBetter ? [] : ['lower is better']),
  ].join(', ') + '.'

/** In words, at the beginning of a title. */
const inTitle = (metric: string) =>
  metricWords(metric).replace(/^[a-z](?=[a-z]* (?!over ))/, (letter) => letter.toUpperCase())

/** In words, with the name that it has in settings and files. */
const namedMetric = (metric: string) => (metricWords(metric) === metric ? metric : `${metricWords(metric)} (${metric})`)

const nightRemark = (night: string) =>
  [
    `The seeds are those of the night of ${escape(night)}:`,
    '<code>rlaif schedule backfill</code> for that time runs them again;',
    'the command above uses the seeds of its input.',
  ].join(' ')

const testCell = ({ value, low, high }: TTest, show: (value: number) => string): Cell =>
  intervalCell(show(value), formatRange(show(low), show(high)))

// ---- Changes since another sweep

function changeSection({ metric }: SweepData, { called, report }: OtherSweep, changes: SweepChanges): string {
  const rows = [
    ...changes.metric
      .filter((change) => change.what === 'all trials' || isSignificant(change))
      .map((change) => changeRow(`${metricWords(metric)}, ${change.what}`, metric, change)),
    ...changes.others.filter(isSignificant).map((change) => changeRow(namedMetric(change.what), change.what, change)),
  ]
  const seeds = changes.sameSeeds ? 'paired by seed' : 'of the seeds of both as two samples'
  const remark = [
    'Means of each seed over the settings that both have: trials of one seed share data, models and prompts, so they',
    `count once. t-test ${seeds}, with 95 % interval; p corrected by Holm’s weighted procedure over all tests here:`,
    `${changes.metric.length} of ${metricWords(metric)}, ${changes.others.length} of other figures, ${changes.stages.length} of`,
    `stage times. Shown are the changes over all trials, and those beyond noise (p < ${SIGNIFICANCE_LEVEL}):`,
    `if nothing changed, the chance that anything is shown as such is at most ${100 * SIGNIFICANCE_LEVEL} %.`,
    ...(isUntestable(changes) ? [`One seed has no noise to compare with: ${SET_SEEDS}.`] : []),
  ]
  return [
    heading(`Since ${called}`),
    noteOf(`${link(report, 'its report')}; ${counted(changes.matched, 'trial is', 'trials are')} in both.`),
    rows.length > 0 ? table(['Figure', 'Seeds', 'Before', 'Now', 'Difference', 'p'], rows) : '',
    note(remark.join(' ')),
    trialList('New failures', changes.newFailures),
    trialList('Failures gone', changes.mended),
    slowerTable(changes),
  ].join('')
}

function changeRow(title: string, metric: string, { before, now, n, p, value, low, high }: FigureChange): Cell[] {
  const show = formatOf(metric)
  return [
    textCell(title),
    countCell(n),
    figureCell(show(before)),
    figureCell(show(now)),
    testCell(clampShare(metric, { value, low, high, n, p }, -1), show),
    figureCell(formatP(p)),
  ]
}

function trialList(title: string, trials: readonly SweptTrial[]): string {
  if (trials.length === 0) return ''
  const texts = trials.map(
    ({ trial, levels, message }) => `trial ${trial} (${settingsText(levels)})${message ? `: ${message}` : ''}`,
  )
  return `<p>${escape(`${title}: ${texts.join('; ')}`)}</p>`
}

function slowerTable(changes: SweepChanges): string {
  const rows = slowerStages(changes).map(({ stage, ratio, n, p }) => [
    textCell(stage),
    countCell(n),
    intervalCell(
      withUnit(formatNumber(ratio.value, 2), '×'),
      formatRange(formatNumber(ratio.low, 2), formatNumber(ratio.high, 2)),
    ),
    figureCell(formatP(p)),
  ])
  return rows.length === 0 ? '' : `<p>Slower stages:</p>${table(['Stage', 'Seeds', 'Time', 'p'], rows)}`
}

// ---- Effects of the fields

const EFFECTS_NOTE = [
  'Means with Student’s 95 % intervals over seeds. Against the first: differences between trials that are alike in',
  'everything else, averaged within each seed; t-test over seeds, p corrected by Holm’s method over all effects: the',
  'trials of one seed share data, models and prompts, so they count once. Time and cost are totals; what',
  'was in the store already cost nothing.',
].join(' ')

function effectSections(data: SweepData, axes: readonly AxisEffects[]): string {
  if (axes.length === 0) return ''
  return axes.map((axis) => effectSection(data, axis)).join('') + note(EFFECTS_NOTE)
}

function effectSection({ metric, preset, task }: SweepData, { field, levels }: AxisEffects): string {
  const paper = STUDY_FIGURES[preset ?? '']?.find((figures) => figures.field === field)
  const head = [
    'Level',
    'Trials',
    inTitle(metric),
    ...(paper ? ['Paper'] : []),
    'Against the first',
    'p',
    'Time',
    'Cost',
  ]
  const rows = levels.map((effect) => {
    const [level, trials, mean, ...rest] = effectRow(effect, metric)
    return [level!, trials!, mean!, ...(paper ? [paperCell(paper.levels[effect.level]?.[task])] : []), ...rest]
  })
  return [
    heading(field),
    table(head, rows),
    paper ? note(paperRemark(paper, levels, task)) : '',
    chartGrid([effectChart(field, levels, metric)]),
  ].join('')
}

function effectRow({ level, trials, metric: test, difference, seconds, cost }: LevelEffect, metric: string): Cell[] {
  const show = formatOf(metric)
  return [
    textCell(level),
    countCell(trials),
    testCell(clampShare(metric, test), show),
    difference ? testCell(clampShare(metric, difference, -1), show) : figureCell('–'),
    figureCell(difference ? formatP(difference.p) : '–'),
    figureCell(formatDuration(seconds)),
    figureCell(formatCost(cost)),
  ]
}

/** Where the paper has its figures, and those of levels that the sweep does not have. */
function paperRemark(paper: StudyFigures, levels: readonly LevelEffect[], task: string): string {
  const missing = Object.entries(paper.levels).flatMap(([level, tasks]) =>
    tasks[task] !== undefined && !levels.some((effect) => effect.level === level)
      ? [`${level} ${paperText(tasks[task])}`]
      : [],
  )
  return `Paper: ${paper.source}.${missing.length > 0 ? ` It also has ${missing.join(', ')}.` : ''}`
}

/** Many levels that are numbers are placed on a number line; others by name. */
function effectChart(field: string, levels: readonly LevelEffect[], metric: string): string {
  const drawable = levels.filter(({ trials }) => trials > 0)
  if (drawable.length === 0) return ''
  const title = `${inTitle(metric)} by ${field}`
  const points = drawable.map(({ level, metric: test }) => ({ name: level, ...clampShare(metric, test) }))
  const show = formatOf(metric)
  if (points.length > MOST_ROWS && points.every(({ name }) => Number.isFinite(Number(name)))) {
    const curve = points.map(({ name, value }): [number, number] => [Number(name), value])
    return lineChart(title, [{ name: metricWords(metric), points: curve }], show)
  }
  return pointChart(title, points, show)
}

// ---- Trials

function failureSection(trials: readonly SweptTrial[]): string {
  const failed = trials.filter(({ state }) => state === 'failed')
  const rows = failed.map(({ trial, levels, seed, message }): Cell[] => [
    textCell(`${trial}: ${settingsText(levels)}`),
    figureCell(String(seed)),
    textCell(message ?? ''),
  ])
  return failed.length === 0 ? '' : heading('Failed trials') + table(['Trial', 'Seed', 'Reason'], rows, { fold: true })
}

function trialSection({ trials, metric }: SweepData): string {
  const show = formatOf(metric)
  const rows = trials
    .slice(0, SHOWN_TRIALS)
    .map(({ trial, levels, seed, state, seconds, cost, figures, report, cautions = [] }): Cell[] => [
      textCell(`${trial}: ${settingsText(levels)}`),
      figureCell(figures[metric] === undefined ? '–' : show(figures[metric])),
      figureCell(String(seed)),
      {
        html:
          (report ? link(report, state) : escape(state)) +
          (cautions.length > 0 ? ' <b title="see the cautions">!</b>' : ''),
      },
      figureCell(formatDuration(seconds)),
      figureCell(formatCost(cost)),
    ])
  const all = 'all of them, with every figure, are in sweep.csv next to this page.'
  const remark =
    trials.length > SHOWN_TRIALS
      ? `The first ${SHOWN_TRIALS} of ${trials.length}; ${all}`
      : 'Every figure of every trial is in sweep.csv and sweep.json next to this page.'
  return [
    heading('Trials'),
    table(['Trial', inTitle(metric), 'Seed', 'State', 'Time', 'Cost'], rows),
    note(remark),
  ].join('')
}

/** One row per trial, with every figure. */
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
  return csvOf([head, ...lines])
}
