// Cross-entropy from oneDNN's softmax against TensorFlow's operation and against what can be said by hand.
import { crossEntropy, labelsOf } from '../../src/model/cross-entropy'
import type { Model } from '../../src/model/model'
import * as op from '../../src/model/ops'
import { recorded } from '../../src/model/recorded'
import { tf } from '../../src/model/tf'
import { uniform } from '../../src/random'

const half: Pick<Model, 'config' | 'precision'> = { config: {} as Model['config'], precision: 'bfloat16' }
const V = 7
const rows = [
  Array.from({ length: V }, (_, i) => 4 * uniform(['logits', i])),
  [0, 0, 0, 0, 0, 0, 0],
  [300, 0, -300, 0, 0, 0, 0],
  [-1e4, -1e4, -1e4, -1e4, -1e4, -1e4, -1e4 + 2],
]
const ids = Int32Array.from([3, 6, 2, 0])

test('loss and gradient are those of the operation, also where a probability is too small for float32', () => {
  const [logits, labels] = [tf.tensor2d(rows), labelsOf(ids, V)]
  const got = recorded(half, 'cross-entropy', { logits, labels }, (given) => crossEntropy(given.logits, given.labels))
  const [loss, gradient] = op.crossEntropy(logits, labels.labels)
  const pairs = [
    [got.loss, loss],
    [got.gradient, gradient],
  ] as const
  for (const [a, b] of pairs) {
    const want = b.dataSync()
    a.dataSync().forEach((value, i) =>
      expect(Math.abs(value - want[i]!)).toBeLessThan(2e-6 * Math.max(1, Math.abs(want[i]!))),
    )
  }
  expect(got.loss.dataSync()[1]).toBeCloseTo(Math.log(V), 6)
  expect(got.loss.dataSync()[2]).toBeCloseTo(600, 4)
  expect([...logits.dataSync()]).toEqual([...tf.tensor2d(rows).dataSync()]) // only its own values are written in place
})

test('more values than int32 can number are left to the operation', () => {
  expect(labelsOf(Int32Array.from([1, 2]), 2 ** 30).places).toBeUndefined()
  expect([...labelsOf(Int32Array.from([1, 2]), 5).places!.dataSync()]).toEqual([1, 7])
})
