import { generate, sampleIndex } from '../../src/model/generate'
import { tf } from '../../src/model/tf'
import { uniform } from '../../src/random'
import { responseTokens, tokenLogProbs } from '../../src/training/gradients'
import { tinyModel } from '../tiny-model'

const prompts = [[3, 14, 15], [9], [26, 5, 35, 8, 9, 7], [32, 3], [8, 46, 2, 6]]
const settings = { maxTokens: 12, temperature: 0.9, stopIds: [7, 11] }
const model = tinyModel()

test('a row\'s text depends on its key and not on the batch it sat in', async () => {
  const together = await generate(model, prompts, settings, ['seed'])
  const apart = await generate(model, prompts, { ...settings, batchSize: 2 }, ['seed'])
  expect(apart.map(({ ids }) => ids)).toEqual(together.map(({ ids }) => ids))
})

test('the log-probabilities returned equal those of a fresh forward pass within 1e-4', async () => {
  const rows = await generate(model, prompts, settings, ['fresh'])
  const tokens = responseTokens(rows.map(({ ids }, i) => ({ prompt: prompts[i]!, response: ids })))
  const fresh = tokenLogProbs(model, tokens, settings.temperature)
  rows.flatMap(({ logProbs }) => logProbs).forEach((logProb, i) => expect(Math.abs(logProb - fresh[i]!)).toBeLessThan(1e-4))
})

test('a row ends with its first stop token or at maxTokens', async () => {
  const rows = await generate(model, Array.from({ length: 40 }, (_, i) => [i + 1]), settings, ['stop'])
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
  const chiSquare = counts.reduce((sum, count, i) => sum + (count - draws * probabilities[i]!) ** 2 / (draws * probabilities[i]!), 0)
  expect(chiSquare).toBeLessThan(16.27) // 99.9 % point for 3 degrees of freedom
})

test('no tensor is left over', async () => {
  await generate(model, prompts, settings, ['leak'])
  const before = tf.memory().numTensors
  await generate(model, prompts, settings, ['leak'])
  expect(tf.memory().numTensors).toBe(before)
})
