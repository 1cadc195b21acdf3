// Log-probabilities of the next token, with and without a shared prefix.
import { nextTokenLogProbs } from '../../src/model/score'
import { tf } from '../../src/model/tf'
import { tinyModel } from '../tiny-model'

const model = tinyModel()
const prefix = Array.from({ length: 24 }, (_, i) => (i * 7) % 60)
const endings = [[3, 14, 15], [9], [26, 5, 35, 8, 9, 7], [26, 5]]
const ids = [1, 2, 40]

test('sharing the prefix of all prompts changes no log-probability', async () => {
  const prompts = endings.map((ending) => [...prefix, ...ending])
  const together = await nextTokenLogProbs(model, prompts, ids)
  expect(together.map((row) => row.length)).toEqual(prompts.map(() => ids.length))
  for (const [i, prompt] of prompts.entries()) {
    const [alone] = await nextTokenLogProbs(model, [prompt], ids)
    alone!.forEach((logProb, k) => expect(Math.abs(logProb - together[i]![k]!)).toBeLessThan(1e-5))
  }
})

test('equal prompts, and a prompt that is a prefix of another, keep one token outside the shared prefix', async () => {
  const prompts = [[...prefix], [...prefix], [...prefix, 5]]
  const together = await nextTokenLogProbs(model, prompts, ids)
  const [alone] = await nextTokenLogProbs(model, [prefix], ids)
  expect(alone).toHaveLength(ids.length)
  alone!.forEach((logProb, k) => expect(Math.abs(logProb - together[1]![k]!)).toBeLessThan(1e-5))
})

test('no tensor leaks', async () => {
  const prompts = endings.map((ending) => [...prefix, ...ending])
  await nextTokenLogProbs(model, prompts, ids)
  const before = tf.memory().numTensors
  await nextTokenLogProbs(model, prompts, ids)
  expect(tf.memory().numTensors).toBe(before)
})

test('a prompt longer than the context is refused', async () => {
  await expect(nextTokenLogProbs(model, [Array.from({ length: 65 }, () => 1)], ids)).rejects.toThrow(
    /65 tokens is longer than the model's context of 64/,
  )
})
