// The score head that is fitted to labels before the model is trained.
import { SCORE_HEAD } from '../../src/model/weight-names'
import { addScoreHead, rewards } from '../../src/training/reward-model'
import { fitPreferences, fitScoreHead } from '../../src/training/fitted-head'
import { reference, tinyModel } from '../tiny-model'

const rows = (...given: number[][]) => given.map((row) => Float64Array.from(row))
const differences = rows([1, 2, 0], [-0.5, 1, 0], [2, -1, 0], [0.3, 0.7, 0], [-1.5, -0.2, 0])
const labels = [0.9, 0.6, 0.3, 1, 0.2]

test.each([
  [0.2, [0.17111962, 0.53876015, 0]],
  [0.02, [0.38231227, 1.12966611, 0]],
])('with a ridge of %d the fit is that of PyTorch’s LBFGS in float64', (ridge, expected) => {
  const fitted = [...fitPreferences(differences, labels, ridge)]
  expected.forEach((value, k) => expect(fitted[k]).toBeCloseTo(value, 5))
})

test('pairs that a direction separates have a finite fit, however little it is held back', () => {
  const fitted = fitPreferences(rows([1, 0], [2, 1], [1, -1]), [1, 1, 1], 1e-6)
  expect([...fitted].every(Number.isFinite)).toBe(true)
  expect(fitted[0]).toBeGreaterThan(1)
})

test('the scale of a dimension does not change what the head predicts', () => {
  const larger = differences.map((d) => Float64Array.from([1000 * d[0]!, d[1]!, d[2]!]))
  const [plain, scaled] = [fitPreferences(differences, labels), fitPreferences(larger, labels)]
  expect(1000 * scaled[0]!).toBeCloseTo(plain[0]!, 5)
  expect(scaled[1]).toBeCloseTo(plain[1]!, 5)
})

test('a fitted head orders the pairs as their labels do, whatever the batches and the head before', async () => {
  const sequences = reference.prompts.map((prompt, i) => ({ prompt, response: reference.responses[i]! }))
  const pairs = sequences
    .slice(1)
    .map((first, i) => ({ group: String(i), first, second: sequences[0]!, preferFirst: i % 2 === 0 ? 0.95 : 0.1 }))
  const heads: number[][] = []
  for (const [seed, batchSize] of [
    [1, 1],
    [2, 8],
  ] as const) {
    const model = tinyModel()
    addScoreHead(model, seed)
    await fitScoreHead(model, pairs, batchSize)
    const [least, ...scores] = await rewards(model, sequences, 4)
    scores.forEach((score, i) => expect(score > least!).toBe(pairs[i]!.preferFirst > 0.5))
    heads.push([...model.weights.get(SCORE_HEAD)!.dataSync()])
  }
  heads[0]!.forEach((value, k) => expect(value).toBeCloseTo(heads[1]![k]!, 4))
})
