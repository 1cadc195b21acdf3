// Tables and what stands in their cells: text, numbers, shares with intervals, p-values.
import type { Share } from '../evaluation/statistics'
import { escape } from './html'

export interface Cell {
  html: string
  /** Numbers are aligned to the right. */
  number?: boolean
  /** Colour of the background, or of the text. */
  tone?: 'better' | 'worse' | 'none' | 'soft' | undefined
  /** The row's own heading. */
  heading?: boolean
}

/** @param nowrap keeps every cell on one line */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], { nowrap = false } = {}): string {
  const isNumeric = (column: number) => rows.length > 0 && rows.every((row) => row[column]?.number)
  const heads = head.map((title, column) => `<th${isNumeric(column) ? ' class="number"' : ''}>${escape(title)}</th>`)
  return [
    `<div class="wide${nowrap ? ' nowrap' : ''}"><table>`,
    `<thead><tr>${heads.join('')}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${row.map(tableCell).join('')}</tr>`).join('')}</tbody>`,
    '</table></div>',
  ].join('')
}

function tableCell({ html, number, tone, heading }: Cell): string {
  if (heading) return `<th>${html}</th>`
  const classes = [...(number ? ['number'] : []), ...(tone ? [tone] : [])]
  return `<td${classes.length > 0 ? ` class="${classes.join(' ')}"` : ''}>${html}</td>`
}

// ---- Cells

export const textCell = (value: string): Cell => ({ html: escape(value) })

/** A number that is formatted already. */
export const figureCell = (value: string): Cell => ({ html: escape(value), number: true })

export const numberCell = (value: number | null | undefined, digits = 3): Cell =>
  figureCell(value === null || value === undefined || Number.isNaN(value) ? '–' : formatNumber(value, digits))

/** A value and its interval in softer print. */
export const intervalCell = (value: string, low: string, high: string): Cell => ({
  html: `${escape(value)} <span class="soft">${escape(low)}–${escape(high)}</span>`,
  number: true,
})

export const shareCell = ({ value, low, high }: Pick<Share, 'value' | 'low' | 'high'>): Cell =>
  intervalCell(percent(value), formatNumber(100 * low, 0), formatNumber(100 * high, 0))

/** A figure of the paper, in percent. */
export const paperCell = (value: number | undefined): Cell => figureCell(value === undefined ? '–' : `${value} %`)

// ---- Numbers

export function formatNumber(value: number, digits = 3): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  return Math.abs(value) < 10 ** -digits ? value.toExponential(1) : value.toFixed(digits)
}

export const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

export const formatP = (p: number): string => (Number.isNaN(p) ? '–' : p < 0.001 ? '< 0.001' : p.toFixed(3))
