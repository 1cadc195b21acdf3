// A part of the model as one call. The first time that it is asked for with inputs of some shapes, its operations are
// recorded (recording.ts) and registered as a TensorFlow function; the same function serves other shapes too. One call
// costs what one operation costs, TensorFlow frees intermediate results as early as it can, and runs operations that do
// not depend on each other at the same time.
import { digestOf } from '../digest'
import { dataTypeOf } from './data-type'
import { encodeFunctionDef } from './function-def'
import type { Model } from './model'
import { intConstant } from './ops'
import { placeOf, Recording, recordInto, symbolicType } from './recording'
import { backend, tidy, type Tensor } from './tf'
import { mapTensors, tensorsOf } from './tensor-tree'

/** What a call of some shapes needs. */
interface Plan {
  functionName: string
  /** Values of the function's size arguments. */
  sizes: Tensor[]
  /** The tree of results, with symbolic tensors. */
  results: unknown
  outputs: number
}

/** Most plans of a model, some kilobytes each; a long RL run has as many as batches of different sizes. */
const MOST_PLANS = 4096

/** Names of registered functions. */
const registered = new Set<string>()

/** Plans by config, then by kind and shapes. */
const plans = new WeakMap<object, Map<string, Plan>>()

function plansOf(config: object): Map<string, Plan> {
  let known = plans.get(config)
  if (!known) plans.set(config, (known = new Map<string, Plan>()))
  return known
}

/** Operations run one after the other where the native part cannot register functions, and in tests that compare. */
let oneByOne = backend.binding.addFunction === undefined

/** Runs operations one after the other while `run` runs: the reference that recorded parts are compared with. */
export function withoutRecording<T>(run: () => T): T {
  const before = oneByOne
  oneByOne = true
  try {
    return run()
  } finally {
    oneByOne = before
  }
}

/**
 * `build(inputs)`: in bfloat16 as one call, in float32 one operation after the other, as the kernels of functions round
 * softmax in another way and results in float32 stay what they were to the last bit.
 * @param model whose config `build` may depend on
 * @param kind names the part; whatever else changes its operations but is not seen from the inputs' shapes is in it
 * @param inputs a plain object of tensors; `build` may use no others
 */
export function recorded<I, O>(
  { config, precision }: Pick<Model, 'config' | 'precision'>,
  kind: string,
  inputs: I,
  build: (inputs: I) => O,
): O {
  if (oneByOne || precision !== 'bfloat16') return tidy(() => build(inputs))
  const tensors = tensorsOf(inputs)
  const key = tensors.reduce((so, tensor) => `${so}|${tensor.shape.join()}${dataTypeOf(tensor)[0]}`, kind)
  const known = plansOf(config)
  let plan = known.get(key)
  if (!plan) {
    if (known.size >= MOST_PLANS) known.clear()
    known.set(key, (plan = record(inputs, build)))
  }
  const outputs = backend.executeMultipleOutputs(plan.functionName, [], [...tensors, ...plan.sizes], plan.outputs)
  let next = 0
  return mapTensors(plan.results, () => outputs[next++]!) as O
}

function record<I, O>(inputs: I, build: (inputs: I) => O): Plan {
  const recording = new Recording()
  const results = recordInto(recording, () =>
    build(mapTensors(inputs, (tensor) => recording.input(tensor.shape, dataTypeOf(tensor)))),
  )
  const outputs = tensorsOf(results)
  return {
    functionName: register(recording, outputs),
    sizes: recording.sizes.map((values) => intConstant(values)),
    results,
    outputs: outputs.length,
  }
}

function register({ nodes, arguments: given, sizes }: Recording, results: readonly Tensor[]): string {
  const inputs = [...given, ...sizes.map((_, i) => ({ name: `s${i}`, dtype: 'int32' as const }))]
  const outputs = results.map((tensor, i) => ({ name: `y${i}`, dtype: symbolicType(tensor)!, from: placeOf(tensor) }))
  const operations = JSON.stringify([inputs, outputs, nodes])
  const name = `rlaif_${digestOf(operations)}` // the same operations have the same name, whoever records them
  if (!registered.has(name)) backend.binding.addFunction!(encodeFunctionDef({ name, inputs, outputs, nodes }))
  registered.add(name)
  return name
}
