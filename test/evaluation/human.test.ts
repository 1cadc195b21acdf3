// Human evaluations: who gets which item, and the results of the ratings, computed by hand.
import { badAnswer, SPOILED, type ItemKey, type Rating } from '../../src/contracts/human-evaluation'
import { openLedger } from '../../src/evaluation/assignment'
import { humanResult } from '../../src/evaluation/human'
import { labelStudioConfig, toLabelStudio } from '../../src/rating/label-studio'
import { fromLabelStudio } from '../../src/rating/label-studio-export'

const key = (id: string, policies: string[], check = false): ItemKey => ({ id, policies, check })

test('rankings become win rates, mean ranks and concordance; attention checks count for the raters only', () => {
  const keys = [key('a', ['x', 'y', 'z']), key('b', ['z', 'y', 'x']), key('c', ['x', 'y', SPOILED], true)]
  const ratings: Rating[] = [
    [0, 0, [0, 1, 2], 10], // x > y > z
    [0, 1, [0, 2, 1], 20], // x > z > y
    [1, 0, [2, 1, 0], 30], // x > y > z
    [1, 1, [0, 1, 2], 40], // z > y > x
    [2, 0, [0, 1, 2], 5], // the spoiled one last
    [2, 1, [2, 1, 0], 5], // the spoiled one first
  ]
  const result = humanResult({ kind: 'rank', keys, ratings, raters: ['anna', 'ben', 'nobody'], seed: 1 })
  const rateOf = (first: string, second: string) =>
    result.duels.find((duel) => duel.first === first && duel.second === second)!
  expect(rateOf('x', 'y')).toMatchObject({ winRate: { value: 3 / 4 }, prompts: 2, ratings: 4 })
  expect(rateOf('y', 'z').winRate.value).toBe(2 / 4)
  expect(result.ranks.map(({ name, rank }) => [name, rank.value])).toEqual([
    ['x', 6 / 4],
    ['y', 9 / 4],
    ['z', 9 / 4],
  ])
  expect(result.kendallW).toBeCloseTo((0.75 + 0) / 2, 10) // prompt a: rank sums 2, 5, 5; prompt b: 4, 4, 4
  expect(result.raters).toEqual([
    { name: 'anna', ratings: 2, medianSeconds: 10, checks: expect.objectContaining({ value: 1, n: 1 }) },
    { name: 'ben', ratings: 2, medianSeconds: 20, checks: expect.objectContaining({ value: 0, n: 1 }) },
    { name: 'nobody', ratings: 0, medianSeconds: NaN, checks: expect.objectContaining({ n: 0 }) },
  ])
})

test('verdicts become shares and kappa', () => {
  const keys = [key('a', ['x', 'y']), key('b', ['y', 'x'])]
  const ratings: Rating[] = [
    [0, 0, [1, 0], 1],
    [0, 1, [1, 0], 1],
    [1, 0, [0, 1], 1],
    [1, 1, [1, 1], 1],
  ]
  const result = humanResult({ kind: 'verdict', keys, ratings, raters: ['anna', 'ben'], seed: 1 })
  expect(result.good.map(({ name, share, ratings }) => [name, share.value, ratings])).toEqual([
    ['x', 1, 4],
    ['y', 0.25, 4],
  ])
  expect(result.kappa).toBeCloseTo(0.5, 10) // 3 of 4 agree, by chance 0.5·0.75 + 0.5·0.25
  expect(result.duels).toEqual([])
})

test('what is still open for a rater is what nobody has finished and they have not rated; checks do not count', () => {
  const ledger = openLedger({ items: 5, checks: new Set([4]), raters: 2, ratingsPerItem: 2, seed: 1 })
  expect([ledger.left(0), ledger.left(1), ledger.open()]).toEqual([4, 4, 4])
  for (const item of [0, 1, 2]) ledger.add([item, 0, [0, 1], 1])
  expect([ledger.left(0), ledger.left(1), ledger.open()]).toEqual([1, 4, 4])
  ledger.add([0, 1, [0, 1], 1])
  expect([ledger.left(0), ledger.left(1), ledger.open()]).toEqual([1, 3, 3])
})

test('every item gets its ratings, nobody rates an item twice, every rater gets the checks, later ratings replace earlier ones', () => {
  const [items, ratingsPerItem, raters] = [21, 2, 3]
  const ledger = openLedger({ items, checks: new Set([20]), raters, ratingsPerItem, seed: 7 })
  const seen = new Set<string>()
  for (let turn = 0; ledger.open() > 0; turn++) {
    const rater = turn % raters
    const item = ledger.next(rater)
    if (item === undefined) continue
    expect(seen.has(`${rater} ${item}`)).toBe(false)
    seen.add(`${rater} ${item}`)
    ledger.add([item, rater, [0, 1], 1])
  }
  expect(Array.from({ length: raters }, (_, rater) => ledger.left(rater))).toEqual([0, 0, 0])
  const counts = Array.from({ length: items }, (_, item) => ledger.ratings().filter(([of]) => of === item).length)
  expect(counts.slice(0, 20)).toEqual(Array(20).fill(ratingsPerItem))
  const before = ledger.ratings().length
  const [item, rater] = ledger.ratings()[0]!
  ledger.add([item, rater, [1, 0], 2])
  expect(ledger.ratings()).toHaveLength(before)
  expect(ledger.ratings().find(([i, r]) => i === item && r === rater)![2]).toEqual([1, 0])
  const alone = openLedger({ items: 6, checks: new Set([3]), raters: 1, ratingsPerItem: 1, seed: 1 })
  const order: number[] = []
  for (let next = alone.next(0); next !== undefined; next = alone.next(0)) {
    order.push(next)
    alone.add([next, 0, [0], 1])
  }
  expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5])
})

test('an answer that leaves a response out or ranks two responses equal is refused', () => {
  expect(badAnswer('rank', [2, 0, 1], 3)).toBeUndefined()
  expect(badAnswer('rank', [0, 0, 1], 3)).toMatch(/no ties/)
  expect(badAnswer('rank', [0, 1], 3)).toMatch(/3 numbers/)
  expect(badAnswer('verdict', [1, 0, 1], 3)).toBeUndefined()
  expect(badAnswer('verdict', [2, 0, 1], 3)).toMatch(/0 for each/)
})

test.each(['rank', 'verdict'] as const)('%s: ratings come back from Label Studio’s format unchanged', (kind) => {
  const items = [
    { context: 'c', responses: ['one', 'two', 'three'] },
    { context: 'd', responses: ['four', 'five', 'six'] },
  ]
  const ratings: Rating[] = [
    [0, 0, kind === 'rank' ? [2, 0, 1] : [1, 0, 1], 12],
    [1, 1, kind === 'rank' ? [1, 2, 0] : [0, 0, 1], 3],
  ]
  const raters = ['anna', 'ben']
  const tasks = JSON.parse(JSON.stringify(toLabelStudio(items, { kind, raters, ratings }))) as object[]
  expect(fromLabelStudio(tasks, { kind, raters, items, users: {} })).toEqual(
    ratings.map(([item, rater, answer, seconds]) => ({ item, rater: raters[rater], answer, seconds })),
  )
  expect(labelStudioConfig(kind, 3).match(/toName="response_\d"/g)).toHaveLength(3)
  expect(() => fromLabelStudio(tasks, { kind, raters: ['cleo'], items, users: {} })).toThrow(
    /completed by anna, who is no rater/,
  )
})
