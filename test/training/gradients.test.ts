// Log-probabilities, losses and gradients of the tiny model against PyTorch; values from test/reference/tiny_llama.py.
import { lastTokens, padRight } from '../../src/model/batch'
import { tf } from '../../src/model/tf'
import { disposeModel, type Gradients } from '../../src/model/model'
import { adafactor } from '../../src/training/adafactor'
import {
  accumulate,
  differentiableLogProbs,
  differentiableScores,
  responseTokens,
  tokenLogProbs,
} from '../../src/training/gradients'
import { preferenceLoss } from '../../src/training/reward-model'
import { everySeventh, reference, relativeDifference, tinyModel, tinyModelWithHead } from '../tiny-model'

const sequences = reference.prompts.map((prompt, i) => ({ prompt, response: reference.responses[i]! }))

function worstDifference(gradients: Gradients, want: Record<string, number[]>): number {
  expect([...gradients.keys()].sort()).toEqual(Object.keys(want).sort())
  return Math.max(
    ...Object.entries(want).map(([name, values]) =>
      relativeDifference(everySeventh(gradients.get(name)!.dataSync()), values),
    ),
  )
}

test('log-probabilities of response tokens equal those of transformers', () => {
  const got = tokenLogProbs(tinyModel(), responseTokens(sequences), reference.temperature)
  expect(got).toHaveLength(reference.logProbs.length)
  reference.logProbs.forEach((want, i) => expect(Math.abs(got[i]! - want)).toBeLessThan(1e-5))
})

test('gradients of weighted log-probabilities equal those of PyTorch for every weight, with padded rows', () => {
  const model = tinyModel()
  const pass = differentiableLogProbs(model, responseTokens(sequences), reference.temperature)
  reference.logProbs.forEach((want, i) => expect(Math.abs(pass.values[i]! - want)).toBeLessThan(1e-5))
  expect(
    worstDifference(pass.backward(Float32Array.from(reference.coefficients)), reference.logProbGradients),
  ).toBeLessThan(1e-4)
})

test('gradients summed over slices equal those of the whole batch', () => {
  const model = tinyModel()
  const tokens = responseTokens(sequences)
  const gradients = accumulate(sequences, 2, (slice, sum, start) => {
    const from = tokens.starts[start]!
    const part = responseTokens(slice)
    differentiableLogProbs(model, part, reference.temperature).backward(
      Float32Array.from(reference.coefficients).slice(from, from + part.at.length),
      sum,
    )
  })
  expect(worstDifference(gradients, reference.logProbGradients)).toBeLessThan(1e-4)
})

test('the soft-label preference loss and its gradients equal those of PyTorch, score head included', () => {
  const model = tinyModelWithHead()
  const rows = padRight([0, 1, 1, 2].map((i) => [...sequences[i]!.prompt, ...sequences[i]!.response]))
  const pass = differentiableScores(model, rows, lastTokens(rows))
  reference.scores.forEach((want, i) => expect(Math.abs(pass.values[i]! - want)).toBeLessThan(1e-4))
  const { loss, slopes } = preferenceLoss(pass.values, reference.preferFirst, reference.preferFirst.length)
  expect(Math.abs(loss - reference.preferenceLoss)).toBeLessThan(1e-5)
  expect(worstDifference(pass.backward(slopes), reference.preferenceGradients)).toBeLessThan(1e-4)
})

test('three Adafactor steps on the SFT loss lead to the same weights as in transformers', () => {
  const model = tinyModel()
  const optimizer = adafactor()
  for (const want of reference.sftLosses) {
    const pass = differentiableLogProbs(model, responseTokens(sequences))
    const count = pass.values.length
    expect(Math.abs(-pass.values.reduce((a, b) => a + b, 0) / count - want) / want).toBeLessThan(1e-4)
    optimizer.step(model, pass.backward(new Float32Array(count).fill(-1 / count)), 1e-2)
  }
  for (const [name, want] of Object.entries(reference.adafactorWeights)) {
    expect(relativeDifference(everySeventh(model.weights.get(name)!.dataSync()), want)).toBeLessThan(1e-4)
  }
})

test('a step leaks no tensor', () => {
  const model = tinyModelWithHead()
  const optimizer = adafactor()
  const step = () => {
    const tokens = responseTokens(sequences)
    const pass = differentiableLogProbs(model, tokens)
    optimizer.step(model, pass.backward(new Float32Array(tokens.at.length).fill(-1)), 1e-3)
    const scores = differentiableScores(model, tokens.batch, tokens.at)
    optimizer.step(model, scores.backward(new Float32Array(tokens.at.length).fill(1)), 1e-3)
    tokenLogProbs(model, tokens)
  }
  step() // makes the constants and the optimizer's state
  const before = tf.memory().numTensors
  step()
  step()
  expect(tf.memory().numTensors).toBe(before)
  disposeModel(model)
})
