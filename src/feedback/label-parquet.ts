// Exported labels as a Parquet file, whose columns `datasets` and TRL read as lists of messages.
import type { ColumnSource, SchemaElement } from 'hyparquet-writer'
import type { ExportedLabel } from './label-export'

/** Rows of a row group: what is in memory at once. */
const GROUP_ROWS = 1000

const string = (name: string, repetition: 'REQUIRED' | 'OPTIONAL' = 'REQUIRED'): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: repetition,
})
const double = (name: string): SchemaElement => ({ name, type: 'DOUBLE', repetition_type: 'REQUIRED' })
const list = (name: string, element: SchemaElement[]): SchemaElement[] => [
  { name, converted_type: 'LIST', num_children: 1, repetition_type: 'REQUIRED' },
  { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
  ...element,
]
const messages = (name: string) =>
  list(name, [{ name: 'element', num_children: 2, repetition_type: 'REQUIRED' }, string('role'), string('content')])

const COLUMNS: Record<keyof ExportedLabel, SchemaElement[]> = {
  id: [string('id')],
  prompt: messages('prompt'),
  chosen: messages('chosen'),
  rejected: messages('rejected'),
  probability: [double('probability')],
  probability_by_order: list('probability_by_order', [double('element')]),
  rationales: list('rationales', [string('element')]),
  labeler: [string('labeler')],
  people_chose: [string('people_chose', 'OPTIONAL')],
}
const NAMES = Object.keys(COLUMNS) as (keyof ExportedLabel)[]

/** Writes rows to a file as they come. */
export async function writeLabelParquet(file: string, labels: Iterable<ExportedLabel>): Promise<void> {
  const { ParquetWriter, fileWriter } = await import('hyparquet-writer')
  const schema = [{ name: 'root', num_children: NAMES.length }, ...NAMES.flatMap((name) => COLUMNS[name])]
  const writer = new ParquetWriter({ writer: fileWriter(file), schema, createdBy: 'rlaif' })
  let group: ExportedLabel[] = []
  const flush = async () => {
    const columnData = NAMES.map((name): ColumnSource => ({ name, data: group.map((label) => label[name]) }))
    await writer.write({ columnData, rowGroupSize: GROUP_ROWS })
    group = []
  }
  for (const label of labels) {
    group.push(label)
    if (group.length === GROUP_ROWS) await flush()
  }
  if (group.length > 0) await flush()
  await writer.finish()
}
