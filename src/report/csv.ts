// Tables as CSV.

type Value = string | number | undefined

/** A number that is undefined, such as the share of nothing, is an empty cell. */
const cell = (value: Value) =>
  typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : Number.isNaN(value) ? '' : (value ?? '')

/** @param lines the first one is the head */
export const csvOf = (lines: readonly (readonly Value[])[]): string =>
  `${lines.map((line) => line.map(cell).join(',')).join('\n')}\n`

/** Puts an apostrophe in front of text that a spreadsheet would take for a formula. */
export const noFormula = (value: Value): Value =>
  typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
