// Recording operations instead of running them: while a recording is open, ops.ts is given symbolic tensors, which have
// a shape and a place in the recording but no values, and each operation becomes a node.
import type { AttributeValue, DataType, NodeDef } from './function-def'
import type { Tensor } from './tf'

/** Stands for a tensor while operations are recorded; the shape is that of the call that is being recorded. */
class SymbolicTensor {
  constructor(
    /** An argument of the function, or `node:output:index`. */
    readonly from: string,
    readonly shape: readonly number[],
    readonly symbolicType: DataType,
  ) {}
  get rank(): number {
    return this.shape.length
  }
}

/** What an operation gives: the name of the output in TensorFlow's definition of the operation, and its shape. */
export interface Output {
  name: string
  shape: readonly number[]
  dtype: DataType
}

/**
 * The operations of a function so far. Sizes (the shapes of reshapes, for example) are arguments of the function, so
 * that one function serves calls of every shape; their values for this call are in `sizes`.
 */
export class Recording {
  readonly nodes: NodeDef[] = []
  readonly arguments: { name: string; dtype: DataType }[] = []
  readonly sizes: (readonly number[])[] = []
  private readonly known = new Map<string, Tensor[]>()

  input(shape: readonly number[], dtype: DataType): Tensor {
    const name = `x${this.arguments.length}`
    this.arguments.push({ name, dtype })
    return symbolic(name, shape, dtype)
  }

  /** Sizes as an argument, [n]. */
  size(values: readonly number[]): Tensor {
    this.sizes.push(values)
    return symbolic(`s${this.sizes.length - 1}`, [values.length], 'int32')
  }

  /** A constant that is part of the function. */
  constant(constant: number | readonly number[], dtype: 'float32' | 'int32'): Tensor {
    const shape = typeof constant === 'number' ? [] : [constant.length]
    const attributes = { dtype: { type: dtype === 'float32' ? 1 : 3 }, value: { constant, dtype } }
    return this.append('Const', attributes, [], [{ name: 'output', shape, dtype }])[0]!
  }

  /** The outputs of an operation; the same operation on the same inputs is recorded once. */
  append(
    op: string,
    attributes: Readonly<Record<string, AttributeValue>>,
    inputs: readonly Tensor[],
    outputs: readonly Output[],
  ): Tensor[] {
    const from = inputs.map(placeOf)
    const key = JSON.stringify([op, attributes, from])
    const before = this.known.get(key)
    if (before) return before
    const name = `n${this.nodes.length}`
    this.nodes.push({ name, op, inputs: from, attributes })
    const ofName = new Map<string, number>()
    const tensors = outputs.map((output) => {
      const index = ofName.get(output.name) ?? 0
      ofName.set(output.name, index + 1)
      return symbolic(`${name}:${output.name}:${index}`, output.shape, output.dtype)
    })
    this.known.set(key, tensors)
    return tensors
  }
}

const symbolic = (from: string, shape: readonly number[], dtype: DataType) =>
  new SymbolicTensor(from, shape, dtype) as unknown as Tensor

const isSymbolic = (tensor: unknown): tensor is SymbolicTensor => tensor instanceof SymbolicTensor

/** Where a symbolic tensor comes from. @throws when it is a tensor with values, which the recording does not know */
export function placeOf(tensor: Tensor): string {
  if (!isSymbolic(tensor))
    throw new Error(
      `model: a tensor [${tensor.shape.join(', ')}] was used while operations were recorded, ` +
        'but is not among the inputs of `recorded`',
    )
  return tensor.from
}

/** The data type of a symbolic tensor, undefined for others. */
export const symbolicType = (tensor: Tensor): DataType | undefined =>
  isSymbolic(tensor) ? tensor.symbolicType : undefined

let open: Recording | undefined

/** The recording that operations go to, undefined while they run. */
export const openRecording = (): Recording | undefined => open

/** Runs `build` with operations going to `recording`. */
export function recordInto<T>(recording: Recording, build: () => T): T {
  const before = open
  open = recording
  try {
    return build()
  } finally {
    open = before
  }
}
