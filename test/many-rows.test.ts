// More rows than the stack has room for arguments, and more text than fits into one string: the paper's data has
// 123,169 posts.
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { decidedPairs } from '../src/data/row'
import { largest, smallest } from '../src/extremes'
import { appendJsonl, writeJsonl } from '../src/json-lines'
import { padRight } from '../src/model/batch'
import { disposePrefix, openPrefix } from '../src/model/prefix'
import { temporaryFolder } from './tiny-folder'
import { tinyModel } from './tiny-model'

const ROWS = 200_000

test('the largest and the smallest of many values are those of Math', () => {
  const values = Float64Array.from({ length: ROWS }, (_, i) => Math.sin(i))
  expect([largest(values), smallest(values)]).toEqual([values.toSorted().at(-1), values.toSorted()[0]])
  expect([largest([]), smallest([]), largest([], 0), largest([-1], 0)]).toEqual([-Infinity, Infinity, 0, 0])
  expect([largest([1, NaN, 2]), smallest([1, NaN, 2])]).toEqual([NaN, NaN])
})

test('the prefix that many prompts share is found', () => {
  const shared = [1, 2, 3]
  const prompts = Array.from({ length: ROWS }, (_, i) => [...shared, i % 50])
  const prefix = openPrefix(tinyModel(), prompts, 2)
  expect(prefix?.length).toBe(3)
  disposePrefix(prefix)
})

test('the pairs of many rows are listed', () => {
  const row = { messages: [{ role: 'user' as const, content: 'q' }], context: 'q' }
  const pairs = [{ responses: ['a', 'b'] as [string, string], preferred: 1 as const }]
  expect(decidedPairs(Array.from({ length: ROWS }, (_, i) => ({ ...row, id: `${i}`, pairs })))).toHaveLength(ROWS)
})

test('many rows of tokens are padded', () => {
  const rows = Array.from({ length: ROWS }, (_, i) => (i === 7 ? [1, 2] : [3]))
  expect(padRight(rows)).toMatchObject({ batch: ROWS, time: 2 })
})

test('rows of more text than a string may have are written', () => {
  const file = join(temporaryFolder(), 'rows.jsonl')
  const row = { text: 'x'.repeat(2 ** 20) }
  const rows = Array.from({ length: 600 }, () => row)
  writeJsonl(file, rows)
  appendJsonl(file, [row])
  expect(statSync(file).size).toBe(601 * (2 ** 20 + '{"text":""}\n'.length))
  rmSync(file)
})
