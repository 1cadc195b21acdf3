// `rlaif export labels`: the labels of a run as a file that other tools train on.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { folderOf } from '../artifacts/open-store'
import { isArtifactUri } from '../contracts/artifact'
import type { ExportLabelsOutput, RunOutput } from '../contracts/command-output'
import { InvalidInput } from '../contracts/parse'
import { exportableSchema, exportedLabel, peopleByRow, type ExportedLabel } from '../feedback/label-export'
import { writeLabelParquet } from '../feedback/label-parquet'
import { rowSchema } from '../data/row'
import { readJsonlInParts, writeJsonl } from '../json-lines'
import { openHome } from '../workers/home'
import { counted, isOrAre } from '../number-format'
import { withConnection, type Connected } from '../runs/connection'
import { existingRun } from '../runs/existing-run'
import { viewOf } from '../runs/run-view'
import { madeWhole } from './made-whole'

export const LABEL_FORMATS = ['trl', 'jsonl', 'parquet'] as const
export type LabelFormat = (typeof LABEL_FORMATS)[number]
/** Rows that are read at once; limits memory. */
const ROWS_AT_ONCE = 256

const formatOf = (file: string): LabelFormat => (file.endsWith('.parquet') ? 'parquet' : 'jsonl')

/**
 * @param given ID of a run, or URI of an artifact of stage `label` or `human-labels`
 * @param file a new one
 * @throws InvalidInput when the run has no labels, or several artifacts of them
 */
export async function exportLabels(
  given: string,
  file: string,
  format: LabelFormat = formatOf(file),
): Promise<ExportLabelsOutput> {
  if (existsSync(file)) throw new InvalidInput(`export: ${resolve(file)} already exists; name a new file`)
  const source = isArtifactUri(given)
    ? { labels: given, data: undefined }
    : await withConnection((connected) => labelsOf(connected, given))
  const counts = { labels: 0, undecided: 0 }
  const rows = await exportedLabels(source, counts)
  await madeWhole(file, (staging) =>
    format === 'parquet'
      ? writeLabelParquet(staging, rows)
      : writeJsonl(staging, format === 'trl' ? onlyPreferences(rows) : rows),
  )
  return { file: resolve(file), format, from: source.labels, ...counts }
}

/** Labels of the store, by their URI, and the data that they are of, if it is known. */
export interface LabelSource {
  labels: string
  data: string | undefined
}

/** How many labels were exported, and how many prefer neither response. */
export interface LabelCounts {
  labels: number
  undecided: number
}

/** The rows of a file of labels, as they are read. @param counts counted up on the way */
export async function exportedLabels(
  { labels, data }: LabelSource,
  counts: LabelCounts,
): Promise<Generator<ExportedLabel>> {
  const home = openHome()
  const peopleOf = data === undefined ? () => [] : peopleByRow(rowsIn(await folderOf(home, data)))
  return exported(await folderOf(home, labels), peopleOf, counts)
}

/** Where the labels of a run are, and the data that they are of. */
async function labelsOf(connected: Connected, id: string): Promise<LabelSource> {
  return labelsAmong(id, (await viewOf(connected, await existingRun(connected, id))).output)
}

/** @throws InvalidInput when a run has no labels, or labels of several kinds */
export function labelsAmong(id: string, output: Pick<RunOutput, 'stages'>): LabelSource {
  const uriOf = (name: string) => output.stages.find(({ stage }) => stage === name)?.artifact?.uri
  const found = ['label', 'human-labels'].flatMap((name) => uriOf(name) ?? [])
  const uri = found[0]
  if (uri === undefined)
    throw new InvalidInput(
      `export: the run "${id}" has no labels (yet); name a run of align with method "rlaif", "rlhf" or "dpo" whose ` +
        'labels are done, or the URI of their artifact',
    )
  if (found.length > 1)
    throw new InvalidInput(
      `export: the run "${id}" has labels of a labeler and of people; name one by its URI:\n` +
        found.map((one) => `  ${one}`).join('\n'),
    )
  return { labels: uri, data: uriOf('data') }
}

function* rowsIn(folder: string) {
  for (const rows of readJsonlInParts(join(folder, 'train.jsonl'), rowSchema, ROWS_AT_ONCE)) yield* rows
}

function* exported(
  folder: string,
  peopleOf: ReturnType<typeof peopleByRow>,
  counts: LabelCounts,
): Generator<ExportedLabel> {
  for (const labels of readJsonlInParts(join(folder, 'labels.jsonl'), exportableSchema, ROWS_AT_ONCE))
    for (const label of labels) {
      const row = exportedLabel(label, peopleOf(label.id))
      counts[row ? 'labels' : 'undecided']++
      if (row) yield row
    }
}

function* onlyPreferences(rows: Iterable<ExportedLabel>) {
  for (const { prompt, chosen, rejected } of rows) yield { prompt, chosen, rejected }
}

export function exportLines({ file, labels, undecided }: ExportLabelsOutput): string[] {
  return [
    `${file}: ${counted(labels, 'label')}`,
    ...(undecided > 0
      ? [`${counted(undecided, 'label prefers', 'labels prefer')} neither response and ${isOrAre(undecided)} left out`]
      : []),
  ]
}
