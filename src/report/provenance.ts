// Where a report comes from: what ran, for how long, on what, and how to do it again.
import { hostname } from 'node:os'
import type { Summary } from '../contracts/artifact'
import { escape, formatNumber, number, table, text, type Cell } from './html'

export interface StageRecord {
  stage: string
  seconds: number
  summary: Summary
  uri: string
  sha256: string
  /** Code version of the stage. */
  version: number
}

const shown = (value: Summary[string]) => (typeof value === 'number' ? formatNumber(value) : String(value ?? '–'))

/** Each stage once, in the order given: time, figures, artifact. */
export function stageTable(records: readonly StageRecord[]): string {
  const rows = records.map(({ stage, seconds, summary, uri, sha256 }): Cell[] => [
    text(stage),
    number(seconds, 1),
    text(
      Object.entries(summary)
        .map(([name, value]) => `${name} ${shown(value)}`)
        .join(' · '),
    ),
    { html: `<code>${escape(uri)}</code> <span class="soft">${escape(sha256.slice(0, 12))}</span>` },
  ])
  return table(['Stage', 'Seconds', 'Figures', 'Artifact'], rows)
}

/** In a shell's single quotes. */
const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`

/** The settings, versions, and the command that does the same again. */
export function repeat(workflow: string, settings: unknown, version: string): string {
  const command = `rlaif run ${workflow} --input ${quoted(JSON.stringify(settings))}`
  const versions = `rlaif ${version}, Node ${process.version}, ${process.platform} ${process.arch}, written on ${hostname()}`
  return `<h2>How to repeat it</h2><pre>${escape(command)}</pre><p class="soft">${escape(versions)}. The same settings and seed give the same artifacts, by digest; finished stages are taken from the store.</p><details><summary>Settings</summary><pre>${escape(JSON.stringify(settings, null, 2))}</pre></details>`
}
