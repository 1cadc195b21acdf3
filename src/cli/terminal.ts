// Text for the terminal.
import { largest } from '../extremes'

/**
 * Text from a model, a file or an endpoint without the control characters that a terminal would obey; with spaces that
 * can be searched for where pages keep a number and its unit together.
 */
export const plainText = (text: string): string =>
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '�').replaceAll('\u00a0', ' ')

export const print = (line: string): void => void process.stdout.write(`${plainText(line)}\n`)

/** Rows, the first of them the head, as lines with aligned columns. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => largest(rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}
