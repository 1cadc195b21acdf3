// The batches of a training: which items they hold, and that finding out takes no time at the size of the paper's data.
import { permutation } from '../../src/random'
import { curriculumRanks, openBatches } from '../../src/training/batches'

jest.mock('../../src/random', () => {
  const random = jest.requireActual<typeof import('../../src/random')>('../../src/random')
  return { ...random, permutation: jest.fn(random.permutation) }
})

/** As it is defined: item by item, with the whole order of its epoch. */
const defined = (step: number, items: number, batchSize: number) =>
  Array.from({ length: Math.min(batchSize, items) }, (_, i) => {
    const index = step * batchSize + i
    return permutation(items, [7, 'sft', Math.floor(index / items)])[index % items]!
  })

test.each([
  [10, 4],
  [10, 10],
  [10, 3],
  [3, 8],
  [1, 1],
  [40, 16],
])('the batches of %i items, %i at a time, are those of the definition, in any order of the steps', (items, size) => {
  const batchOf = openBatches(items, { batchSize: size, seed: 7, stage: 'sft' })
  const steps = Array.from({ length: 12 }, (_, step) => step)
  for (const step of [...steps, 9, 3, 0, 11]) expect(batchOf(step)).toEqual(defined(step, items, size))
})

test('each epoch has every item once', () => {
  const batchOf = openBatches(12, { batchSize: 4, seed: 7, stage: 'rl' })
  const epochs = [0, 3].map((start) => [0, 1, 2].flatMap((step) => batchOf(start + step)))
  for (const epoch of epochs) expect([...epoch].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i))
  expect(epochs[0]).not.toEqual(epochs[1])
})

test('with ranks each epoch goes from the smallest to the largest, in the order of its own among equals', () => {
  const ranks = [2, 0, 1, 0, 2, 0, 1, 0]
  const batchOf = openBatches(8, { batchSize: 4, seed: 7, stage: 'reward-model', ranks })
  const epochs = [0, 2].map((start) => [0, 1].flatMap((step) => batchOf(start + step)))
  for (const epoch of epochs) {
    expect(epoch.map((item) => ranks[item])).toEqual([0, 0, 0, 0, 1, 1, 2, 2])
    expect([...epoch].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  }
  expect(epochs[0]).not.toEqual(epochs[1])
})

test("at the paper's 116,722 posts and batches of 128 the order is drawn once an epoch", () => {
  const drawn = jest.mocked(permutation).mockClear()
  const items = 116_722
  const batchOf = openBatches(items, { batchSize: 128, seed: 7, stage: 'sft' })
  const first = Array.from({ length: 1000 }, (_, step) => batchOf(step)).flat()
  expect(drawn).toHaveBeenCalledTimes(2)
  expect(drawn.mock.calls).toEqual([0, 1].map((epoch) => [items, [7, 'sft', epoch]]))
  const orders = drawn.mock.results.flatMap(({ value }) => value as number[])
  expect(first).toEqual(orders.slice(0, first.length))
})

test('a curriculum ranks pairs by how sure their labels are, whichever response they prefer', () => {
  const pairs = [0.9, 0.5, 0.2, 0.5].map((preferFirst) => ({ preferFirst }))
  const order = (curriculum: 'clear-first' | 'uncertain-first') => {
    const ranks = curriculumRanks(pairs, { curriculum })!
    return [0, 1, 2, 3].sort((a, b) => ranks[a]! - ranks[b]!)
  }
  expect(order('clear-first')).toEqual([0, 2, 1, 3])
  expect(order('uncertain-first')).toEqual([1, 3, 2, 0])
  expect(curriculumRanks(pairs, { curriculum: 'none' })).toBeUndefined()
})
