// Where a report comes from: what ran, for how long, on what, and how to reproduce it.
import { hostname } from 'node:os'
import type { Summary } from '../contracts/artifact'
import { escape, heading, note, preformatted } from './html'
import { formatDuration, formatFigure } from '../number-format'
import { figureCell, table, textCell, type Cell } from './table'

export interface StageRecord {
  stage: string
  seconds: number
  summary: Summary
  /** What the stage read from outside the store: digests and commits, by what they are for. */
  sources?: Record<string, string>
  uri: string
  sha256: string
  /** Code version of the stage. */
  version: number
}

/** Each stage once, in the given order: time, figures, artifact. */
export function stageTable(records: readonly StageRecord[]): string {
  const rows = records.map(({ stage, seconds, summary, sources, uri, sha256 }): Cell[] => [
    textCell(stage),
    figureCell(formatDuration(seconds)),
    { html: `${escape(figuresText(summary))}${sourcesText(sources)}` },
    { html: `<code>${escape(uri)}</code> <span class="soft">${escape(sha256.slice(0, 12))}</span>` },
  ])
  return table(['Stage', 'Time', 'Figures', 'Artifact'], rows)
}

const figuresText = (summary: Summary) =>
  Object.entries(summary)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? formatFigure(value) : String(value ?? '–')}`)
    .join(' · ')

const sourcesText = (sources: Record<string, string> = {}) =>
  Object.entries(sources)
    .map(([name, source]) => `<br>${escape(name)} <code>${escape(source)}</code>`)
    .join('')

/** Quotes a value for a shell. */
const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`

/** The command that runs the same again, with versions and settings. */
export function reproduction(workflow: string, settings: unknown, version: string): string {
  const remark = [
    `rlaif ${version}, Node ${process.version}, ${process.platform} ${process.arch}, written on ${hostname()}.`,
    'The same settings and seed give the same artifacts, by digest; finished stages are taken from the store.',
  ]
  return [
    heading('How to reproduce this'),
    preformatted(`rlaif run ${workflow} --input ${quoted(JSON.stringify(settings))}`),
    note(remark.join(' ')),
    `<details><summary>Settings</summary>${preformatted(JSON.stringify(settings, null, 2))}</details>`,
  ].join('')
}
