// TensorFlow operations called by name, without TensorFlow.js's gradient bookkeeping: the model has its own backward
// pass. Each call costs about 20 µs whatever its size, so formulas are written as few and large operations. Operands
// are float32.
import { backend, tf, type OpAttribute, type Tensor } from './tf'

const { binding } = backend
const type = (name: string, value: number): OpAttribute => ({ name, type: binding.TF_ATTR_TYPE, value })
const flag = (name: string, value: boolean): OpAttribute => ({ name, type: binding.TF_ATTR_BOOL, value })

const FLOAT = type('T', binding.TF_FLOAT)
const REDUCE_KEEP = [FLOAT, flag('keep_dims', true), type('Tidx', binding.TF_INT32)]
const REDUCE_DROP = [FLOAT, flag('keep_dims', false), type('Tidx', binding.TF_INT32)]
const RESHAPE = [FLOAT, type('Tshape', binding.TF_INT32)]
const TRANSPOSE = [FLOAT, type('Tperm', binding.TF_INT32)]
const GATHER = [
  type('Tparams', binding.TF_FLOAT),
  type('Tindices', binding.TF_INT32),
  type('Taxis', binding.TF_INT32),
  { name: 'batch_dims', type: binding.TF_ATTR_INT, value: 0 },
]
const SEGMENT_SUM = [FLOAT, type('Tindices', binding.TF_INT32), type('Tnumsegments', binding.TF_INT32)]
const CONCAT = (n: number) => [
  FLOAT,
  { name: 'N', type: binding.TF_ATTR_INT, value: n },
  type('Tidx', binding.TF_INT32),
]
const SPLIT = (n: number) => [
  FLOAT,
  { name: 'num_split', type: binding.TF_ATTR_INT, value: n },
  type('Tlen', binding.TF_INT32),
]
const CROSS_ENTROPY = [FLOAT, type('Tlabels', binding.TF_INT32)]

const bools = [false, true]
const MATMUL = bools.map((a) => bools.map((b) => [FLOAT, flag('transpose_a', a), flag('transpose_b', b)]))
const BATCH_MATMUL = bools.map((a) => bools.map((b) => [FLOAT, flag('adj_x', a), flag('adj_y', b)]))

/** Small int32 constants (shapes, permutations, axes), created once and kept until the process ends. */
const constants = new Map<string, Tensor>()
function intConstant(values: number | readonly number[]): Tensor {
  const key = String(values) + (typeof values === 'number' ? 's' : 'v')
  let tensor = constants.get(key)
  if (!tensor) {
    tensor = tf.keep(typeof values === 'number' ? tf.scalar(values, 'int32') : tf.tensor1d([...values], 'int32'))
    constants.set(key, tensor)
  }
  return tensor
}

const unary = (name: string) => (x: Tensor) => backend.executeSingleOutput(name, [FLOAT], [x])
const binary = (name: string) => (a: Tensor, b: Tensor) => backend.executeSingleOutput(name, [FLOAT], [a, b])

// Element by element, operands broadcast.
export const add = binary('AddV2')
export const sub = binary('Sub')
export const mul = binary('Mul')
export const div = binary('RealDiv')
export const maximum = binary('Maximum')
export const square = unary('Square')
export const sqrt = unary('Sqrt')
export const rsqrt = unary('Rsqrt')
export const sigmoid = unary('Sigmoid')
export const tanh = unary('Tanh')
/** Softmax over the last axis; any rank. */
export const softmax = (x: Tensor) => backend.executeSingleOutput('Softmax', [FLOAT], [x])
/** log softmax over the last axis; any rank. */
export const logSoftmax = (x: Tensor) => backend.executeSingleOutput('LogSoftmax', [FLOAT], [x])

/** A float constant, []; it is freed at the end of the enclosing tidy. */
export const scalar = (value: number): Tensor => tf.scalar(value)
export const scale = (x: Tensor, factor: number): Tensor => mul(x, scalar(factor))

/** [m, k] · [k, n] → [m, n]; either side may be passed transposed. Faster than tf.matMul, which always batches. */
export function matmul(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
  return backend.executeSingleOutput('MatMul', MATMUL[+transposeA]![+transposeB]!, [a, b])
}

/** [..., m, k] · [..., k, n] → [..., m, n] with equal leading axes. */
export function batchMatmul(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
  return backend.executeSingleOutput('BatchMatMulV2', BATCH_MATMUL[+transposeA]![+transposeB]!, [a, b])
}

export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  return backend.executeSingleOutput('Reshape', RESHAPE, [x, intConstant(shape)])
}

export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  return backend.executeSingleOutput('Transpose', TRANSPOSE, [x, intConstant(permutation)])
}

/** Σ over one axis, which is dropped or kept with size 1. */
export function sum(x: Tensor, axis: number, keepDims = false): Tensor {
  return backend.executeSingleOutput('Sum', keepDims ? REDUCE_KEEP : REDUCE_DROP, [x, intConstant([axis])])
}

/** Mean over one axis, which is dropped or kept with size 1. */
export function mean(x: Tensor, axis: number, keepDims = false): Tensor {
  return backend.executeSingleOutput('Mean', keepDims ? REDUCE_KEEP : REDUCE_DROP, [x, intConstant([axis])])
}

/** Σ x² / 2 over all values: []. */
export const halfSquareSum = unary('L2Loss')

export function concat(parts: Tensor[], axis: number): Tensor {
  return backend.executeSingleOutput('ConcatV2', CONCAT(parts.length), [...parts, intConstant(axis)])
}

/** Splits a tensor into parts of the given sizes along an axis. */
export function split(x: Tensor, sizes: readonly number[], axis: number): Tensor[] {
  return backend.executeMultipleOutputs(
    'SplitV',
    SPLIT(sizes.length),
    [x, intConstant(sizes), intConstant(axis)],
    sizes.length,
  )
}

/** Slices of `x` [n, …] along the first axis, by `indices` int32 [m] → [m, …]. */
export function gatherRows(x: Tensor, indices: Tensor): Tensor {
  return backend.executeSingleOutput('GatherV2', GATHER, [x, indices, intConstant(0)])
}

/** The adjoint of `gatherRows`: adds `rows` [m, d] to zeros at `indices` int32 [m] → [count, d]. */
export function scatterRows(rows: Tensor, indices: Tensor, count: number): Tensor {
  return backend.executeSingleOutput('UnsortedSegmentSum', SEGMENT_SUM, [rows, indices, intConstant(count)])
}

/**
 * −log softmax(logits)[label] of each row, in nats, and its gradient by the logits.
 * @param logits [m, v]
 * @param labels int32 [m]
 * @returns loss [m], gradient [m, v]
 */
export function crossEntropy(logits: Tensor, labels: Tensor): [loss: Tensor, gradient: Tensor] {
  const [loss, gradient] = backend.executeMultipleOutputs(
    'SparseSoftmaxCrossEntropyWithLogits',
    CROSS_ENTROPY,
    [logits, labels],
    2,
  )
  return [loss!, gradient!]
}

// ---- Adam in place. TensorFlow's kernel works on resource variables; three of them hold each weight and its moments
// in turn. Assigning and reading share the buffer; the kernel copies it first if another tensor still refers to it.

const DTYPE = type('dtype', binding.TF_FLOAT)
const ADAM = [FLOAT, flag('use_locking', false), flag('use_nesterov', false)]

const variable = (name: string): Tensor =>
  tf.keep(
    backend.executeSingleOutput(
      'VarHandleOp',
      [
        DTYPE,
        { name: 'shape', type: binding.TF_ATTR_SHAPE, value: [] },
        { name: 'container', type: binding.TF_ATTR_STRING, value: '' },
        { name: 'shared_name', type: binding.TF_ATTR_STRING, value: name },
      ],
      [],
    ),
  )
let variables: Tensor[] | undefined

interface AdamStep {
  beta1: number
  beta2: number
  /** ε in PyTorch's form, m̂ / (√v̂ + ε). */
  epsilon: number
  learningRate: number
  /** Number of this step, from 1. */
  step: number
}

/**
 * One Adam update (Kingma & Ba, arXiv 1412.6980), all tensors of one shape. Consumes weight and moments, returns the
 * new ones.
 */
export function applyAdam(
  weightAndMoments: readonly Tensor[],
  gradient: Tensor,
  { beta1, beta2, epsilon, learningRate, step }: AdamStep,
): [weight: Tensor, m: Tensor, v: Tensor] {
  variables ??= ['weight', 'm', 'v'].map((name) => variable(`rlaif-adam-${name}`))
  variables.forEach((handle, i) =>
    backend.executeMultipleOutputs('AssignVariableOp', [DTYPE], [handle, weightAndMoments[i]!], 0),
  )
  tf.dispose([...weightAndMoments])
  const power2 = beta2 ** step
  // TensorFlow adds its ε to √v, PyTorch to √(v / (1 − β₂ᵗ)).
  const scalars = [beta1 ** step, power2, learningRate, beta1, beta2, epsilon * Math.sqrt(1 - power2)].map((value) =>
    tf.scalar(value),
  )
  backend.executeMultipleOutputs('ResourceApplyAdam', ADAM, [...variables, ...scalars, gradient], 0)
  tf.dispose(scalars)
  return variables.map((handle) => backend.executeSingleOutput('ReadVariableOp', [DTYPE], [handle])) as [
    Tensor,
    Tensor,
    Tensor,
  ]
}
