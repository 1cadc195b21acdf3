// What the linked TensorFlow is and where it computes.
import { backend, deviceName } from './tf'

export interface Device {
  device: 'gpu' | 'cpu'
  /** Version of the C library. */
  tensorflow: string
  /** Why it is the CPU, or which devices were let through. */
  why: string
}

export function describeDevice(): Device {
  const device = deviceName()
  const visible = process.env.CUDA_VISIBLE_DEVICES
  const restriction = visible === undefined ? '' : `CUDA_VISIBLE_DEVICES=${visible}`
  const why =
    device === 'gpu' ? restriction || 'TensorFlow sees a GPU' : restriction || 'the linked TensorFlow sees no GPU'
  return { device, tensorflow: backend.binding.TF_Version, why }
}
