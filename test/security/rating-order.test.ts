// What a rater could do with their own link: read items that are not theirs yet, attention checks among them, and rate
// out of order. The run's own refusal: test/workflows/human-evaluation.test.ts.
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import type { Rating, RaterView } from '../../src/contracts/human-evaluation'
import { openLedger, type Ledger } from '../../src/evaluation/assignment'
import { linkOf } from '../../src/rating/links'
import { openRatingServer } from '../../src/rating/server'

const KEY = Buffer.alloc(32, 1)
const ITEMS = 8
const items = Array.from({ length: ITEMS }, (_, i) => ({ context: `context-${i}`, responses: ['one', 'two'] }))

let server: Server
let ledger: Ledger
const view = (rater: number): RaterView => ({
  kind: 'rank',
  items: 'file:///items',
  item: ledger.next(rater) ?? null,
  offered: ledger.offered(rater),
  rated: ledger.rated(rater),
  open: ledger.open(),
  over: false,
})

beforeEach(async () => {
  ledger = openLedger({ items: ITEMS, checks: new Set(), raters: 2, ratingsPerItem: 2, seed: 3 })
  const rate = (rating: Rating) => {
    if (!ledger.mayRate(rating[1], rating[0])) throw new Error('the run refuses it')
    ledger.add(rating)
    return view(rating[1])
  }
  const raters = ['anna', 'ben']
  const evaluation = {
    run: 'run',
    view: (rater: string) => Promise.resolve(view(raters.indexOf(rater))),
    rate: async ({
      rater,
      item,
      answer,
      seconds,
    }: {
      rater: string
      item: number
      answer: number[]
      seconds: number
    }) => Promise.resolve(rate([item, raters.indexOf(rater), answer, seconds])),
    items: () => Promise.resolve(items),
  }
  server = await openRatingServer(evaluation, KEY, 0, '127.0.0.1')
})
afterEach(() => {
  server.close()
  server.closeAllConnections()
})

const link = (rater: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${linkOf(KEY, 'run', rater)}`
async function post(rater: string, fields: Record<string, string>): Promise<[number, string]> {
  const response = await fetch(link(rater), { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
  return [response.status, await response.text()]
}

test('a rater neither reads nor rates an item that the page has not given to them', async () => {
  await fetch(link('anna'))
  const own = ledger.next(0)!
  for (let item = 0; item < ITEMS; item++) {
    if (item === own) continue
    for (const answer of [{}, { r0: '0', r1: '1' }] as Record<string, string>[]) {
      const [status, html] = await post('anna', { item: String(item), ...answer })
      expect([item, status]).toEqual([item, 400])
      expect(html).not.toContain(`context-${item}`)
    }
  }
  expect(ledger.rated(0)).toBe(0)
  expect((await post('anna', { item: String(own), r0: '0', r1: '1' }))[0]).toBe(303)
})

test('an item that was shown may be rated although others have rated since, and corrected once more', async () => {
  await fetch(link('anna'))
  const shown = ledger.next(0)!
  for (let turn = 0; turn < 3; turn++) {
    const { item } = view(1)
    expect((await post('ben', { item: String(item), r0: '0', r1: '1' }))[0]).toBe(303)
  }
  expect(ledger.next(0)).not.toBe(shown)
  for (const answer of [
    { r0: '0', r1: '1' },
    { r0: '1', r1: '0' },
  ])
    expect((await post('anna', { item: String(shown), ...answer }))[0]).toBe(303)
  expect(ledger.ratings().find(([item, rater]) => item === shown && rater === 0)![2]).toEqual([1, 0])
})

test('what others rated since changes what is next, and everything that was next since may be rated', () => {
  const [raters, each] = [4, 3]
  const many = openLedger({ items: 30, checks: new Set([5, 20]), raters, ratingsPerItem: each, seed: 1 })
  const shown = Array.from({ length: raters }, (_, rater) => many.next(rater))
  for (let turn = 0; many.open() > 0; turn++) {
    const rater = (turn * turn + (turn >> 2)) % raters
    const item = shown[rater] ?? many.next(rater)
    if (item === undefined) break
    expect(many.mayRate(rater, item)).toBe(true)
    many.add([item, rater, [0], 1])
    shown[rater] = many.next(rater)
  }
})
