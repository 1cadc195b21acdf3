// Rows of large files by their number, without reading those before them.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { countJsonl, readJsonl, readJsonlInParts, writeJsonl } from '../src/json-lines'
import { idsOf, KeptSequence, openTokenStore } from '../src/training/token-store'
import { temporaryFolder } from './tiny-folder'

/** 3 MB, so that rows lie across the chunks that are read at once; texts have bytes of every length. */
const rows = Array.from({ length: 3000 }, (_, i) => ({ i, text: 'aé€😀'.repeat(60 + ((i * 37) % 80)) }))
const schema = z.object({ i: z.number(), text: z.string() })
const file = join(temporaryFolder(), 'rows.jsonl')
beforeAll(() => writeJsonl(file, rows))

test.each([
  [0, 3000],
  [0, 1],
  [1, 2],
  [999, 2001],
  [2999, 3000],
  [2999, 9999],
  [3000, 3001],
  [4000, 5000],
])('rows %i to %i are those of the whole', (from, to) => {
  expect(readJsonl(file, schema, { from, to })).toEqual(rows.slice(from, to))
})

test('parts of a range, and the number of rows, with and without an end of line after the last', () => {
  const parts = [...readJsonlInParts(file, schema, 7, { from: 10, to: 31 })]
  expect(parts.map((part) => part.length)).toEqual([7, 7, 7])
  expect(parts.flat()).toEqual(rows.slice(10, 31))
  expect(countJsonl(file)).toBe(3000)
  const open = join(temporaryFolder(), 'open.jsonl')
  writeFileSync(open, '{"i": 0, "text": ""}\n{"i": 1, "text": "x"}')
  expect(countJsonl(open)).toBe(2)
  expect(readJsonl(open, schema, { from: 1, to: 2 })).toEqual([{ i: 1, text: 'x' }])
  writeFileSync(open, '')
  expect([countJsonl(open), readJsonl(open, schema, { from: 1, to: 2 })]).toEqual([0, []])
})

test('token ids come out of a store as they went in, however many there are', () => {
  const { keep } = openTokenStore()
  const long = Array.from({ length: 1_048_570 }, (_, i) => i)
  const lists = [[], [1, 2, 3], long, [4, 5, 6, 7, 8, 9, 10], [...long, ...long]]
  const kept = lists.map(keep)
  lists.forEach((list, i) => expect(idsOf(kept[i]!)).toEqual(list))
  expect(idsOf(kept[1]!)).not.toBe(idsOf(kept[1]!))
  const { prompt, response } = new KeptSequence(kept[1]!, kept[3]!)
  expect([prompt, response]).toEqual([lists[1], lists[3]])
})
