// Kernels of oneDNN that TensorFlow's graph optimizer uses and that are faster than those of the operations they stand
// for: softmax, and x · sigmoid(x). Only functions can name them, and only on a CPU with a TensorFlow that has them.
import { encodeFunctionDef, DATA_TYPES, type AttributeValue } from './function-def'
import { backend, tf, tidy } from './tf'

/** An operation as TensorFlow's graph optimizer names it, with the name of its output. */
interface Kernel {
  op: string
  attributes: Record<string, AttributeValue>
  output: string
}

const T: AttributeValue = { type: DATA_TYPES.float32 }
export const SOFTMAX: Kernel = {
  op: '_MklSoftmax',
  attributes: { T, _kernel: { text: 'MklNameChangeOp' } },
  output: 'softmax',
}
/** x · sigmoid(x). */
export const SILU: Kernel = { op: '_MklSwish', attributes: { T }, output: 'activations' }

const working = new Map<Kernel, boolean>()
let unused = false

/** Records plain operations while `run` runs: what the kernels are compared with. */
export function withoutKernels<T>(run: () => T): T {
  unused = true
  try {
    return run()
  } finally {
    unused = false
  }
}

/** Whether functions may use a kernel here; tried once. */
export function has(kernel: Kernel): boolean {
  if (unused) return false
  if (!working.has(kernel)) working.set(kernel, !backend.isUsingGpuDevice && works(kernel))
  return working.get(kernel)!
}

function works({ op, attributes, output }: Kernel): boolean {
  const name = `rlaif_try${op}`
  const [inputs, from] = [[{ name: 'x', dtype: 'float32' as const }], `n:${output}:0`]
  try {
    backend.binding.addFunction!(
      encodeFunctionDef({
        name,
        inputs,
        outputs: [{ name: 'y', dtype: 'float32', from }],
        nodes: [{ name: 'n', op, inputs: ['x'], attributes }],
      }),
    )
    tidy(() => backend.executeMultipleOutputs(name, [], [tf.tensor2d([[0, 1]])], 1))
    return true
  } catch {
    return false
  }
}
