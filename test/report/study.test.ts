// The report of a label study: what it says of its variants.
import { costOfMember } from '../../src/contracts/member-figures'
import { wilson } from '../../src/evaluation/statistics'
import { csvOf } from '../../src/report/csv'
import { renderStudy, type StudyPart, type StudyRow } from '../../src/report/study'

const row = (name: string, right: number, more: Partial<StudyRow> = {}): StudyRow => ({
  name,
  labeler: 'L',
  orders: 2,
  agreement: wilson(right, 200),
  sameSlot: wilson(20, 200),
  leanToFirst: wilson(10, 20),
  leanP: 1,
  againstFirstP: undefined,
  failed: 0,
  tooLong: 0,
  spent: {},
  ...more,
})
const textOf = (rows: StudyRow[], parts: StudyPart[] = []) =>
  renderStudy({ title: 'Study', task: 'harmless', pairs: 200, rows, parts, settings: {}, version: '1' })
    .replace(/<style>.*?<\/style>|<script>.*?<\/script>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')

test('a variant is called the one that agrees most only if no other lies within its interval', () => {
  expect(textOf([row('A', 120), row('B', 170)])).toContain('B agrees most with people: on 85 % of 200 pairs')
  const among = textOf([row('A', 120), row('B', 170), row('C', 168), row('none', 0, { agreement: wilson(0, 0) })])
  expect(among).toContain('No variant is best: B has the highest agreement, on 85 % of 200 pairs')
  expect(among).toContain('and C (84 %) lies in its interval')
})

test('what is undefined is a dash, and no cell says NaN or has a number in powers of ten', () => {
  const silent = { agreement: wilson(0, 0), sameSlot: wilson(0, 0), leanToFirst: wilson(0, 0), againstFirstP: NaN }
  const text = textOf([row('A', 120, { leanP: 2e-12, spent: { cost: 0.0001 } }), row('none', 0, silent)])
  expect(text).not.toMatch(/NaN|\de-\d|Infinity/)
  expect(text).toMatch(/none – – – – – – 0 0 –/)
})

test('a name that a spreadsheet would take for a formula is text in CSV; a number below zero is a number', () => {
  const lines = csvOf([
    ['variant', 'p'],
    ['=HYPERLINK("x")', -0.5],
    ['@a', NaN],
    ['a=b', undefined],
  ])
  expect(lines).toBe(`"variant","p"\n"'=HYPERLINK(""x"")",-0.5\n"'@a",\n"a=b",\n`)
})

test('a cost that members of a jury share is beside each of them, and is called shared', () => {
  const summary = { 'cost of a at x': 1, 'cost of b and b (2)': 0.5, 'cost of c': '–' }
  expect(costOfMember(summary, 'a at x')).toEqual({ cost: 1, members: ['a at x'] })
  for (const member of ['b', 'b (2)'])
    expect(costOfMember(summary, member)).toEqual({ cost: 0.5, members: ['b', 'b (2)'] })
  for (const member of ['a', 'c', 'b and']) expect(costOfMember(summary, member)).toBeUndefined()
  const part = (name: string, more: object) => ({ ...row(name, 120), variant: 'jury', ...more })
  const parts = [
    part('a', { cost: 1 }),
    part('b', { cost: 0.5, costOf: ['b', 'b (2)'] }),
    part('b (2)', { cost: 0.5, costOf: ['b', 'b (2)'] }),
    part('local', {}),
  ]
  const text = textOf([row('jury', 150)], parts)
  expect(text).toMatch(/jury a .*? 1\.00 jury b .*? 0\.5\d* \(shared\) jury b \(2\) .*? \(shared\) jury local .*? –/)
  expect(text).toContain('the cost beside each of them is that of all of them together')
  expect(textOf([row('jury', 150)], parts.slice(0, 1))).not.toContain('shared')
})

test('the report says which command asks the same again', () => {
  expect(textOf([row('A', 120)])).toContain('rlaif run labelStudy --input')
})
