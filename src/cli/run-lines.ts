// What the terminal shows of a run's result: the answer first, then where the files are.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { RunOutput } from '../contracts/command-output'
import type { Answer } from '../report/answer-tables'
import { table } from './terminal'

const SHOWN_ROWS = 20

/** Sentences, cautions and the table. */
export function answerLines({ sentences, cautions, columns, rows }: Answer): string[] {
  return [
    ...sentences,
    ...cautions.map((caution) => `Caution: ${caution}`),
    ...(rows.length > 0 ? ['', ...tableLines(columns, rows.slice(0, SHOWN_ROWS))] : []),
    ...(rows.length > SHOWN_ROWS ? [`${rows.length - SHOWN_ROWS} more rows are in the report`] : []),
    '',
  ]
}

const tableLines = (columns: Answer['columns'], rows: Answer['rows']): string[] =>
  table([columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ show }) => show(row)))])

/** A line for each result: what it is and where. */
export function fileLines({ report, policy, artifact }: Pick<RunOutput, 'report' | 'policy' | 'artifact'>): string[] {
  const place = ({ uri, path }: NonNullable<typeof report>, file = '') => path ?? `${uri}${file}`
  return [
    ...(report ? [`Report   ${place(report, '/report.html')}`] : []),
    ...(policy ? [`Policy   ${place(policy)}`] : []),
    ...(policy?.path !== undefined && existsSync(join(policy.path, 'adapter_config.json'))
      ? ['         an adapter; `rlaif model export` makes a whole model of it']
      : []),
    ...(artifact ? [`Artifact ${place(artifact)}`] : []),
  ]
}
