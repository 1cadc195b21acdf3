// The report of a label study: a table of variants as HTML, CSV and JSON.
import type { VariantResult } from '../evaluation/label-study'
import type { Share } from '../evaluation/statistics'
import { caution, escape, number, page, percent, table, text, type Cell } from './html'
import { COST_OF_A_PAIR, TABLE_2_AGREEMENT } from './paper-figures'

export interface StudyRow extends VariantResult {
  labeler: string
  /** Seconds, tokens and money, as far as the labeler tells. */
  spent: Record<string, number>
}
export interface StudyData {
  title: string
  task: string
  pairs: number
  rows: StudyRow[]
  settings: unknown
}

const withInterval = ({ value, low, high, n }: Share): Cell =>
  n === 0 ? text('–') : { html: `${percent(value)} <span class="soft">${percent(low)}–${percent(high)}</span>` }
const pValue = (p: number | undefined): Cell => (p === undefined ? text('–') : number(p, 3))
const paperFigure = (name: string, task: string) => TABLE_2_AGREEMENT[name]?.[task]

const HEAD = [
  'Variant',
  'Agrees with people',
  'Paper',
  'p against the first',
  'Same slot',
  'of it the first',
  'p of a fair coin',
  'Failed',
  'Too long',
  'Cost a pair',
]

export function renderStudy(data: StudyData): string {
  const rows = data.rows.map((row): Cell[] => [
    text(row.name),
    withInterval(row.agreement),
    number(paperFigure(row.name, data.task), 1),
    pValue(row.againstFirstP),
    withInterval(row.sameSlot),
    withInterval(row.leanToFirst),
    pValue(row.sameSlot.n > 0 ? row.leanP : undefined),
    number(row.failed),
    number(row.tooLong),
    number(costOfPair(row), 5),
  ])
  return page(
    data.title,
    [
      `<h1>${escape(data.title)}</h1><p>${escape(best(data.rows))}</p>`,
      cautions(data).map(caution).join(''),
      table(HEAD, rows),
      `<p class="soft">${data.pairs} pairs that people decided, the same for every variant. Agreement: the likelier response by the label is the one people preferred, with Wilson's 95 % interval. p against the first variant: McNemar's exact test on the pairs both judged. Same slot: in both orders. Paper: Table 2, labeler PaLM 2 L; a pair cost $${COST_OF_A_PAIR.ai} there, and $${COST_OF_A_PAIR.human} by people (Appendix L).</p>`,
      `<h2>Settings</h2><pre>${escape(JSON.stringify(data.settings, null, 2))}</pre>`,
    ].join('\n'),
  )
}

const costOfPair = ({ spent, agreement }: StudyRow) =>
  spent.cost === undefined || agreement.n === 0 ? undefined : spent.cost / agreement.n

function best(rows: readonly StudyRow[]): string {
  const top = [...rows].sort((a, b) => b.agreement.value - a.agreement.value)[0]!
  return `${top.name} agrees most: ${percent(top.agreement.value)} of ${top.agreement.n} pairs (95 % interval ${percent(top.agreement.low)} to ${percent(top.agreement.high)}).`
}

/** What a reader must know before believing the table. */
export function cautions({ rows }: Pick<StudyData, 'rows'>): string[] {
  const chance = rows.filter(({ agreement }) => agreement.low <= 0.5 && agreement.high >= 0.5)
  const out: string[] = []
  if (chance.length > 0) out.push(`At chance, their interval holds 50 %: ${chance.map(({ name }) => name).join(', ')}.`)
  const different = rows.filter(({ againstFirstP }) => againstFirstP !== undefined && againstFirstP < 0.05)
  if (rows.length > 1 && different.length === 0)
    out.push('No variant differs from the first beyond noise (p < 0.05): the order of the table is not a finding.')
  const slot = rows.filter(({ sameSlot }) => sameSlot.value > 0.5)
  if (slot.length > 0)
    out.push(
      `In more than half of the pairs the place decided, not the text: ${slot.map(({ name }) => name).join(', ')}.`,
    )
  return out
}

const csvCell = (value: string | number | undefined) =>
  typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : (value ?? '')

export function studyCsv({ rows, task }: StudyData): string {
  const head = [
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
  return `${[head, ...lines].map((line) => line.map(csvCell).join(',')).join('\n')}\n`
}
