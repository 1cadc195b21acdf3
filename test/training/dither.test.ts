// Weights that training in bfloat16 begins with: read as before, and an update of any size is read as what it is.
import { trainable } from '../../src/activities/trainable'
import { valuesOf } from '../../src/model/data-type'
import type { Model } from '../../src/model/model'
import * as op from '../../src/model/ops'
import { tf, type Tensor } from '../../src/model/tf'
import { SCORE_HEAD } from '../../src/model/weight-names'
import { ditherWeights } from '../../src/training/dither'
import { tinyModel } from '../tiny-model'

const read = (tensor: Tensor) => [...valuesOf(op.half(tensor))]
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

/** A model with one matrix of [100, 100], and what else the names of a model may be. */
function modelOf(values: Tensor): Model {
  const weights = new Map([
    ['matrix', values],
    ['norm', tf.tensor1d([0.1, 0.2])],
    [SCORE_HEAD, tf.tensor2d([[0.1, 0.2]])],
  ])
  return { config: tinyModel().config, weights }
}

/** From a number to the next of bfloat16. */
const distanceAt = (value: number) => (Math.abs(value) >= 1 ? 2 ** -7 : 2 ** -8)

/** What is read of 10,000 weights that were 1.5 or 0.75, of either sign, after an update by a part of their distance. */
function updated(part: number, seed?: number): { moved: number; share: number } {
  const signs = tf.tensor(Float32Array.from({ length: 10_000 }, (_, i) => (i % 4 < 2 ? 1.5 : 0.75) * (-1) ** i))
  const start = tf.reshape(signs, [100, 100])
  const before = [...start.dataSync<'float32'>()]
  const model = modelOf(start)
  if (seed !== undefined) ditherWeights(model, seed)
  const distance = tf.tensor(before.map(distanceAt), [100, 100])
  const after = read(tf.add(model.weights.get('matrix')!, tf.mul(distance, part)))
  const moves = after.map((value, i) => (value - before[i]!) / distanceAt(before[i]!))
  return { moved: mean(moves), share: mean(moves.map((move) => Number(move !== 0))) }
}

test('numbers of bfloat16 are read as themselves', () => {
  const model = modelOf(tf.tensor2d([[0, 1, -1, 0.0078125, -3.0625, 1e30, 2 ** -126]]))
  const before = read(model.weights.get('matrix')!)
  ditherWeights(model, 3)
  expect(read(model.weights.get('matrix')!)).toEqual(before)
  expect([...valuesOf(model.weights.get('matrix')!)]).not.toEqual(before)
})

test.each([0.1, 0.3, -0.25])('an update by %d of the distance between two numbers is read as that', (part) => {
  expect(updated(part).moved).toBe(0) // without: not read at all
  const { moved, share } = updated(part, 1)
  const error = Math.sqrt((Math.abs(part) * (1 - Math.abs(part))) / 10_000)
  expect(Math.abs(moved - part)).toBeLessThan(4 * error)
  expect(Math.abs(share - Math.abs(part))).toBeLessThan(4 * error)
})

test('norms and the score head stay; the same seed moves the others alike, another seed otherwise', () => {
  const valuesWith = (seed: number) => {
    const model = modelOf(tf.ones([4, 4]))
    ditherWeights(model, seed)
    expect([...valuesOf(model.weights.get('norm')!)]).toEqual([...Float32Array.from([0.1, 0.2])])
    expect([...valuesOf(model.weights.get(SCORE_HEAD)!)]).toEqual([...Float32Array.from([0.1, 0.2])])
    return [...valuesOf(model.weights.get('matrix')!)]
  }
  expect(valuesWith(1)).toEqual(valuesWith(1))
  expect(valuesWith(1)).not.toEqual(valuesWith(2))
})

test('only what bfloat16 trains is moved: neither float32 nor the weights under an adapter', () => {
  const settings = { recompute: false }
  const lora = { rank: 2, alpha: 4, targets: ['q_proj'] }
  const name = [...tinyModel().weights].find(([, tensor]) => tensor.rank === 2)![0]
  const start = [...valuesOf(tinyModel().weights.get(name)!)]
  const after = (more: Partial<Parameters<typeof trainable>[1]>) => [
    ...valuesOf(trainable(tinyModel(), { ...settings, ...more }, 1).weights.get(name)!),
  ]
  expect(after({ precision: 'float32' })).toEqual(start)
  expect(after({ precision: 'bfloat16', lora })).toEqual(start)
  expect(after({ precision: 'bfloat16' })).not.toEqual(start)
})
