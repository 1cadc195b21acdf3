// TensorFlow operations called by name, without TensorFlow.js's gradient bookkeeping: the model has its own backward
// pass. Each call costs about 20 µs whatever its size, so formulas are written as few and large operations; inside
// `recorded` (recorded.ts) they are noted and run together. Matrix products are computed in bfloat16 if an operand is
// (`half`); what only moves values keeps their type; everything else is computed in float32.
import { dataTypeOf } from './data-type'
import { DATA_TYPES, type AttributeValue, type DataType } from './function-def'
import * as onednn from './onednn'
import { openRecording } from './recording'
import { backend, tf, type OpAttribute, type Tensor } from './tf'

const { binding } = backend

type Shape = readonly number[]

/** Attributes of an operation, for running it and for recording it. */
interface Attributes {
  native: OpAttribute[]
  recorded: Record<string, AttributeValue>
}

function nativeAttribute([name, value]: [string, AttributeValue]): OpAttribute {
  if ('type' in value) return { name, type: binding.TF_ATTR_TYPE, value: value.type }
  if ('bool' in value) return { name, type: binding.TF_ATTR_BOOL, value: value.bool }
  if ('int' in value) return { name, type: binding.TF_ATTR_INT, value: value.int }
  throw new Error(`model: attribute ${name} is only for recordings`)
}
const attributes = (recorded: Record<string, AttributeValue>): Attributes => ({
  native: Object.entries(recorded).map(nativeAttribute),
  recorded,
})
const FLOAT32 = { type: DATA_TYPES.float32 }
const BFLOAT16 = { type: DATA_TYPES.bfloat16 }
const INT32 = { type: DATA_TYPES.int32 }

/** Attributes that depend on the type of the values, made once for each type. */
const forType = (make: (type: AttributeValue) => Record<string, AttributeValue>): Record<DataType, Attributes> => ({
  float32: attributes(make(FLOAT32)),
  bfloat16: attributes(make(BFLOAT16)),
  int32: attributes(make(INT32)),
})

const PLAIN = forType((T) => ({ T }))
const REDUCE_KEEP = forType((T) => ({ T, keep_dims: { bool: true }, Tidx: INT32 })).float32
const REDUCE_DROP = forType((T) => ({ T, keep_dims: { bool: false }, Tidx: INT32 })).float32
const RESHAPE = forType((T) => ({ T, Tshape: INT32 }))
const TRANSPOSE = forType((T) => ({ T, Tperm: INT32 }))
const BROADCAST = forType((T) => ({ T, Tidx: INT32 }))
const GATHER = forType((Tparams) => ({ Tparams, Tindices: INT32, Taxis: INT32, batch_dims: { int: 0 } }))
const SEGMENT_SUM = forType((T) => ({ T, Tindices: INT32, Tnumsegments: INT32 })).float32
const CONCAT = (n: number) => forType((T) => ({ T, N: { int: n }, Tidx: INT32 }))
const SPLIT = (n: number) => forType((T) => ({ T, num_split: { int: n }, Tlen: INT32 }))
const CROSS_ENTROPY = forType((T) => ({ T, Tlabels: INT32 })).float32
const cast = (SrcT: AttributeValue, DstT: AttributeValue) => attributes({ SrcT, DstT, Truncate: { bool: false } })
const TO_HALF = cast(FLOAT32, BFLOAT16)
const TO_FULL = cast(BFLOAT16, FLOAT32)

const bools = [false, true]
const MATMUL = bools.map((a) =>
  bools.map((b) => forType((T) => ({ T, transpose_a: { bool: a }, transpose_b: { bool: b } }))),
)
const BATCH_MATMUL = bools.map((a) => bools.map((b) => forType((T) => ({ T, adj_x: { bool: a }, adj_y: { bool: b } }))))

/** An operation's output: its name in TensorFlow's definition of the operation, its shape and type. */
type Output = [name: string, shape: Shape, dtype?: DataType]

/** Runs an operation, or notes it in the open recording. */
function run(op: string, { native, recorded }: Attributes, inputs: Tensor[], outputs: Output[]): Tensor[] {
  const recording = openRecording()
  if (!recording) return backend.executeMultipleOutputs(op, native, inputs, outputs.length)
  return recording.append(
    op,
    recorded,
    inputs,
    outputs.map(([name, shape, dtype = 'float32']) => ({ name, shape, dtype })),
  )
}
/** `run` for operations with one output. */
const single = (op: string, given: Attributes, inputs: Tensor[], output: Output): Tensor =>
  run(op, given, inputs, [output])[0]!

/** Small int32 constants (shapes, permutations, axes), created once and kept until the process ends. */
const constants = new Map<string, Tensor>()
export function intConstant(values: number | Shape): Tensor {
  const key = String(values) + (typeof values === 'number' ? 's' : 'v')
  let tensor = constants.get(key)
  if (!tensor) {
    tensor = tf.keep(typeof values === 'number' ? tf.scalar(values, 'int32') : tf.tensor1d([...values], 'int32'))
    constants.set(key, tensor)
  }
  return tensor
}
/** Axes and permutations: part of a recorded function. */
const axes = (values: number | Shape) => openRecording()?.constant(values, 'int32') ?? intConstant(values)
/** Sizes: arguments of a recorded function, so that it serves every shape. */
const sizes = (values: Shape) => openRecording()?.size(values) ?? intConstant(values)

const unary = (name: string, output: string) => (x: Tensor) => single(name, PLAIN.float32, [full(x)], [output, x.shape])
const binary = (name: string) => (a: Tensor, b: Tensor) =>
  single(name, PLAIN.float32, [full(a), full(b)], ['z', broadcast(a.shape, b.shape)])

/** The shape of an element-wise result. */
function broadcast(a: Shape, b: Shape): Shape {
  if (b.length > a.length) return broadcast(b, a)
  const offset = a.length - b.length
  return a.map((size, i) => (i < offset || size !== 1 ? size : b[i - offset]!))
}

// Element by element, operands broadcast.
export const add = binary('AddV2')
export const sub = binary('Sub')
export const mul = binary('Mul')
export const div = binary('RealDiv')
export const maximum = binary('Maximum')
export const square = unary('Square', 'y')
export const sqrt = unary('Sqrt', 'y')
export const rsqrt = unary('Rsqrt', 'y')
export const sigmoid = unary('Sigmoid', 'y')
export const tanh = unary('Tanh', 'y')
/** log softmax over the last axis; any rank. */
export const logSoftmax = unary('LogSoftmax', 'logsoftmax')

/** A float constant, []; it is freed at the end of the enclosing tidy. */
export const scalar = (value: number): Tensor => openRecording()?.constant(value, 'float32') ?? tf.scalar(value)
export const scale = (x: Tensor, factor: number): Tensor => mul(x, scalar(factor))

/** In bfloat16: rounded to 8 bits of precision. Matrix products of such operands are about twice as fast. */
export const half = (x: Tensor): Tensor =>
  dataTypeOf(x) === 'bfloat16' ? x : single('Cast', TO_HALF, [x], ['y', x.shape, 'bfloat16'])
/** In float32. */
export const full = (x: Tensor): Tensor =>
  dataTypeOf(x) === 'bfloat16' ? single('Cast', TO_FULL, [x], ['y', x.shape]) : x

/** The type that a product is computed in: bfloat16 if one of its operands is. */
const productType = (a: Tensor, b: Tensor): DataType =>
  [a, b].some((x) => dataTypeOf(x) === 'bfloat16') ? 'bfloat16' : 'float32'

/**
 * [m, k] · [k, n] → [m, n]; either side may be passed transposed. In bfloat16 if one of the operands is, and so is the
 * product. Faster than tf.matMul, which always batches.
 */
export function matmul(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
  const type = productType(a, b)
  const operands = type === 'bfloat16' ? [half(a), half(b)] : [a, b]
  const shape = [a.shape[+transposeA]!, b.shape[1 - +transposeB]!]
  return single('MatMul', MATMUL[+transposeA]![+transposeB]![type], operands, ['product', shape, type])
}

/** [..., m, k] · [..., k, n] → [..., m, n] with equal leading axes; types as of `matmul`. */
export function batchMatmul(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
  const type = productType(a, b)
  const operands = type === 'bfloat16' ? [half(a), half(b)] : [a, b]
  const shape = [...a.shape.slice(0, -2), a.shape.at(transposeA ? -1 : -2)!, b.shape.at(transposeB ? -2 : -1)!]
  return single('BatchMatMulV2', BATCH_MATMUL[+transposeA]![+transposeB]![type], operands, ['output', shape, type])
}

export function reshape(x: Tensor, shape: Shape): Tensor {
  const type = dataTypeOf(x)
  return single('Reshape', RESHAPE[type], [x, sizes(shape)], ['output', shape, type])
}

export function transpose(x: Tensor, permutation: Shape): Tensor {
  const type = dataTypeOf(x)
  const shape = permutation.map((axis) => x.shape[axis]!)
  return single('Transpose', TRANSPOSE[type], [x, axes(permutation)], ['y', shape, type])
}

/** `x` repeated along its axes of size 1. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  const type = dataTypeOf(x)
  return single('BroadcastTo', BROADCAST[type], [x, sizes(shape)], ['output', shape, type])
}

const reduced = ({ shape }: Tensor, axis: number, keepDims: boolean): Shape =>
  keepDims ? shape.map((size, i) => (i === axis ? 1 : size)) : shape.filter((_, i) => i !== axis)
const reduction =
  (name: string) =>
  (x: Tensor, axis: number, keepDims = false): Tensor =>
    single(name, keepDims ? REDUCE_KEEP : REDUCE_DROP, [full(x), axes([axis])], ['output', reduced(x, axis, keepDims)])

/** The largest value along one axis, which is dropped or kept with size 1. */
export const max = reduction('Max')
/** Σ over one axis, which is dropped or kept with size 1. */
export const sum = reduction('Sum')
/** Mean over one axis, which is dropped or kept with size 1. */
export const mean = reduction('Mean')

export const exp = unary('Exp', 'y')
export const log = unary('Log', 'y')
const reciprocal = unary('Reciprocal', 'y')
const eagerSoftmax = unary('Softmax', 'softmax')
/** A kernel of oneDNN, element by element or along the last axis. */
const byOneDnn = ({ op, attributes, output }: typeof onednn.SOFTMAX, x: Tensor) =>
  single(op, { native: [], recorded: attributes }, [full(x)], [output, x.shape])

/** Softmax over the last axis; any rank. Functions without oneDNN's kernel take the steps of the one that runs eagerly. */
export function softmax(x: Tensor): Tensor {
  if (!openRecording()) return eagerSoftmax(x)
  if (onednn.has(onednn.SOFTMAX)) return byOneDnn(onednn.SOFTMAX, x)
  const e = exp(sub(x, max(x, x.rank - 1, true)))
  return mul(e, reciprocal(sum(e, x.rank - 1, true)))
}

/** x · sigmoid(x), element by element. */
export const silu = (x: Tensor): Tensor =>
  openRecording() && onednn.has(onednn.SILU) ? byOneDnn(onednn.SILU, x) : mul(x, sigmoid(x))

/** Σ x² / 2 over all values: []. */
export const halfSquareSum = (x: Tensor): Tensor => single('L2Loss', PLAIN.float32, [full(x)], ['output', []])

export function concat(parts: Tensor[], axis: number): Tensor {
  const type = dataTypeOf(parts[0]!)
  const along = parts.reduce((size, part) => size + part.shape[axis]!, 0)
  const shape = parts[0]!.shape.map((size, i) => (i === axis ? along : size))
  return single('ConcatV2', CONCAT(parts.length)[type], [...parts, axes(axis)], ['output', shape, type])
}

/** Splits a tensor into parts of the given sizes along an axis. */
export function split(x: Tensor, parts: Shape, axis: number): Tensor[] {
  const type = dataTypeOf(x)
  const outputs = parts.map((part): Output => ['output', x.shape.map((size, i) => (i === axis ? part : size)), type])
  return run('SplitV', SPLIT(parts.length)[type], [x, sizes(parts), axes(axis)], outputs)
}

/** Slices of `x` [n, …] along the first axis, by `indices` int32 [m] → [m, …]. */
export function gatherRows(x: Tensor, indices: Tensor): Tensor {
  const type = dataTypeOf(x)
  const shape = [indices.shape[0]!, ...x.shape.slice(1)]
  return single('GatherV2', GATHER[type], [x, indices, axes(0)], ['output', shape, type])
}

/**
 * `x` [n, d] with `rows` [m, d] at `indices` int32 [m], written into x's own memory: x, and whatever shares its memory,
 * must not be used afterwards.
 */
export function replaceRows(x: Tensor, indices: Tensor, rows: Tensor): Tensor {
  const type = dataTypeOf(x)
  return single('InplaceUpdate', PLAIN[type], [x, indices, rows], ['y', x.shape, type])
}

/** Columns of `x` [m, n], by `indices` int32 [k] → [m, k]. */
export function gatherColumns(x: Tensor, indices: Tensor): Tensor {
  const type = dataTypeOf(x)
  return single('GatherV2', GATHER[type], [x, indices, axes(1)], ['output', [x.shape[0]!, indices.shape[0]!], type])
}

/** The adjoint of `gatherRows`: adds `rows` [m, d] to zeros at `indices` int32 [m] → [count, d]. */
export function scatterRows(rows: Tensor, indices: Tensor, count: number): Tensor {
  const shape = [count, ...rows.shape.slice(1)]
  return single('UnsortedSegmentSum', SEGMENT_SUM, [full(rows), indices, axes(count)], ['output', shape])
}

/**
 * −log softmax(logits)[label] of each row, in nats, and its gradient by the logits.
 * @param logits [m, v]
 * @param labels int32 [m]
 * @returns loss [m], gradient [m, v]
 */
export function crossEntropy(logits: Tensor, labels: Tensor): [loss: Tensor, gradient: Tensor] {
  return run(
    'SparseSoftmaxCrossEntropyWithLogits',
    CROSS_ENTROPY,
    [full(logits), labels],
    [
      ['loss', labels.shape],
      ['backprop', logits.shape],
    ],
  ) as [Tensor, Tensor]
}

// ---- Adam in place. TensorFlow's kernel works on resource variables; three of them hold each weight and its moments
// in turn. Assigning and reading share the buffer; the kernel copies it first if another tensor still refers to it.

const DTYPE = attributes({ dtype: FLOAT32 }).native
const ADAM = attributes({ T: FLOAT32, use_locking: { bool: false }, use_nesterov: { bool: false } }).native

const variable = (name: string): Tensor =>
  tf.keep(
    backend.executeSingleOutput(
      'VarHandleOp',
      [
        ...DTYPE,
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
    backend.executeMultipleOutputs('AssignVariableOp', DTYPE, [handle, weightAndMoments[i]!], 0),
  )
  tf.dispose([...weightAndMoments])
  const power2 = beta2 ** step
  // TensorFlow adds its ε to √v, PyTorch to √(v / (1 − β₂ᵗ)).
  const scalars = [beta1 ** step, power2, learningRate, beta1, beta2, epsilon * Math.sqrt(1 - power2)].map((value) =>
    tf.scalar(value),
  )
  backend.executeMultipleOutputs('ResourceApplyAdam', ADAM, [...variables, ...scalars, gradient], 0)
  tf.dispose(scalars)
  return variables.map((handle) => backend.executeSingleOutput('ReadVariableOp', DTYPE, [handle])) as [
    Tensor,
    Tensor,
    Tensor,
  ]
}
