// Text for the terminal.
import type { z } from 'zod'
import type { commandOutputs, CommandWithOutput } from '../contracts/command-output'
import { largest } from '../extremes'
import { typedCommand } from '../installation'

/**
 * Text from a model, a file or an endpoint without the control characters that a terminal would obey; with spaces that
 * can be searched for where pages keep a number and its unit together; and with commands, as messages name them
 * between backticks, as they are typed here.
 */
export const plainText = (text: string): string =>
  text
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '�')
    .replaceAll('\u00a0', ' ')
    .replace(/`rlaif (?=[a-z])/g, `\`${typedCommand} `)

export const print = (line: string): void => void process.stdout.write(`${plainText(line)}\n`)

/** A line that is not part of the command's output. */
export const printAside = (line: string): void => void process.stderr.write(`${plainText(line)}\n`)

/** The one JSON object that a command prints with --json, as its schema says. */
export function printJson<C extends CommandWithOutput>(_: C, output: z.infer<(typeof commandOutputs)[C]>): void {
  const text = JSON.stringify(output, null, 2).replaceAll('\u00a0', ' ')
  process.stdout.write(
    `${text.replace(/[\u007f-\u009f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`,
  )
}

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

/** A line in rows of at most `width` characters, broken at spaces; all but the first begin with `indent`. */
export function wrapped(line: string, width: number, indent = ''): string[] {
  const rows: string[] = []
  let rest = line
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > indent.length ? space : width
    rows.push(rest.slice(0, end))
    rest = indent + rest.slice(end).trimStart()
    if (width <= indent.length) break
  }
  return [...rows, rest]
}
