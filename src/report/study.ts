// The report of a label study: a table of variants as HTML and CSV.
import type { VariantResult } from '../evaluation/label-study'
import { SIGNIFICANCE_LEVEL } from '../evaluation/statistics'
import { csvOf } from './csv'
import { answerList, cautionList, heading, note, type Origin, page } from './html'
import { memberCost, SHARED_COST } from './member-cost'
import { rationaleCautions } from './labeler-answers'
import { COST_PER_PAIR, TABLE_2_AGREEMENT } from './paper-figures'
import { reproduction } from './provenance'
import { counted, formatCost, formatP, formatPercent } from '../number-format'
import { countCell, figureCell, numberCell, paperCell, shareCell, table, textCell, type Cell } from './table'

export interface StudyRow extends VariantResult {
  labeler: string
  /** Seconds, tokens and money, as far as the labeler reports them. */
  spent: Record<string, number>
  /** From when the labeler's answers are. */
  answers?: string
}
/** A member of a jury, or a criterion of a rubric, alone. */
export interface StudyPart extends VariantResult {
  /** The variant that it is part of. */
  variant: string
  calibrationError?: number
  cost?: number
  /** All members that the cost is of, where several share it. */
  costOf?: string[]
}
export interface StudyData {
  title: string
  origin?: Origin | undefined
  task: string
  pairs: number
  rows: StudyRow[]
  parts?: StudyPart[]
  settings: unknown
  version: string
}

export function renderStudy(data: StudyData): string {
  return page(data.title, data.origin, [
    answerList([bestSentence(data.rows)]),
    cautionList(cautions(data)),
    variantTable(data),
    note(howToRead(data.pairs)),
    partSection(data.parts),
    note(answerDates(data.rows)),
    reproduction('labelStudy', data.settings, data.version),
  ])
}

const HEAD = [
  'Variant',
  'Agrees with people',
  'Paper',
  'p against the first',
  'Same slot',
  'of these slot 1',
  'p against even',
  'Failed',
  'Too long',
  'Cost per pair',
]

function variantTable({ rows, task }: StudyData): string {
  const cells = rows.map((row): Cell[] => [
    textCell(row.name),
    shareCell(row.agreement),
    paperCell(paperFigure(row.name, task)),
    figureCell(formatP(row.againstFirstP)),
    shareCell(row.sameSlot),
    shareCell(row.leanToFirst),
    figureCell(formatP(row.sameSlot.n > 0 ? row.leanP : undefined)),
    countCell(row.failed),
    countCell(row.tooLong),
    figureCell(formatCost(costPerPair(row))),
  ])
  return table(HEAD, cells)
}

const PART_HEAD = [
  'Variant',
  'Member or criterion',
  'Agrees with people',
  'Calibration error',
  'Same slot',
  'Failed',
  'Cost',
]

/** What the variants are made of: figures of each part alone, which no test compares. */
function partSection(parts: readonly StudyPart[] = []): string {
  if (parts.length === 0) return ''
  const cells = parts.map((part): Cell[] => [
    textCell(part.variant),
    textCell(part.name),
    shareCell(part.agreement),
    numberCell(part.calibrationError, 3),
    shareCell(part.sameSlot),
    countCell(part.failed),
    figureCell(part.cost === undefined ? '–' : memberCost({ cost: part.cost, members: part.costOf ?? [part.name] })),
  ])
  const remark =
    'Members of juries and criteria of rubrics, each alone on the same pairs. A criterion counts where the two responses ' +
    'can differ in it. Calibration error: the mean distance of predicted from observed preferences.'
  const shared = parts.some(({ costOf }) => costOf) ? ` ${SHARED_COST}` : ''
  return heading('Members and criteria') + table(PART_HEAD, cells) + note(`${remark}${shared}`)
}

const paperFigure = (name: string, task: string) => TABLE_2_AGREEMENT[name]?.[task]
/** In the currency of the prices; undefined without prices, or where no pair was judged. */
export const costPerPair = ({ spent, agreement }: StudyRow) =>
  spent.cost === undefined || agreement.n === 0 ? undefined : (spent.cost + (spent.reusedCost ?? 0)) / agreement.n

const howToRead = (pairs: number): string =>
  [
    `${counted(pairs, 'pair')} that people decided, the same for every variant.`,
    "Agreement: the label's likelier response is the one people preferred, with Wilson's 95 % interval.",
    "p against the first variant: McNemar's exact test on the pairs that both judged, corrected over all variants by",
    "Holm's method.",
    'Same slot: the same slot chosen in both orders; p against even: of a binomial test that both slots are as likely.',
    'Paper: Table 2, labeler PaLM 2 L;',
    `a pair cost $${COST_PER_PAIR.ai} there, and $${COST_PER_PAIR.human} when labelled by people (Appendix L).`,
  ].join(' ')

/** The variant that agrees most with people; undefined if no variant judged a pair. */
export const bestVariant = (rows: readonly StudyRow[]): StudyRow | undefined =>
  rows
    .filter(({ agreement }) => agreement.n > 0)
    .sort((a, b) => b.agreement.value - a.agreement.value)
    .at(0)

/** From when the answers of each variant are. */
const answerDates = (rows: readonly StudyRow[]): string =>
  rows.flatMap(({ name, answers }) => (answers ? [`${name}: ${answers}.`] : [])).join(' ')

/** What was found, in a sentence. */
export function bestSentence(rows: readonly StudyRow[]): string {
  const best = bestVariant(rows)
  if (!best) return 'No variant judged a pair: there is nothing to compare.'
  const { name, agreement } = best
  const interval = `95 % interval ${formatPercent(agreement.low)} to ${formatPercent(agreement.high)}`
  const found = `on ${formatPercent(agreement.value)} of ${counted(agreement.n, 'pair')} (${interval})`
  const equals = rows.filter((row) => row !== best && row.agreement.n > 0 && row.agreement.value >= agreement.low)
  if (equals.length === 0) return `${name} agrees most with people: ${found}.`
  const others = equals.map((row) => `${row.name} (${formatPercent(row.agreement.value)})`)
  return `No variant is best: ${name} has the highest agreement, ${found}, and ${others.join(', ')} ${others.length === 1 ? 'lies' : 'lie'} in its interval.`
}

/** What a reader must know before believing the table. */
export function cautions({ rows }: Pick<StudyData, 'rows'>): string[] {
  const names = (some: readonly StudyRow[]) => some.map(({ name }) => name).join(', ')
  const silent = rows.filter(({ agreement }) => agreement.n === 0)
  const atChance = rows.filter(({ agreement: { low, high, n } }) => n > 0 && low <= 0.5 && high >= 0.5)
  const oneOrder = rows.filter(({ orders }) => orders === 1)
  const alone = rows.filter(({ orders }) => orders === 0)
  const different = rows.filter(({ againstFirstP: p }) => p !== undefined && p < SIGNIFICANCE_LEVEL)
  const biased = rows.filter(({ sameSlot }) => sameSlot.value > 0.5)
  return [
    ...rows.flatMap(({ name, labeler, spent }) =>
      rationaleCautions({ labeler, ...spent }).map((caution) => `${name}: ${caution}`),
    ),
    ...(silent.length > 0 ? [`Agreement is undefined, as no pair was judged: ${names(silent)}.`] : []),
    ...(oneOrder.length > 0
      ? [`Same slot is undefined, as each pair was asked in one order: ${names(oneOrder)}.`]
      : []),
    ...(alone.length > 0
      ? [`Same slot is undefined, as each response was asked about alone and has no slot: ${names(alone)}.`]
      : []),
    ...(atChance.length > 0 ? [`At chance level (the interval contains 50 %): ${names(atChance)}.`] : []),
    ...(rows.length > 1 && different.length === 0
      ? [
          `No variant differs from the first beyond noise (p < ${SIGNIFICANCE_LEVEL}): ` +
            'the order of the table is not a finding.',
        ]
      : []),
    ...(biased.length > 0
      ? [`In more than half of the pairs the position decided, not the text: ${names(biased)}.`]
      : []),
  ]
}

const CSV_HEAD = [
  'variant',
  'labeler',
  'agreement',
  'low',
  'high',
  'pairs',
  'paper',
  'p_against_first',
  'same_slot',
  'same_slot_low',
  'same_slot_high',
  'lean_to_first',
  'lean_p',
  'failed',
  'too_long',
  'requests',
  'prompt_tokens',
  'completion_tokens',
  'cost',
  'seconds',
]

export function studyCsv({ rows, task }: StudyData): string {
  const lines = rows.map((row) => [
    row.name,
    row.labeler,
    row.agreement.value,
    row.agreement.low,
    row.agreement.high,
    row.agreement.n,
    paperFigure(row.name, task),
    row.againstFirstP,
    row.sameSlot.value,
    row.sameSlot.low,
    row.sameSlot.high,
    row.leanToFirst.value,
    row.leanP,
    row.failed,
    row.tooLong,
    row.spent.requests,
    row.spent.promptTokens,
    row.spent.completionTokens,
    row.spent.cost,
    row.spent.seconds,
  ])
  return csvOf([CSV_HEAD, ...lines])
}
