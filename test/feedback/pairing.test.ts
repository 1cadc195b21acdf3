import { allPairs, pairCount, placeOf, randomPairs, rankedPairs, rankingOf } from '../../src/feedback/pairing'

const sigma = (x: number) => 1 / (1 + Math.exp(-x))
/** The pointwise labels of responses with these log-odds. */
const labelsOf = (strengths: readonly number[]) =>
  allPairs(strengths.length).map(([i, j]) => ({ preferFirst: sigma(strengths[i]! - strengths[j]!) }))

test('every pair of k responses is there once', () => {
  expect(allPairs(4)).toEqual([[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]) // prettier-ignore
  expect(allPairs(9).map(placeOf)).toEqual(allPairs(9).map((_, i) => i))
})

test('random pairs are disjoint, drawn by the key, and of two responses the one pair', () => {
  const pairs = randomPairs(8, [1, 'pairs', 'a'])
  expect(new Set(pairs.flat()).size).toBe(8)
  expect(pairs).toHaveLength(pairCount('random', 8))
  expect(randomPairs(8, [1, 'pairs', 'a'])).toEqual(pairs)
  expect(randomPairs(8, [2, 'pairs', 'a'])).not.toEqual(pairs)
  expect(randomPairs(2, [1])).toEqual([[0, 1]])
  expect(randomPairs(5, [1])).toHaveLength(2)
})

test('the ranking by labels is the order of the log-odds', () => {
  const strengths = [0.3, -2, 5, 1.1, -0.7, 4.9, 0.31]
  const byStrength = strengths.map((_, i) => i).sort((a, b) => strengths[b]! - strengths[a]!)
  expect(rankingOf(7, labelsOf(strengths))).toEqual(byStrength)
})

test('a response without an answer is ranked last; two that are certainly equal share their place', () => {
  const labels = labelsOf([0, 9, 0, -1]).map((label, i) => {
    const [first, second] = allPairs(4)[i]!
    if (first === 1 || second === 1) return { failed: 'no answer' }
    return first === 0 && second === 2 ? { failed: 'equal', tied: true as const } : label
  })
  expect(rankingOf(4, labels)).toEqual([0, 2, 3, 1])
})

test('neighbours pairs each with the next best, extremes the better half with the worse one', () => {
  const ranking = [4, 0, 3, 1, 2, 5]
  expect(rankedPairs('neighbours', ranking)).toEqual([[0, 4], [0, 3], [1, 3], [1, 2], [2, 5]]) // prettier-ignore
  expect(rankedPairs('extremes', ranking)).toEqual([[1, 4], [0, 2], [3, 5]]) // prettier-ignore
  expect(rankedPairs('extremes', [2, 0, 1])).toEqual([[1, 2]])
  for (const pairing of ['neighbours', 'extremes'] as const)
    expect(rankedPairs(pairing, ranking)).toHaveLength(pairCount(pairing, 6))
})
