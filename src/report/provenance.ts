// Where a report comes from: what ran, for how long, on what, and how to reproduce it.
import { hostname } from 'node:os'
import type { Summary } from '../contracts/artifact'
import { escape, heading, note, preformatted, prose } from './html'
import { figureLines } from '../contracts/figures'
import { formatCount, formatDuration } from '../number-format'
import { figureCell, table, textCell, type Cell } from './table'

/** More stages, of the arms of a comparison, are folded up. */
const MOST_SHOWN = 14

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

/** Each stage once, in the given order: time, figures, artifact; below, what the figures mean. */
export function stageTable(records: readonly StageRecord[]): string {
  const rows = records.map(({ stage, seconds, summary, sources, uri, sha256 }): Cell[] => [
    textCell(stage),
    figureCell(formatDuration(seconds)),
    { html: `${figuresText(summary)}${sourcesText(sources)}${placeText(uri, sha256)}` },
  ])
  const all = table(['Stage', 'Time', 'Figures and artifact'], rows, { fold: true })
  const shown =
    rows.length > MOST_SHOWN
      ? `<details><summary>All ${formatCount(rows.length)} stages</summary>${all}</details>`
      : all
  return shown + glossary(records)
}

const figuresText = (summary: Summary) =>
  figureLines(summary)
    .map(({ words, text }) => `<span class="figure"><span class="soft">${escape(words)}</span> ${prose(text)}</span>`)
    .join(' ')

const sourcesText = (sources: Record<string, string> = {}) =>
  Object.entries(sources)
    .map(([name, source]) => `<div class="place">${escape(name)} <code>${escape(source)}</code></div>`)
    .join('')

const placeText = (uri: string, sha256: string) =>
  `<div class="place"><code>${escape(uri)}</code> ${escape(sha256.slice(0, 12))}</div>`

/** The figures that their words do not explain. */
function glossary(records: readonly StageRecord[]): string {
  const lines = records.flatMap(({ summary }) => figureLines(summary))
  const meanings = new Map(lines.flatMap(({ words, explanation }) => (explanation ? [[words, explanation]] : [])))
  if (meanings.size === 0) return ''
  const terms = [...meanings].map(([words, meaning]) => `<dt>${escape(words)}</dt><dd>${prose(meaning)}</dd>`)
  return `<details><summary>What the figures mean</summary><dl>${terms.join('')}</dl></details>`
}

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
