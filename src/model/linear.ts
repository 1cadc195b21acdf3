// Linear layers, with a bias and a low-rank adapter if the layer has them.
import { operand, weight, type BackwardPass, type Model } from './model'
import * as op from './ops'
import type { Tensor } from './tf'

export const loraA = (module: string): string => `${module}.lora_A.weight` // [rank, in]
export const loraB = (module: string): string => `${module}.lora_B.weight` // [out, rank]

/** given [N, in] → [N, out]. @throws when the layer's weight is missing */
export function linear(model: Model, module: string, given: Tensor): Tensor {
  const x = operand(model, given)
  const plain = op.matmul(x, weight(model, `${module}.weight`), false, true)
  const bias = model.weights.get(`${module}.bias`)
  const y = bias ? op.add(plain, bias) : plain
  const a = model.weights.get(loraA(module))
  if (!a) return y
  const low = op.matmul(op.matmul(x, a, false, true), weight(model, loraB(module)), false, true) // [N, out]
  return op.add(y, op.scale(low, loraScale(model)))
}

/** Gradient by the output, dy [N, out], and the input x [N, in] → gradient by the input, [N, in]. */
export function linearBackward(
  { model, gradients }: BackwardPass,
  module: string,
  dOut: Tensor,
  input: Tensor,
): Tensor {
  const [dy, x] = [operand(model, dOut), operand(model, input)]
  const dx = op.matmul(dy, weight(model, `${module}.weight`))
  if (!model.lora) {
    gradients[`${module}.weight`] = op.full(op.matmul(dy, x, true))
    if (model.weights.has(`${module}.bias`)) gradients[`${module}.bias`] = op.sum(dOut, 0)
    return dx
  }
  const a = model.weights.get(loraA(module))
  if (!a) return dx
  const scaled = operand(model, op.scale(dy, loraScale(model)))
  const dLow = op.matmul(scaled, weight(model, loraB(module))) // [N, rank]
  gradients[loraB(module)] = op.full(op.matmul(scaled, op.matmul(x, a, false, true), true))
  gradients[loraA(module)] = op.full(op.matmul(dLow, x, true))
  return op.add(dx, op.matmul(dLow, a))
}

const loraScale = ({ lora }: Model): number => lora!.alpha / lora!.rank

/** The weight [out, in] with the adapter, if there is one, merged in. */
export function mergedWeight(model: Model, module: string): Tensor {
  const base = weight(model, `${module}.weight`)
  const a = model.weights.get(loraA(module))
  return a ? op.add(base, op.scale(op.matmul(weight(model, loraB(module)), a), loraScale(model))) : base
}
