// TensorFlow's FunctionDef, as far as recorded.ts needs it, in protobuf's wire format
// (tensorflow/core/framework/function.proto, node_def.proto, op_def.proto, attr_value.proto, tensor.proto).

/** Numbers of TensorFlow's data types (types.proto). */
export const DATA_TYPES = { float32: 1, int32: 3, bfloat16: 14 } as const
export type DataType = keyof typeof DATA_TYPES

export type AttributeValue =
  | { type: number }
  | { bool: boolean }
  | { int: number }
  | { text: string }
  /** A constant, a scalar or a vector. */
  | { constant: number | readonly number[]; dtype: 'float32' | 'int32' }

export interface NodeDef {
  name: string
  op: string
  /** Arguments of the function by name, outputs of nodes as `node:output:index`. */
  inputs: readonly string[]
  attributes: Readonly<Record<string, AttributeValue>>
}

export interface FunctionDef {
  name: string
  inputs: readonly { name: string; dtype: DataType }[]
  /** @property from an argument or an output of a node, as in `NodeDef.inputs` */
  outputs: readonly { name: string; dtype: DataType; from: string }[]
  nodes: readonly NodeDef[]
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    const low = Number(rest & 127n)
    if (rest < 128n) return Buffer.from([...bytes, low])
    bytes.push(low | 128)
  }
}
const [VARINT, BYTES] = [0, 2] // wire types
const int = (field: number, value: number) => Buffer.concat([varint((field << 3) | VARINT), varint(value)])
const bytes = (field: number, parts: readonly Buffer[]) => {
  const whole = Buffer.concat(parts)
  return Buffer.concat([varint((field << 3) | BYTES), varint(whole.length), whole])
}
const string = (field: number, value: string) => bytes(field, [Buffer.from(value)])
const mapEntry = (field: number, key: string, value: Buffer) => bytes(field, [string(1, key), value])

function floats(values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length)
  values.forEach((value, i) => buffer.writeFloatLE(value, 4 * i))
  return buffer
}

/** TensorProto of a scalar or a vector. */
function tensor(dtype: 'float32' | 'int32', constant: number | readonly number[]): Buffer {
  const values = typeof constant === 'number' ? [constant] : constant
  const shape = typeof constant === 'number' ? [] : [bytes(2, [int(1, values.length)])] // one Dim with its size
  const data = dtype === 'float32' ? bytes(5, [floats(values)]) : bytes(7, values.map(varint))
  return Buffer.concat([int(1, DATA_TYPES[dtype]), bytes(2, shape), data])
}

function attribute(value: AttributeValue): Buffer {
  if ('type' in value) return int(6, value.type)
  if ('bool' in value) return int(5, Number(value.bool))
  if ('int' in value) return int(3, value.int)
  if ('text' in value) return string(2, value.text)
  return bytes(8, [tensor(value.dtype, value.constant)])
}

const argument = (field: number, { name, dtype }: { name: string; dtype: DataType }) =>
  bytes(field, [string(1, name), int(3, DATA_TYPES[dtype])])

const node = ({ name, op, inputs, attributes }: NodeDef) =>
  bytes(3, [
    string(1, name),
    string(2, op),
    ...inputs.map((input) => string(3, input)),
    ...Object.entries(attributes).map(([key, value]) => mapEntry(5, key, bytes(2, [attribute(value)]))),
  ])

/** The serialized FunctionDef. */
export function encodeFunctionDef({ name, inputs, outputs, nodes }: FunctionDef): Uint8Array {
  const signature = [
    string(1, name),
    ...inputs.map((input) => argument(2, input)),
    ...outputs.map((output) => argument(3, output)),
  ]
  return Buffer.concat([
    bytes(1, signature),
    ...nodes.map(node),
    ...outputs.map(({ name: output, from }) => mapEntry(4, output, string(2, from))),
  ])
}
