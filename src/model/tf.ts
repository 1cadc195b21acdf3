// The one module that loads TensorFlow.js. Everything in model/ and training/ that needs it imports it from here.
import util from 'node:util'
import type * as tfTypes from '@tensorflow/tfjs-node-gpu'
import { DATA_TYPES } from './function-def'
import { withoutBanner } from './without-banner'

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true'
// Operations of a function run one after the other, each on all cores: running two at once costs more than it saves.
process.env.TF_NUM_INTEROP_THREADS ??= '1'

// tfjs-node 4.22 calls a function that Node 23 removed.
const legacyUtil = util as unknown as { isNullOrUndefined?: (value: unknown) => boolean }
legacyUtil.isNullOrUndefined ??= (value) => value === null || value === undefined

// eslint-disable-next-line @typescript-eslint/no-require-imports -- must load after the lines above
export const tf = withoutBanner(() => require('@tensorflow/tfjs-node-gpu') as typeof tfTypes)
tf.enableProdMode()

export type Tensor = tfTypes.Tensor

/**
 * The parts of tfjs-node's backend that run any TensorFlow operation by name; typed here because the package does not.
 */
interface NativeBackend {
  isUsingGpuDevice: boolean
  binding: Record<
    | 'TF_FLOAT'
    | 'TF_INT32'
    | 'TF_BOOL'
    | 'TF_ATTR_TYPE'
    | 'TF_ATTR_BOOL'
    | 'TF_ATTR_INT'
    | 'TF_ATTR_SHAPE'
    | 'TF_ATTR_STRING',
    number
  > & {
    TF_Version: string
    /** Registers a TensorFlow function; missing where set-up could not patch the native part (setup/binding-patch.mjs). */
    addFunction?: (functionDef: Uint8Array) => void
  }
  tensorMap: { get(dataId: object): { dtype: number } }
  createOutputTensor(info: OutputInfo): Tensor
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: Tensor[]): Tensor
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: Tensor[], outputs: number): Tensor[]
}
interface OutputInfo {
  id: number
  shape: number[]
  dtype: number
}
export interface OpAttribute {
  name: string
  type: number
  value: unknown
}

export const backend = tf.backend() as unknown as NativeBackend

// TensorFlow.js has no type for bfloat16, its native part does. Such a tensor is entered as float32 and remembered here;
// its values are read after a cast.
const halves = new WeakSet<object>()
const createOutputTensor = backend.createOutputTensor.bind(backend)
backend.createOutputTensor = (info) => {
  if (info.dtype !== DATA_TYPES.bfloat16) return createOutputTensor(info)
  const tensor = createOutputTensor({ ...info, dtype: DATA_TYPES.float32 })
  backend.tensorMap.get(tensor.dataId).dtype = info.dtype
  halves.add(tensor.dataId)
  return tensor
}

/** Whether a tensor's values are in bfloat16. */
export const isHalf = ({ dataId }: Tensor): boolean => halves.has(dataId)

/** The device that the linked TensorFlow computes on. */
export function deviceName(): 'gpu' | 'cpu' {
  return backend.isUsingGpuDevice ? 'gpu' : 'cpu'
}

/** tf.tidy for any plain object of tensors: what `make` returns is kept, all other tensors it created are freed. */
export const tidy = <T>(make: () => T): T => tf.tidy(make as never) as T

/**
 * The values of the tensor that `make` returns, row-major; all tensors created on the way are freed. (A typed array
 * must not leave tf.tidy: it would be searched for tensors, value by value.)
 */
export function readValues(make: () => Tensor): Float32Array {
  const tensor = tf.tidy(make)
  const values = tensor.dataSync<'float32'>()
  tensor.dispose()
  return values
}
