// Which TensorFlow is linked, and which device it computes on.
import { backend, deviceName } from './tf'

export interface Device {
  device: 'gpu' | 'cpu'
  /** Version of the C library. */
  tensorflow: string
  /** The reason: the devices that CUDA_VISIBLE_DEVICES lets through, or what TensorFlow sees. */
  why: string
}

/** What TensorFlow computes on, and why. */
export function describeDevice(): Device {
  const device = deviceName()
  const visible = process.env.CUDA_VISIBLE_DEVICES
  const restriction = visible === undefined ? '' : `CUDA_VISIBLE_DEVICES=${visible}`
  const why =
    device === 'gpu' ? restriction || 'TensorFlow sees a GPU' : restriction || 'the linked TensorFlow sees no GPU'
  return { device, tensorflow: backend.binding.TF_Version, why }
}
