// Tables in the Markdown that Temporal's UI shows. It draws them without lines and without space between columns, and its
// Markdown drops spaces at the ends of cells: so the space is a character of its own.

/** An em space. */
const GAP = '\u2003'

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim()
const line = (cells: readonly string[]) => {
  const last = cells.length - 1
  return `| ${cells.map((text, i) => (i < last ? `${cell(text)}${GAP}` : cell(text))).join(' | ')} |`
}

export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [line(head), `|${head.map(() => ':--').join('|')}|`, ...rows.map(line)].join('\n')
