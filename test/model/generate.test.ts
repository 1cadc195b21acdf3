// Sampling: reproducible, with the right probabilities, and stopped where it should.
import { generate, type Continuation } from '../../src/model/generate'
import { stopStrings } from '../../src/model/loaded'
import { chooseToken, sampleIndex } from '../../src/model/sampling'
import { loadTokenizer } from '../../src/model/tokenizer'
import { tf } from '../../src/model/tf'
import { uniform } from '../../src/random'
import { responseTokens, tokenLogProbs } from '../../src/training/gradients'
import { defaultModelFolder } from '../tiny-folder'
import { tinyModel } from '../tiny-model'

const prompts = [[3, 14, 15], [9], [26, 5, 35, 8, 9, 7], [32, 3], [8, 46, 2, 6]]
const settings = { maxTokens: 12, temperature: 0.9, stopIds: [7, 11] }
const model = tinyModel()

/** Compares the log-probabilities of continuations, one for each prompt, with those of a fresh forward pass. */
function expectFreshLogProbs(rows: readonly Continuation[], of: readonly number[][]): void {
  expect(rows).toHaveLength(of.length)
  const tokens = responseTokens(rows.map(({ ids }, i) => ({ prompt: of[i]!, response: ids })))
  const fresh = tokenLogProbs(model, tokens, settings.temperature)
  const returned = rows.flatMap(({ logProbs }) => logProbs)
  expect(returned.length).toBeGreaterThanOrEqual(of.length)
  expect(returned).toHaveLength(fresh.length)
  expect(Math.max(...returned.map((logProb, i) => Math.abs(logProb - fresh[i]!)))).toBeLessThan(1e-4)
}

test("a row's text depends on its key and not on the other rows of its batch", async () => {
  const together = await generate(model, prompts, settings, ['seed'])
  const apart = await generate(model, prompts, { ...settings, batchSize: 2 }, ['seed'])
  expect(together).toHaveLength(prompts.length)
  expect(apart.map(({ ids }) => ids)).toEqual(together.map(({ ids }) => ids))
})

test('the log-probabilities returned equal those of a fresh forward pass within 1e-4', async () => {
  const rows = await generate(model, prompts, settings, ['fresh'])
  expectFreshLogProbs(rows, prompts)
})

test('prompts with a long common prefix continue as each would alone', async () => {
  const beginning = Array.from({ length: 40 }, (_, i) => (7 * i) % 61)
  const long = prompts.map((prompt) => [...beginning, ...prompt])
  const together = await generate(model, long, settings, ['prefix'])
  expectFreshLogProbs(together, long)
  const greedy = { ...settings, temperature: 0 }
  const [alone] = await generate(model, [long[2]!], greedy, ['prefix'])
  expect((await generate(model, long, greedy, ['prefix']))[2]!.ids).toEqual(alone!.ids)
})

test('a row ends with its first stop token or at maxTokens', async () => {
  const rows = await generate(
    model,
    Array.from({ length: 40 }, (_, i) => [i + 1]),
    settings,
    ['stop'],
  )
  expect(rows).toHaveLength(40)
  expect(rows.some(({ stopped }) => stopped)).toBe(true)
  for (const { ids, stopped, logProbs } of rows) {
    const firstStop = ids.findIndex((id) => settings.stopIds.includes(id))
    expect(stopped ? firstStop : ids.length).toBe(stopped ? ids.length - 1 : settings.maxTokens)
    expect(logProbs).toHaveLength(ids.length)
  }
})

test('sampling follows the probabilities: chi-square of 20,000 draws over four outcomes', () => {
  const probabilities = Float32Array.from([0.1, 0.2, 0.3, 0.4])
  const counts = [0, 0, 0, 0]
  const draws = 20_000
  for (let i = 0; i < draws; i++) counts[sampleIndex(probabilities, uniform(['chi', i]))]!++
  const chiSquare = counts.reduce(
    (sum, count, i) => sum + (count - draws * probabilities[i]!) ** 2 / (draws * probabilities[i]!),
    0,
  )
  expect(chiSquare).toBeLessThan(16.27) // 99.9 % point for 3 degrees of freedom
})

test('top-k keeps the k most likely tokens, top-p then the fewest that reach its probability', () => {
  const probabilities = Float32Array.from([0.05, 0.4, 0.1, 0.25, 0.2])
  const seen = (rule: object) =>
    [
      ...new Set(
        Array.from({ length: 400 }, (_, i) => chooseToken(probabilities, { temperature: 1, ...rule }, i / 400)),
      ),
    ].sort()
  expect(seen({})).toEqual([0, 1, 2, 3, 4])
  expect(seen({ topK: 2 })).toEqual([1, 3])
  expect(seen({ topP: 0.6 })).toEqual([1, 3])
  expect(seen({ topP: 0.66 })).toEqual([1, 3, 4])
  expect(seen({ topK: 3, topP: 0.5 })).toEqual([1, 3]) // 0.4 / 0.85 < 0.5
  expect(seen({ topP: 1e-9 })).toEqual([1])
  expect(chooseToken(probabilities, { temperature: 0 }, 0.99)).toBe(1)
  const share = Array.from({ length: 1000 }, (_, i) =>
    chooseToken(probabilities, { temperature: 1, topK: 2 }, i / 1000),
  ).filter((id) => id === 1).length
  expect(share / 1000).toBeCloseTo(0.4 / 0.65, 2)
})

test('a stop string ends a row however it is split into tokens', () => {
  const tokenizer = loadTokenizer(defaultModelFolder())
  const ends = stopStrings({ tokenizer }, ['\n\nHuman:'])
  const ids = tokenizer.encode('Yes, it is.\n\nHuman: and')
  const first = ids.findIndex((_, i) => ends(ids.slice(0, i + 1)))
  expect(tokenizer.decode(ids.slice(0, first + 1))).toBe('Yes, it is.\n\nHuman:')
  expect(ends(tokenizer.encode('Yes, it is.\n\nHumans'))).toBe(false)
})

test('a row ends when a custom stopping criterion says so', async () => {
  const rows = await generate(model, prompts, { ...settings, stopIds: [], endsWith: (ids) => ids.length === 3 }, [
    'rule',
  ])
  expect(rows.map(({ ids, stopped }) => [ids.length, stopped])).toEqual(prompts.map(() => [3, true]))
})

test('no tensor leaks', async () => {
  await generate(model, prompts, settings, ['leak'])
  const before = tf.memory().numTensors
  await generate(model, prompts, settings, ['leak'])
  expect(tf.memory().numTensors).toBe(before)
})
