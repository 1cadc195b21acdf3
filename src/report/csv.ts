// Tables as CSV.

type Value = string | number | undefined

/** A number that is undefined, such as the share of nothing, is an empty cell. */
const cell = (value: Value) =>
  typeof value === 'string' ? `"${noFormula(value).replaceAll('"', '""')}"` : Number.isNaN(value) ? '' : (value ?? '')

/** Puts an apostrophe in front of text that a spreadsheet would take for a formula. */
const noFormula = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)

/** @param lines the first one is the head */
export const csvOf = (lines: readonly (readonly Value[])[]): string =>
  `${lines.map((line) => line.map(cell).join(',')).join('\n')}\n`
