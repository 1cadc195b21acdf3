// A part of the model that runs as one call against the same operations one by one, which are the reference.
import { join } from 'node:path'
import { withAdapter } from '../../src/model/adapter'
import { padLeft, positions } from '../../src/model/batch'
import { valuesOf } from '../../src/model/data-type'
import { decodeNext, disposeDecoder, openDecoder } from '../../src/model/decode'
import { disposeCache } from '../../src/model/key-value-cache'
import { encodeFunctionDef, type AttributeValue } from '../../src/model/function-def'
import { generate } from '../../src/model/generate'
import type { Model } from '../../src/model/model'
import { nextTokens } from '../../src/model/next-token'
import { has, SILU, SOFTMAX, withoutKernels } from '../../src/model/onednn'
import * as op from '../../src/model/ops'
import { disposePrefix, openPrefix } from '../../src/model/prefix'
import { recorded, withoutRecording } from '../../src/model/recorded'
import { backend, tf, type Tensor } from '../../src/model/tf'
import { hiddenWithKeys } from '../../src/model/transformer'
import { loadModel } from '../../src/model/weights'
import { uniform } from '../../src/random'
import { differentiableLogProbs, responseTokens, tokenLogProbs } from '../../src/training/gradients'
import reference from '../reference/families/reference.json'

const FAMILIES = ['llama-linear', 'llama-biases', 'gemma2', 'gemma3', 'gpt2', 'qwen3', 'olmo2', 'phi3']
const HAVE_NO_ADAPTERS = ['gpt2', 'phi3'] // query, key and value are one layer
const LORA = { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj', 'down_proj'] }
const isNative = backend.binding.addFunction !== undefined

const folderOf = (name: string) => join(__dirname, '..', 'reference', 'families', name)
const sequences = reference.prompts.map((prompt, i) => ({ prompt, response: reference.responses[i]! }))
const tokens = responseTokens(sequences)

/** The model with an adapter that changes what it computes. */
function adapted(model: Model): Model {
  const made = withAdapter(model, LORA, 1)
  for (const [name, tensor] of made.weights) {
    if (!name.includes('.lora_B')) continue
    tensor.dispose()
    const values = Float32Array.from({ length: tensor.size }, (_, i) => 0.2 * (uniform([name, i]) - 0.5))
    made.weights.set(name, tf.tensor(values, tensor.shape))
  }
  return made
}

/** Values and gradients of a training pass over the reference's sequences. */
function trained(model: Model): Record<string, number[]> {
  const pass = differentiableLogProbs(model, tokens, 0.9, 'entropies')
  const gradients = pass.backward(new Float32Array(tokens.labels.length).map((_, i) => Math.cos(i)))
  const named = [...gradients].map(([name, gradient]) => [name, [...valuesOf(gradient)]] as const)
  tf.dispose([...gradients.values()])
  return { values: [...pass.values], entropies: [...pass.entropies!], ...Object.fromEntries(named) }
}

/** Hidden states and chosen tokens of three decoded columns, after a prefix that all rows share. */
function decoded(model: Model): number[][] {
  const shared = reference.long.slice(0, 7)
  const prompts = reference.prompts.map((prompt) => [...shared, ...prompt])
  const decoder = openDecoder(model)
  const prefix = openPrefix(decoder.model, prompts, 1)!
  const batch = padLeft(prompts.map((prompt) => prompt.slice(prefix.length)))
  const { hidden, layers } = hiddenWithKeys(decoder.model, batch, prefix.layers)
  hidden.dispose()
  const mask = prompts.map((_, row) => batch.mask.slice(row * batch.time, (row + 1) * batch.time))
  const cache = { layers, mask, prefix: prefix.layers }
  const at = positions(batch, prefix.length)
  let ids = Int32Array.from(prompts, (_, row) => row + 3)
  const seen: number[][] = []
  for (let step = 0; step < 3; step++) {
    const columns = Int32Array.from(prompts, (_, row) => at[(row + 1) * batch.time - 1]! + step + 1)
    const states = decodeNext(decoder, ids, columns, cache)
    const chosen = nextTokens(decoder, states, { temperature: 0.8 }, [0.1, 0.5, 0.9])
    seen.push(
      [...valuesOf(states)],
      chosen.flatMap(({ id, probability }) => [id, probability]),
    )
    states.dispose()
    ids = Int32Array.from(chosen, ({ id }) => id)
  }
  disposeCache(cache)
  disposePrefix(prefix)
  disposeDecoder(decoder)
  return seen
}

const everything = (model: Model) => ({
  logProbs: [...tokenLogProbs(model, tokens)],
  trained: trained(model),
  again: trained({ ...model, recompute: true }),
  decoded: decoded(model),
})

const ofNative = isNative ? test : test.skip

/** Runs `run` with another `addFunction`; the native one cannot be assigned to. */
function withAddFunction<T>(value: ((definition: Uint8Array) => void) | undefined, run: () => T): T {
  const { binding } = backend
  backend.binding = Object.create(binding, { addFunction: { value } }) as typeof binding
  try {
    return run()
  } finally {
    backend.binding = binding
  }
}

// The first test of the file: functions stay registered.
ofNative('one function serves batches of every shape, layers of the same kind, and another model of the family', () => {
  const { addFunction } = backend.binding
  has(SILU) // what is tried once is not counted
  has(SOFTMAX)
  let added = 0
  const model = loadModel(folderOf('smollm3'), {}, 'bfloat16')
  const passes = (of: Model, rows: number, length: number) => {
    const row = { prompt: reference.long.slice(0, length), response: [3, 4] }
    tokenLogProbs(of, responseTokens(Array.from({ length: rows }, () => row)))
  }
  const count = (definition: Uint8Array) => (added++, addFunction!(definition))
  const other = loadModel(folderOf('smollm3'), {}, 'bfloat16')
  withAddFunction(count, () => {
    passes(model, 2, 9)
    expect(added).toBe(1 + 2) // the head, and blocks with and without rotary positions; not one for each layer
    for (const each of [model, other])
      for (const [rows, length] of [
        [3, 9],
        [2, 20],
        [5, 31],
      ] as const)
        passes(each, rows, length)
    expect(added).toBe(1 + 2)
  })
  tf.dispose([...model.weights.values(), ...other.weights.values()])
})

test.each(
  FAMILIES.flatMap((family) =>
    (HAVE_NO_ADAPTERS.includes(family) ? [''] : ['', ', with an adapter']).map((adapter) => [family, adapter]),
  ),
)('one call gives what its operations give one by one, bit for bit: %s%s', (family, adapter) => {
  const loaded = loadModel(folderOf(family!))
  const model: Model = { ...(adapter ? adapted(loaded) : loaded), precision: 'bfloat16' }
  const got = withoutKernels(() => everything(model))
  expect(got).toEqual(withoutRecording(() => everything(model)))
  expect(got.again).toEqual(got.trained)
  tf.dispose([...model.weights.values()])
})

ofNative("oneDNN's kernels are used where this machine has them, and give what they stand for", () => {
  const x = tf.tensor2d([[-30, -2, -0.5, 0, 1e-3, 1, 8, 90]])
  const results = (kind: string) =>
    recorded(half, kind, { x }, (given) => ({ silu: op.silu(given.x), softmax: op.softmax(given.x) }))
  const plain = withoutKernels(() => results('plain'))
  const fast = results('fast')
  for (const name of ['silu', 'softmax'] as const) {
    const want = plain[name].dataSync()
    fast[name]
      .dataSync()
      .forEach((value, i) => expect(Math.abs(value - want[i]!)).toBeLessThan(1e-6 + 1e-6 * Math.abs(want[i]!)))
  }
  tf.dispose([x, ...Object.values(plain), ...Object.values(fast)])
})

test.each(FAMILIES)("a model's figures change by rounding alone with oneDNN's kernels: %s", (family) => {
  const model: Model = { ...loadModel(folderOf(family)), precision: 'bfloat16' }
  const again: Model = { ...model, config: { ...model.config } } // plans belong to a config
  const [fast, plain] = [tokenLogProbs(model, tokens), withoutKernels(() => tokenLogProbs(again, tokens))]
  fast.forEach((value, i) => expect(Math.abs(value - plain[i]!)).toBeLessThan(0.02)) // a bfloat16 has 8 bits
  tf.dispose([...model.weights.values()])
})

const half: Pick<Model, 'config' | 'precision'> = { config: {} as Model['config'], precision: 'bfloat16' }

ofNative('a tensor that is not among the inputs is refused', () => {
  const [x, outside] = [tf.ones([2, 3]), tf.ones([2, 3])]
  expect(() => recorded(half, 'outside', { x }, ({ x }) => op.add(x, outside))).toThrow(
    /a tensor \[2, 3\] was used while operations were recorded, but is not among the inputs of `recorded`/,
  )
  const sum = recorded(half, 'inside', { x, outside }, (given) => op.add(given.x, given.outside))
  expect([...sum.dataSync()]).toEqual([2, 2, 2, 2, 2, 2])
  tf.dispose([x, outside, sum])
})

ofNative('in float32 operations run one by one, whose bits are those of earlier versions', () => {
  const model = loadModel(folderOf('llama3'))
  const refuse = () => {
    throw new Error('a function was registered')
  }
  withAddFunction(refuse, () => {
    expect(() => everything(model)).not.toThrow()
    expect(() => everything({ ...model, precision: 'bfloat16' })).toThrow('a function was registered')
  })
  tf.dispose([...model.weights.values()])
})

test.each(['float32', 'bfloat16'] as const)('no tensor is left over in %s', async (precision) => {
  const model: Model = { ...loadModel(folderOf('gemma2')), precision }
  const settings = { maxTokens: 5, temperature: 0.8, stopIds: [4] }
  const prompts = [...reference.prompts, reference.prompts[0]!]
  const all = async () => {
    everything(model)
    await generate(model, prompts, settings, ['left'])
  }
  await all() // creates the small constants that are kept
  const before = tf.memory().numTensors
  await all()
  expect(tf.memory().numTensors).toBe(before)
  tf.dispose([...model.weights.values()])
})

test.each(['float32', 'bfloat16'] as const)(
  'where functions cannot be registered, operations run one by one with the same results: %s',
  (precision) => {
    const model: Model = { ...loadModel(folderOf('llama-linear')), precision }
    const want = withoutKernels(() => [...tokenLogProbs(model, tokens)])
    const { createOutputTensor } = backend
    jest.isolateModules(() => {
      jest.doMock('@tensorflow/tfjs-node-gpu', () => tf)
      withAddFunction(undefined, () => {
        /* eslint-disable @typescript-eslint/no-require-imports -- loaded again, without the function */
        const again = require('../../src/training/gradients') as { tokenLogProbs: typeof tokenLogProbs }
        const weights = require('../../src/model/weights') as { loadModel: typeof loadModel }
        /* eslint-enable @typescript-eslint/no-require-imports */
        const other: Model = { ...weights.loadModel(folderOf('llama-linear')), precision }
        expect([...again.tokenLogProbs(other, tokens)]).toEqual(want)
        tf.dispose([...other.weights.values()])
      })
    })
    backend.createOutputTensor = createOutputTensor
    tf.dispose([...model.weights.values()])
  },
)

describe('the encoding of functions', () => {
  /** Runs a function of one node on inputs. */
  function runNode(
    [name, operation]: [string, string],
    attributes: Record<string, AttributeValue>,
    given: Tensor[],
    output: string,
  ): Tensor {
    const dtypes = given.map(({ dtype }) => (dtype === 'int32' ? 'int32' : 'float32') as 'int32' | 'float32')
    const inputs = dtypes.map((dtype, i) => ({ name: `x${i}`, dtype }))
    const nodes = [{ name: 'n0', op: operation, inputs: inputs.map(({ name }) => name), attributes }]
    const outputs = [{ name: 'y0', dtype: 'float32' as const, from: `n0:${output}:0` }]
    backend.binding.addFunction!(encodeFunctionDef({ name, inputs, outputs, nodes }))
    return backend.executeMultipleOutputs(name, [], given, 1)[0]!
  }

  ofNative('types and booleans', () => {
    const [a, b] = [tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([1, 0, 0, 2], [2, 2])]
    const attributes = { T: { type: 1 }, transpose_a: { bool: true }, transpose_b: { bool: false } }
    const product = runNode(['test_matmul', 'MatMul'], attributes, [a, b], 'product')
    expect([...product.dataSync()]).toEqual([1, 6, 2, 8])
    tf.dispose([a, b, product])
  })

  ofNative('whole numbers', () => {
    const given = [tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor1d([1, 0], 'int32'), tf.scalar(0, 'int32')]
    const types = { Tparams: { type: 1 }, Tindices: { type: 3 }, Taxis: { type: 3 } }
    const rows = runNode(['test_gather', 'GatherV2'], { ...types, batch_dims: { int: 0 } }, given, 'output')
    expect([...rows.dataSync()]).toEqual([3, 4, 1, 2])
    tf.dispose([...given, rows])
  })

  ofNative('constants: scalars and vectors, negative numbers too', () => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
    const got = recorded(half, 'constants', { x }, ({ x }) => op.sum(op.scale(op.transpose(x, [1, 0]), -1.5), -1))
    expect([...got.dataSync()]).toEqual([-6, -9])
    tf.dispose([x, got])
  })
})
