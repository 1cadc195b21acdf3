// The answers of runs that compare: what the files next to their reports say, in sentences and as a table.
import type { Summary } from '../contracts/artifact'
import { metricWords } from '../contracts/figures'
import { isRecord } from '../contracts/overlay'
import type { Alignment } from '../evaluation/alignment'
import type { Claim } from '../evaluation/claims'
import type { Comparison } from '../evaluation/comparison'
import type { HumanResult } from '../evaluation/human'
import { largest } from '../extremes'
import { formatCost, formatCount, formatP, formatPercent, formatPercentRange, isDefined } from '../number-format'
import { answers as comparisonSentences, duelCautions } from './duel-notes'
import { fewPromptsCaution, judgeCautions, USUAL_OF_PEOPLE } from './judge-cautions'
import { answers as humanSentences, raterCautions } from './human'
import { answers as claimSentences, estimateText } from './claims'
import { bestSentence, cautions as studyCautions, costPerPair, type StudyRow } from './study'
import {
  answers as sweepSentences,
  cautions as sweepCautions,
  formatOf,
  settingsText,
  type SweepData,
  type SweepFindings,
} from './sweep-findings'

export type Row = Record<string, string | number | null>

/** A column of the table: its title, and how a row's cell is written. */
export interface Column {
  title: string
  show: (row: Row) => string
}

export interface Answer {
  sentences: string[]
  /** What weakens it. */
  cautions: string[]
  /** The main figures, by name. */
  figures: Summary
  columns: Column[]
  rows: Row[]
}

type Found = Omit<Answer, 'figures'>

/** The file next to the report of each workflow that compares, the list that it must hold, and what it says. */
const TABLES: Record<string, { file: string; holds: string; answer: (content: never) => Found }> = {
  compare: { file: 'comparison.json', holds: 'duels', answer: comparisonAnswer },
  rounds: { file: 'comparison.json', holds: 'duels', answer: comparisonAnswer },
  sweep: { file: 'sweep.json', holds: 'trials', answer: sweepAnswer },
  labelStudy: { file: 'study.json', holds: 'rows', answer: studyAnswer },
  humanEvaluation: { file: 'result.json', holds: 'duels', answer: humanAnswer },
  miniature: { file: 'claims.json', holds: 'claims', answer: claimsAnswer },
}

/** @returns undefined for another workflow, or where the file cannot be read from here */
export function tableAnswer(workflow: string, file: (name: string) => unknown, summary: Summary): Answer | undefined {
  const table = TABLES[workflow]
  const content = table && file(table.file)
  if (!table || !isRecord(content) || !Array.isArray(content[table.holds])) return undefined
  return { ...table.answer(content as never), figures: summary }
}

// ---- Columns

const text = (title: string, name: string): Column => ({ title, show: (row) => String(row[name] ?? '–') })
const counted = (title: string, name: string): Column => ({ title, show: (row) => formatCount(numberIn(row, name)) })
const pValue: Column = { title: 'p', show: ({ p }) => formatP(p as number | null) }
const numberIn = (row: Row, name: string) => (typeof row[name] === 'number' ? row[name] : undefined)

/** A share and its interval, from three fields of the row. */
const share = (title: string, name: string): Column => ({
  title,
  show: (row) => {
    const range = formatPercentRange(numberIn(row, `${name}Low`), numberIn(row, `${name}High`))
    return `${formatPercent(numberIn(row, name))}${range && `  ${range}`}`
  },
})

const shareFields = (
  name: string,
  { value, low, high, n }: { value: number; low: number; high: number; n?: number },
): Row =>
  Object.fromEntries(
    Object.entries({ [name]: value, [`${name}Low`]: low, [`${name}High`]: high }).map(([field, number]) => [
      field,
      n !== 0 && isDefined(number) ? number : null,
    ]),
  )

const orNull = (value: number | undefined): number | null => (isDefined(value) ? value : null)

// ---- Each workflow

type ComparisonFile = Comparison & { judge?: string; alignment?: Alignment }

function comparisonAnswer(comparison: ComparisonFile): Found {
  const { judge, alignment } = comparison
  return {
    sentences: comparisonSentences({ comparison }),
    cautions: [...(judge === undefined ? [] : judgeCautions(judge, alignment)), ...duelCautions(comparison.duels)],
    columns: [
      text('policy', 'first'),
      text('against', 'second'),
      share('wins', 'winRate'),
      share('at equal length', 'controlledWinRate'),
      pValue,
      counted('prompts', 'prompts'),
    ],
    rows: comparison.duels.map(({ first, second, winRate, controlled, p }) => ({
      first,
      second,
      ...shareFields('winRate', winRate),
      ...shareFields('controlledWinRate', controlled),
      p: winRate.n > 0 ? orNull(p) : null,
      prompts: winRate.n,
    })),
  }
}

/** Reports of earlier versions do not say which direction is better. */
type SweepFile = Pick<SweepData, 'metric' | 'trials'> & Partial<Pick<SweepData, 'higherIsBetter'>> & SweepFindings

function sweepAnswer(sweep: SweepFile): Found {
  const { metric, trials, best, higherIsBetter = true } = sweep
  const show = formatOf(metric)
  const groups = new Map<string, SweepFile['trials']>()
  for (const trial of trials) {
    const settings = settingsText(trial.levels)
    groups.set(settings, [...(groups.get(settings) ?? []), trial])
  }
  const rows = [...groups].map(([settings, group]): Row => {
    const values = group.flatMap(({ figures }) => figures[metric] ?? [])
    const value = values.length === 0 ? null : values.reduce((sum, one) => sum + one, 0) / values.length
    const failed = group.filter(({ state }) => state === 'failed').length
    return { settings, value, trials: group.length, failed }
  })
  const bestText = best && settingsText(best.levels)
  return {
    sentences: sweepSentences({ ...sweep, higherIsBetter }, sweep),
    cautions: sweepCautions(sweep),
    columns: [
      text('settings', 'settings'),
      { title: metricWords(metric), show: ({ value }) => (typeof value === 'number' ? show(value) : '–') },
      counted('trials', 'trials'),
      ...(rows.some(({ failed }) => failed !== 0) ? [counted('failed', 'failed')] : []),
    ],
    rows: [
      ...rows.filter(({ settings }) => settings === bestText),
      ...rows.filter(({ settings }) => settings !== bestText),
    ],
  }
}

function studyAnswer({ rows }: { rows: StudyRow[] }): Found {
  return {
    sentences: [bestSentence(rows)],
    cautions: studyCautions({ rows }),
    columns: [
      text('variant', 'variant'),
      share('agrees with people', 'agreement'),
      counted('pairs', 'pairs'),
      share('same slot', 'sameSlot'),
      { title: 'cost per pair', show: (row) => formatCost(numberIn(row, 'costPerPair')) },
    ],
    rows: rows.map((row) => ({
      variant: row.name,
      ...shareFields('agreement', row.agreement),
      pairs: row.agreement.n,
      ...shareFields('sameSlot', row.sameSlot),
      costPerPair: orNull(costPerPair(row)),
      failed: row.failed,
    })),
  }
}

function humanAnswer(result: HumanResult): Found {
  const isRanking = result.good.length === 0
  const sentences = humanSentences({ kind: isRanking ? 'rank' : 'verdict', result })
  const prompts = largest(
    result.duels.map((duel) => duel.prompts),
    0,
  )
  if (isRanking)
    return {
      sentences,
      cautions: [...fewPromptsCaution(prompts, USUAL_OF_PEOPLE), ...raterCautions(result)],
      columns: [
        text('policy', 'first'),
        text('against', 'second'),
        share('preferred', 'winRate'),
        pValue,
        counted('prompts', 'prompts'),
        counted('ratings', 'ratings'),
      ],
      rows: result.duels.map(({ winRate, p, ...duel }) => ({
        ...duel,
        ...shareFields('winRate', winRate),
        p: orNull(p),
      })),
    }
  return {
    sentences,
    cautions: raterCautions(result),
    columns: [text('policy', 'name'), share('rated good', 'good'), counted('ratings', 'ratings')],
    rows: result.good.map(({ name, share: good, ratings }) => ({ name, ...shareFields('good', good), ratings })),
  }
}

function claimsAnswer({ claims }: { claims: Claim[] }): Found {
  return {
    sentences: claimSentences(claims).slice(0, 1),
    cautions: [],
    columns: [text('', 'verdict'), text('claim', 'says'), text('in miniature', 'found'), text('paper', 'paper')],
    rows: claims.map(({ says, paper, verdict, unit, estimate }) => ({
      verdict,
      says,
      found: estimate ? estimateText(estimate, unit) : '–',
      value: orNull(estimate?.value),
      low: orNull(estimate?.low),
      high: orNull(estimate?.high),
      paper,
    })),
  }
}
