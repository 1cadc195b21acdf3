// Training the default model against PyTorch; the values come from test/reference/default_model_training.py.
import type { Gradients, Model } from '../../src/model/model'
import { disposeModel } from '../../src/model/model'
import { tf, type Tensor } from '../../src/model/tf'
import { loadModel } from '../../src/model/weights'
import { differentiableLogProbs, responseTokens } from '../../src/training/gradients'
import { openOptimizer, update } from '../../src/training/update'
import reference from '../reference/default-model-training.json'
import { defaultModelFolder } from '../tiny-folder'

jest.setTimeout(180_000)

const tokens = responseTokens(reference.rows.map((row) => ({ prompt: row[0]!, response: row[1]! })))

function lossPass(model: Model): { loss: number; gradients: Gradients } {
  const pass = differentiableLogProbs(model, tokens)
  const count = pass.values.length
  return {
    loss: -pass.values.reduce((a, b) => a + b, 0) / count,
    gradients: pass.backward(new Float32Array(count).fill(-1 / count)),
  }
}

type Kept = Record<string, { values: number[]; largest: number }>

/** The weights that differ by more than the tolerance, relative to the largest value of each. */
function different(got: Map<string, Tensor>, want: Kept, tolerance: number) {
  expect([...got.keys()].sort()).toEqual(Object.keys(want).sort())
  return Object.entries(want).flatMap(([name, { values, largest }]) => {
    const all = got.get(name)!.dataSync()
    const stride = Math.max(1, Math.floor(all.length / reference.values))
    const difference = Math.max(...values.map((value, i) => Math.abs(value - all[i * stride]!))) / largest
    return difference < tolerance ? [] : [{ name, difference }]
  })
}

test('loss and the gradient of every weight equal those of PyTorch', () => {
  const model = loadModel(defaultModelFolder())
  const { loss, gradients } = lossPass(model)
  expect(Math.abs(loss - reference.loss) / reference.loss).toBeLessThan(1e-4)
  expect(different(gradients, reference.gradients, 1e-3)).toEqual([])
  tf.dispose([...gradients.values()])
  disposeModel(model)
})

test.each(['adamw', 'adafactor'] as const)(
  'losses and weights of three steps of %s equal those of PyTorch',
  (optimizer) => {
    const model = loadModel(defaultModelFolder())
    const settings = { optimizer, learningRate: reference.learningRate }
    const state = openOptimizer(settings)
    for (const want of reference[optimizer].losses) {
      const { loss, gradients } = lossPass(model)
      expect(Math.abs(loss - want) / want).toBeLessThan(1e-4)
      update({ model, optimizer: state }, gradients, settings, reference.steps)
    }
    expect(different(model.weights, reference[optimizer].weights, 1e-4)).toEqual([])
    disposeModel(model)
  },
)
