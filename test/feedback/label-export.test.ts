// Labels as other tools take them: what a row says, and that a Parquet file holds the same.
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { exportedLabel, peopleByRow, type ExportedLabel } from '../../src/feedback/label-export'
import { writeLabelParquet } from '../../src/feedback/label-parquet'
import { parquetLines } from '../../src/data/parquet'
import { temporaryFolder } from '../tiny-folder'

const label = {
  id: 'a',
  messages: [{ role: 'user' as const, content: 'Why is the sky blue?' }],
  first: { text: 'Light.' },
  second: { text: 'It scatters „short“ waves\nmore. 🌌' },
  preferFirst: 0.25,
  slotOne: [0.4, 0.9],
  rationales: ['The second explains it.'],
  labeler: 'gpt-4o',
}

test('the response that the label prefers is the chosen one, with its probability in each order', () => {
  expect(exportedLabel(label)).toEqual({
    id: 'a',
    prompt: label.messages,
    chosen: [{ role: 'assistant', content: label.second.text }],
    rejected: [{ role: 'assistant', content: 'Light.' }],
    probability: 0.75,
    probability_by_order: [0.6, 0.9],
    rationales: ['The second explains it.'],
    labeler: 'gpt-4o',
    people_chose: null,
  })
  expect(exportedLabel({ ...label, preferFirst: 0.75, slotOne: [0.6, 0.1] })).toMatchObject({
    chosen: [{ content: 'Light.' }],
    probability: 0.75,
    probability_by_order: [0.6, 0.9],
  })
})

test('a label that prefers neither is no row', () => {
  expect(exportedLabel({ ...label, preferFirst: 0.5 })).toBeUndefined()
  expect(exportedLabel({ ...label, preferFirst: 0.5 + 1e-12 })).toBeUndefined()
})

test('the choice of people is that of the same two responses, in whatever order they saw them', () => {
  const texts: [string, string] = [label.first.text, label.second.text]
  const peopleOf = peopleByRow([
    { id: 'a', pairs: [{ responses: texts, preferred: 1 }] },
    { id: 'b', pairs: [{ responses: ['other', 'texts'], preferred: 1 }] },
    {
      id: 'c#1',
      pairs: [
        { responses: texts, preferred: 0 },
        { responses: [texts[1], texts[0]], preferred: 1 },
      ],
    },
    { id: 'd' },
  ])
  const chose = (id: string) => exportedLabel(label, peopleOf(id))!.people_chose
  expect([chose('a'), chose('b'), chose('c#1'), chose('c#1#2'), chose('d'), chose('nobody')]).toEqual([
    'rejected',
    null,
    'chosen',
    'chosen',
    null,
    null,
  ])
})

const readBack = async (file: string) => {
  const handle = openSync(file, 'r')
  let text = ''
  for await (const chunk of parquetLines(handle, file)) text += Buffer.from(chunk).toString('utf8')
  closeSync(handle)
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ExportedLabel)
}

test('a Parquet file holds the same rows: also with no rationale, no choice of people, more than a row group, or no row', async () => {
  const rows = Array.from({ length: 2500 }, (_, i) =>
    exportedLabel({
      ...label,
      id: `${i}`,
      messages: i % 2 === 0 ? [{ role: 'system', content: 'Be brief.' }, ...label.messages] : label.messages,
      slotOne: i % 3 === 0 ? [] : label.slotOne,
      rationales: i % 5 === 0 ? [] : [`because ${i}`, ''],
    })!,
  )
  const file = join(temporaryFolder(), 'labels.parquet')
  await writeLabelParquet(file, rows)
  expect(await readBack(file)).toEqual(rows)
  const empty = join(temporaryFolder(), 'empty.parquet')
  await writeLabelParquet(empty, [])
  expect(await readBack(empty)).toEqual([])
})
