// Rows in a program are those of a file: the same fields make the same rows.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataSchema } from '../../src/contracts/settings'
import { readDataset } from '../../src/data/dataset'
import { pairOf, rowOf, type GivenRow } from '../../src/data/given-rows'
import { readTask, taskFolder } from '../../src/data/task'
import { temporaryFolder } from '../tiny-folder'

const GIVEN: GivenRow[] = [
  { prompt: 'What now?', reference: 'Wait.', responses: ['This.', 'That.'], preferred: 1 },
  { id: '42', prompt: 'And then?', responses: ['a', 'b', 'c'], scores: [1, 3, 2] },
  { messages: [{ role: 'user', content: 'Hello' }] },
]

test.each(['helpful', 'summarization'])('rowOf makes the rows that a file with these fields has: %s', async (name) => {
  const task = readTask(taskFolder(name))
  const path = join(temporaryFolder(), 'rows.jsonl')
  writeFileSync(path, GIVEN.map((row) => JSON.stringify(row)).join('\n'))
  const options = { seed: 1, promptTokens: Infinity, tokensOf: () => 0 }
  const { train, evaluation } = await readDataset(dataSchema.parse({ path, evaluationPrompts: 1 }), task, options)
  const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
  const ofFile = [...train, ...evaluation].sort(byId)
  const ours = GIVEN.map((row) => rowOf(row, task)).sort(byId)
  expect(ours.map(({ pairs: _, ...row }) => row)).toEqual(ofFile.map(({ pairs: _, ...row }) => row))
  expect(ours.map(({ pairs = [] }) => pairs.length)).toEqual(ofFile.map(({ pairs = [] }) => pairs.length))
})

test('pairOf is what a labeler is shown, with or without what people preferred', () => {
  const task = readTask(taskFolder('helpful'))
  const pair = { context: 'Human: What now?', first: 'This.', second: 'That.' }
  expect(pairOf({ prompt: 'What now?', responses: ['This.', 'That.'] }, task)).toEqual(pair)
  expect(pairOf(GIVEN[0]!, task)).toEqual(pair)
})

test('a row that lacks something is refused, with what it lacks', () => {
  const task = readTask(taskFolder('helpful'))
  expect(() => pairOf({ prompt: 'What now?' }, task)).toThrow(/a row without "responses" is no pair; give it two/)
  expect(() => rowOf({}, task)).toThrow(/cannot be used: requires either "prompt"/)
  expect(() => rowOf({ prompt: 'x', responses: ['a', 'b'] }, task)).toThrow(/"responses" and "preferred"/)
  expect(() => rowOf({ prompt: 'x', prefered: 1 } as GivenRow, task)).toThrow(/unknown field "prefered"/)
})
