// Tables and what stands in their cells: text, numbers, shares with intervals, p-values.
import type { Interval } from '../evaluation/bootstrap'
import { formatNumber, formatPercent, formatPercentRange, formatRange, type Shown } from '../number-format'
import { escape, prose } from './html'

export interface Cell {
  html: string
  /** Numbers are aligned to the right. */
  number?: boolean
  /** Colour of the background, or of the text. */
  tone?: 'better' | 'worse' | 'none' | 'soft' | undefined
  /** The row's own heading. */
  heading?: boolean
}

interface Layout {
  /** Keeps every cell on one line. */
  nowrap?: boolean
  /**
   * On a phone, each row stands as a block of its own, each cell after the title of its column; else a wide table scrolls
   * sideways below its first column.
   */
  fold?: boolean
}

export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  { nowrap = false, fold = false }: Layout = {},
): string {
  const isNumeric = (column: number) => rows.length > 0 && rows.every((row) => row[column]?.number)
  const heads = head.map((title, column) => `<th${isNumeric(column) ? ' class="number"' : ''}>${escape(title)}</th>`)
  return [
    `<div class="${['wide', ...(nowrap ? ['nowrap'] : []), ...(fold ? ['fold'] : [])].join(' ')}" tabindex="0"><table>`,
    `<thead><tr>${heads.join('')}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${row.map((cell, i) => tableCell(cell, fold ? head[i] : '')).join('')}</tr>`).join('')}</tbody>`,
    '</table></div>',
  ].join('')
}

/** @param title of its column, where the cell stands without it on a phone */
function tableCell({ html, number, tone, heading }: Cell, title = ''): string {
  if (heading) return `<th>${html}</th>`
  const classes = [...(number ? ['number'] : []), ...(tone ? [tone] : [])].join(' ')
  return `<td${classes && ` class="${classes}"`}${title && ` data-head="${escape(title)}"`}>${html}</td>`
}

// ---- Cells

export const textCell = (value: string): Cell => ({ html: prose(value) })

/** A number that is formatted already. */
export const figureCell = (value: string): Cell => ({ html: escape(value), number: true })

/** A number with fixed decimals; "–" where it is undefined. */
export const numberCell = (value: Shown, decimals: number): Cell => figureCell(formatNumber(value, decimals))

export const countCell = (value: Shown): Cell => numberCell(value, 0)

/** A value and its interval in softer print. @param range as `formatRange` writes it; empty where there is none */
export const intervalCell = (value: string, range: string): Cell => ({
  html: escape(value) + (range === '' ? '' : ` <span class="soft range">${escape(range)}</span>`),
  number: true,
})

/** A number and its interval, all with as many decimals. */
export const estimateCell = ({ value, low, high }: Interval, decimals: number): Cell =>
  intervalCell(formatNumber(value, decimals), formatRange(formatNumber(low, decimals), formatNumber(high, decimals)))

/** A share and its interval; "–" for the share of nothing. */
export const shareCell = ({ value, low, high }: Interval): Cell =>
  intervalCell(formatPercent(value), Number.isNaN(value) ? '' : formatPercentRange(low, high))

/** A figure of the paper, in percent: as it is there, with or without decimals. */
export const paperCell = (percent: number | undefined): Cell => figureCell(paperText(percent))

export const paperText = (percent: number | undefined): string =>
  formatPercent(percent === undefined ? undefined : percent / 100, Number.isInteger(percent) ? 0 : 1)
