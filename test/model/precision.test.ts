// bfloat16: its errors against float32 beside those of PyTorch's autocast (test/reference/half_precision.py), weights
// that are kept only for reading, and sampling.
import { join } from 'node:path'
import { withAdapter } from '../../src/model/adapter'
import { parseModelConfig } from '../../src/model/config'
import { valuesOf } from '../../src/model/data-type'
import { generate } from '../../src/model/generate'
import { disposeModel, type Model } from '../../src/model/model'
import { nextTokens } from '../../src/model/next-token'
import * as op from '../../src/model/ops'
import { onlyForReading } from '../../src/model/reading-copy'
import { backend, readValues, tf } from '../../src/model/tf'
import { logits } from '../../src/model/transformer'
import { headName, weightShapes } from '../../src/model/weight-names'
import { cloneModel, loadModel, saveModel } from '../../src/model/weights'
import { uniform } from '../../src/random'
import { differentiableLogProbs, responseTokens, tokenLogProbs, type Sequence } from '../../src/training/gradients'
import reference from '../reference/half-precision.json'
import { defaultModelFolder, temporaryFolder } from '../tiny-folder'

jest.setTimeout(180_000)

/** Our error over PyTorch's: rounding falls out differently. */
const ALLOWED = 1.5

const sequencesOf = (rows: readonly (readonly number[][])[]): Sequence[] =>
  rows.map((row) => ({ prompt: row[0]!, response: row[1]! }))
const sequences = sequencesOf(reference.seeded.rows)

/** Weights from a small generator of whole numbers, as in half_precision.py. */
function seeded(): Model {
  const config = parseModelConfig(reference.config, 'seeded reference')
  const shapes = weightShapes(config)
  let state = 1
  const weights = new Map(
    [...shapes.keys()].sort().map((name) => {
      const shape = shapes.get(name)!
      const size = shape.reduce((a, b) => a * b, 1)
      const values = Float32Array.from({ length: size }, () => {
        state = (state * 48271) % 2147483647
        const wave = state / 2147483647 - 0.5
        return shape.length === 1 ? 1 + 0.2 * wave : 0.4 * wave
      })
      return [name, tf.tensor(values, shape)] as const
    }),
  )
  return { config, weights }
}

/** The same with values that bfloat16 represents. */
function representable(): Model {
  const model = seeded()
  for (const [name, tensor] of model.weights) {
    model.weights.set(
      name,
      tf.tidy(() => op.full(op.half(tensor))),
    )
    tensor.dispose()
  }
  return model
}

const half = (model: Model): Model => ({ ...model, precision: 'bfloat16' })

function trainingPass(model: Model, given: readonly Sequence[]) {
  const tokens = responseTokens(given)
  const count = tokens.labels.length
  const pass = differentiableLogProbs(model, tokens)
  const made = pass.backward(new Float32Array(count).fill(-1 / count))
  const gradients = new Map([...made].map(([name, gradient]) => [name, valuesOf(gradient)]))
  tf.dispose([...made.values()])
  const losses = given.map((_, row) => {
    const ofRow = pass.values.slice(tokens.starts[row], tokens.starts[row + 1])
    return -ofRow.reduce((a, b) => a + b, 0) / ofRow.length
  })
  return { logProbs: pass.values, losses, gradients }
}

const norm = (values: ArrayLike<number>) => Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0))
const relativeError = (got: ArrayLike<number>, want: ArrayLike<number>) =>
  norm(Array.from(want, (w, i) => got[i]! - w)) / norm(want)

type Errors = typeof reference.seeded
const { seeded: ofSeeded, default: ofDefault } = reference as unknown as Record<'seeded' | 'default', Errors>

/** Errors of bfloat16 against float32, each over what PyTorch's autocast shows on the same batch. */
function errorsOverPyTorch(model: Model, peer: Errors) {
  const given = sequencesOf(peer.rows)
  const want = trainingPass(model, given)
  const got = trainingPass(half(model), given)
  expect(relativeError(want.losses, peer.losses)).toBeLessThan(1e-4)
  const peers: Record<string, number> = peer.gradientErrors
  expect([...got.gradients.keys()].sort()).toEqual(Object.keys(peers).sort())
  const names = Object.keys(peers)
  const errors = names.map((name) => relativeError(got.gradients.get(name)!, want.gradients.get(name)!))
  const sizes = names.map((name) => norm(want.gradients.get(name)!))
  const together = (each: number[]) => norm(each.map((error, i) => error * sizes[i]!))
  return {
    losses: relativeError(got.losses, want.losses) / peer.lossesError,
    logProbs: relativeError(got.logProbs, want.logProbs) / peer.logProbsError,
    gradient: together(errors) / together(names.map((name) => peers[name]!)),
    /** Of each weight's gradient, ascending. */
    gradients: names.map((name, i) => errors[i]! / peers[name]!).sort((a, b) => a - b),
  }
}

test("log-probabilities, losses and the gradient of every weight err as PyTorch's autocast does", () => {
  const model = seeded()
  const { losses, logProbs, gradient, gradients } = errorsOverPyTorch(model, ofSeeded)
  expect(Math.max(losses, logProbs, gradient, ...gradients)).toBeLessThan(ALLOWED)
  disposeModel(model)
})

// Here the error of a single weight's gradient is chance: a few channels of a few tokens make it, on either side.
test("log-probabilities and gradient of the default model err as PyTorch's autocast does", () => {
  const model = loadModel(defaultModelFolder())
  const { logProbs, gradient, gradients } = errorsOverPyTorch(model, ofDefault)
  expect(Math.max(logProbs, gradient, gradients[gradients.length / 2]!)).toBeLessThan(ALLOWED)
  expect(gradients[Math.floor(0.9 * gradients.length)]).toBeLessThan(ALLOWED)
  disposeModel(model)
})

describe('weights that are kept only for reading', () => {
  test('give what float32 weights with the same values give in bfloat16', () => {
    const folder = join(temporaryFolder(), 'representable')
    const made = representable()
    saveModel(made, folder, defaultModelFolder())
    const tokens = responseTokens(sequences)
    const once = () => {
      const [kept, full] = [loadModel(folder, {}, 'bfloat16'), loadModel(folder)]
      expect(kept.precision).toBe('bfloat16')
      const got = tokenLogProbs(kept, tokens)
      expect([...got]).toEqual([...tokenLogProbs(half(full), tokens)])
      expect([...got]).not.toEqual([...tokenLogProbs(full, tokens)])
      disposeModel(kept)
      disposeModel(full)
    }
    once() // creates the small constants that are kept
    const before = tf.memory().numTensors
    once()
    expect(tf.memory().numTensors).toBe(before)
    disposeModel(made)
  })

  test('a copy in memory is the same, and takes the place of the model that it was made from', () => {
    const made = representable()
    const tokens = responseTokens(sequences)
    const want = [...tokenLogProbs(half(made), tokens)]
    const before = tf.memory().numTensors
    const kept = onlyForReading(cloneModel(made))
    const clone = cloneModel(kept)
    disposeModel(kept)
    expect(clone.precision).toBe('bfloat16')
    expect([...tokenLogProbs(clone, tokens)]).toEqual(want)
    disposeModel(clone)
    expect(tf.memory().numTensors).toBe(before)
    disposeModel(made)
  })

  test('adapters on such a base learn and sample as on float32 weights with the same values', async () => {
    const lora = { rank: 4, alpha: 8, targets: ['q_proj', 'o_proj', 'down_proj'] }
    const full = representable()
    const kept = onlyForReading(cloneModel(full))
    const adapted = (base: Model): Model => {
      const model = withAdapter(base, lora, 3)
      for (const [name, tensor] of model.weights) {
        if (!name.includes('.lora_B')) continue
        const values = Float32Array.from({ length: tensor.size }, (_, i) => 0.1 * (uniform([name, i]) - 0.5))
        model.weights.set(name, tf.tensor(values, tensor.shape))
        tensor.dispose()
      }
      return model
    }
    const [onKept, onFull] = [adapted(kept), adapted(half(full))]
    const [got, want] = [trainingPass(onKept, sequences), trainingPass(onFull, sequences)]
    expect([...got.gradients.keys()].every((name) => name.includes('.lora_'))).toBe(true)
    expect(got.gradients.size).toBe(2 * 3 * 4)
    expect(got).toEqual(want)
    const settings = { maxTokens: 6, temperature: 0.9, stopIds: [] }
    const prompts = sequences.map(({ prompt }) => prompt)
    const sampled = await generate(onKept, prompts, settings, ['adapter'])
    const before = tf.memory().numTensors
    expect(await generate(onFull, prompts, settings, ['adapter'])).toEqual(sampled)
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([...onKept.weights.values(), ...onFull.weights.values()])
  })
})

describe('sampling in bfloat16, which reads only a part of the distribution', () => {
  const D = 16
  const ROWS = 400
  const random = (shape: [number, number], key: string, size: number) =>
    tf.tensor2d(
      Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => size * (uniform([key, i]) - 0.5)),
      shape,
    )

  /** A decoder that is only a head, states to choose tokens from, and the logits by the head's own product. */
  function headOf(vocabSize: number) {
    const config = parseModelConfig({ ...reference.config, vocab_size: vocabSize, hidden_size: D }, 'head')
    const head = tf.tidy(() => op.half(random([vocabSize, D], 'head', 2)))
    const decoder = { model: { config, weights: new Map([[headName(config), head]]), precision: 'bfloat16' as const } }
    const states = random([ROWS, D], 'states', 3)
    const all = readValues(() => op.full(logits(decoder.model, states)))
    const ofRow = (row: number) => all.slice(row * vocabSize, (row + 1) * vocabSize)
    return { decoder, states, ofRow, dispose: () => tf.dispose([head, states]) }
  }

  /** Probabilities in double precision. */
  function softmax(scores: Float32Array, temperature: number): number[] {
    const most = Math.max(...scores)
    const weights = Array.from(scores, (score) => Math.exp((score - most) / temperature))
    const total = weights.reduce((a, b) => a + b, 0)
    return weights.map((weight) => weight / total)
  }

  test.each([61, 256, 300, 512, 1000])('inverts the distribution over a vocabulary of %i tokens', (vocabSize) => {
    const { decoder, states, ofRow, dispose } = headOf(vocabSize)
    const u = Array.from({ length: ROWS }, (_, row) => [0, 0.9999][row] ?? uniform(['u', row]))
    const before = tf.memory().numTensors
    const chosen = nextTokens(decoder, states, { temperature: 0.8 }, u)
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 4) // small constants that are kept
    chosen.forEach(({ id, probability }, row) => {
      const p = softmax(ofRow(row), 0.8)
      const below = p.slice(0, id).reduce((a, b) => a + b, 0)
      expect(id).toBeLessThan(vocabSize)
      expect(probability).toBeCloseTo(p[id]!, 5)
      expect(below).toBeLessThanOrEqual(u[row]! + 1e-5)
      expect(below + p[id]!).toBeGreaterThanOrEqual(u[row]! - 1e-5)
    })
    expect(new Set(chosen.map(({ id }) => id)).size).toBeGreaterThan(30)
    dispose()
  })

  test('greedy, the most likely token is chosen, with its probability at temperature 1', () => {
    const { decoder, states, ofRow, dispose } = headOf(300)
    const chosen = nextTokens(decoder, states, { temperature: 0 }, new Array<number>(ROWS).fill(0.5))
    chosen.forEach(({ id, probability }, row) => {
      const scores = ofRow(row)
      expect(id).toBe(scores.indexOf(Math.max(...scores)))
      expect(probability).toBeCloseTo(softmax(scores, 1)[id]!, 5)
    })
    dispose()
  })

  test.each(['float32', 'bfloat16'] as const)(
    'equal prompts of a group are read once in bfloat16: %s',
    async (precision) => {
      const model: Model = { ...seeded(), precision }
      const run = jest.spyOn(backend, 'executeMultipleOutputs')
      const prompts = [3, 3, 3, 5, 3].map((first) => [first, 17, 9, 44])
      const settings = { maxTokens: 6, temperature: 0.9, stopIds: [] }
      const together = await generate(model, prompts, settings, ['group'])
      const widths = new Set(run.mock.calls.flatMap(([, , inputs]) => inputs.map(({ shape }) => shape.join())))
      run.mockRestore()
      const [once, each] = ['8,64', '20,64'] // two prompts of four tokens, or five
      expect([widths.has(once), widths.has(each)]).toEqual(precision === 'bfloat16' ? [true, false] : [false, true])
      expect(new Set(together.map(({ ids }) => ids.join())).size).toBe(5)
      for (const [row, prompt] of prompts.entries()) {
        const [alone] = await generate(model, [prompt], { ...settings, firstRow: row }, ['group'])
        const same = together[row]!.ids.findIndex((id, t) => id !== alone!.ids[t])
        const shared = same < 0 ? settings.maxTokens : same
        expect(shared).toBeGreaterThan(0)
        for (let t = 0; t < shared; t++)
          expect(Math.abs(together[row]!.logProbs[t]! - alone!.logProbs[t]!)).toBeLessThan(0.05)
      }
      disposeModel(model)
    },
  )
})
