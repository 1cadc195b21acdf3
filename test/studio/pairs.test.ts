// Labelled pairs as stage `label` really writes them, with people's choices; and a file larger than one request reads.
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { data as dataStage } from '../../src/activities/stages/data'
import { label } from '../../src/activities/stages/label'
import { sample } from '../../src/activities/stages/sample'
import {
  openPairs,
  PAIRS_A_PAGE,
  type Filter,
  type LabelledPairs,
  type PairReading,
  type PairsPage,
} from '../../src/studio/pairs'
import { computeStage } from '../activities/compute-stage'
import { startEndpoint } from '../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(120_000)

const folderOf = ({ uri }: { uri: string }) => uri.slice('file://'.length)

/** On a busy machine a request may answer before it has looked at all pairs. */
async function toTheEnd(pairs: LabelledPairs, reading: PairReading): Promise<PairsPage> {
  for (;;) {
    const page = await pairs.page(reading)
    if (page.looked === page.total) return page
  }
}

test('as stage `label` writes them: both orders, P(first), people, and the filters', async () => {
  // always the first slot for "slot", the shorter response for the others
  const endpoint = await startEndpoint((prompt) => {
    const [, first = '', second = ''] = /Response 1 - (.*?)\nResponse 2 - (.*?)\n/s.exec(prompt) ?? []
    const one = prompt.includes('slot') || first.length < second.length
    return one ? { '1': 0.9, '2': 0.1 } : { '1': 0.1, '2': 0.9 }
  })
  const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
  const file = join(temporaryFolder(), 'rows.jsonl')
  const rows = Array.from({ length: 24 }, (_, i) => ({
    prompt: `Post ${i}${i % 4 === 0 ? ' slot' : ''}`,
    responses: [`yes ${i}`, `no, never at all ${i}`],
    preferred: i % 3 === 0 ? 2 : 1,
  }))
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  const limits = { responseTokens: 8 }
  const source = { path: file, evaluationPrompts: 2 }
  const data = await computeStage(dataStage, 'data', { task: 'helpful', data: source, limits, model })
  const samples = await computeStage(sample, 'sample', { data, policy: model, limits, settings: { source: 'data' } })
  const labeler = { settings: { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 } }
  const labels = await computeStage(label, 'label', { data, samples, labeler })
  await endpoint.close()

  const pairs = openPairs(folderOf(labels), folderOf(data))
  const all = await toTheEnd(pairs, {})
  expect(all.total).toBe(all.found)
  expect(all.found).toBe(Number(labels.summary.labels))
  for (const pair of all.pairs) {
    const number = Number(/Post (\d+)/.exec(pair.context)![1])
    const [yes, no] = pair.first.startsWith('yes') ? [1, 2] : [2, 1]
    expect(pair.people).toBe(number % 3 === 0 ? no : yes)
    expect(pair.slotOne).toHaveLength(2)
    expect(pair.preferFirst).toBeCloseTo(number % 4 === 0 ? 0.5 : yes === 1 ? 0.9 : 0.1, 6)
  }
  const numbersOf = async (filter: Filter) =>
    (await toTheEnd(pairs, { filter })).pairs.map(({ context }) => Number(/Post (\d+)/.exec(context)![1]))
  expect((await numbersOf('slot')).every((number) => number % 4 === 0)).toBe(true)
  expect(await numbersOf('uncertain')).toEqual(await numbersOf('slot'))
  expect((await numbersOf('contradicted')).every((number) => number % 3 === 0 && number % 4 !== 0)).toBe(true)
  expect((await numbersOf('contradicted')).length).toBe(all.counts.contradicted)
  expect(await numbersOf('jury')).toEqual([])
  const found = await toTheEnd(pairs, { query: 'NEVER AT ALL 7' })
  expect(found.pairs.flatMap(({ first, second }) => [first, second])).toContain('no, never at all 7')
})

test('20,000 pairs: a request answers in time with what it has looked at, the next ones go on; memory stays small', async () => {
  const folder = temporaryFolder()
  const text = 'a long response, of which there are two to each prompt. '.repeat(20)
  const ids = Array.from({ length: 200 }, (_, i) => i)
  for (let part = 0; part < 20; part++) {
    const lines = Array.from({ length: 1000 }, (_, i) => {
      const number = 1000 * part + i
      return JSON.stringify({
        ...{ id: `p${number}`, messages: [], context: `Question ${number}?` },
        first: { text: `${text}},"preferFirst":0.9,`, ids, stopped: true },
        second: { text, ids, stopped: true },
        ...{ preferFirst: number % 100 === 0 ? 0.5 : 0.9, slotOne: [0.9, 0.1], labeler: 'judge' },
      })
    })
    appendFileSync(join(folder, 'labels.jsonl'), `${lines.join('\n')}\n`)
  }
  global.gc?.()
  const before = process.memoryUsage().rss
  const pairs = openPairs(folder)
  const first = await pairs.page({})
  expect(first.pairs.map(({ number }) => number)).toEqual(Array.from({ length: PAIRS_A_PAGE }, (_, i) => i))
  expect(first.looked).toBeGreaterThan(0)
  const toEnd = async (filter: Filter, query = '') => {
    for (let tries = 0; ; tries++) {
      const page = await pairs.page({ filter, query, page: 2 })
      if (page.looked === page.total || tries === 200) return page
    }
  }
  expect(await toEnd('uncertain')).toMatchObject({ found: 200, total: 20_000, looked: 20_000 })
  expect((await toEnd('uncertain')).pairs.map(({ number }) => number)[0]).toBe(100 * PAIRS_A_PAGE)
  for (let tries = 0; tries < 200; tries++)
    if ((await pairs.page({ query: 'question 19999?' })).pairs.some(({ number }) => number === 19_999)) break
  expect((await pairs.page({ query: 'question 19999?' })).pairs[0]!.id).toBe('p19999')
  expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(250)
})
