// The types of tensors' values. TensorFlow.js has no type for bfloat16: tf.ts remembers which tensors are of it.
import { DATA_TYPES, type DataType } from './function-def'
import { symbolicType } from './recording'
import { backend, isHalf, type Tensor } from './tf'

/** The type of a tensor's values, or of those that a symbolic tensor stands for. */
export const dataTypeOf = (tensor: Tensor): DataType =>
  symbolicType(tensor) ?? (isHalf(tensor) ? 'bfloat16' : tensor.dtype === 'int32' ? 'int32' : 'float32')

/** A tensor's values, row-major; those of bfloat16 exactly, as float32. */
export function valuesOf(tensor: Tensor): Float32Array {
  if (!isHalf(tensor)) return tensor.dataSync<'float32'>()
  const full = backend.executeSingleOutput('Cast', TO_FLOAT32, [tensor])
  const values = full.dataSync<'float32'>()
  full.dispose()
  return values
}
const { TF_ATTR_TYPE, TF_ATTR_BOOL } = backend.binding
const TO_FLOAT32 = [
  { name: 'SrcT', type: TF_ATTR_TYPE, value: DATA_TYPES.bfloat16 },
  { name: 'DstT', type: TF_ATTR_TYPE, value: DATA_TYPES.float32 },
  { name: 'Truncate', type: TF_ATTR_BOOL, value: false },
]
