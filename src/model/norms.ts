// The norms of the model families, over the last axis, x [N, D]:
//   RMSNorm     y = x / sqrt(mean(x²) + ε) · w
//   LayerNorm   y = (x − mean(x)) / sqrt(var(x) + ε) · w + b
// Gemma's files hold w − 1.
import { weight, type BackwardPass, type Model } from './model'
import * as op from './ops'
import type { Tensor } from './tf'

/** x scaled to unit size [N, D], and the factor that does it [N, 1]. */
function unitOf({ config }: Model, x: Tensor): { unit: Tensor; inverse: Tensor } {
  const centred = config.norm === 'layer' ? op.sub(x, op.mean(x, 1, true)) : x
  const inverse = op.rsqrt(op.add(op.mean(op.square(centred), 1, true), op.scalar(config.normEpsilon)))
  return { unit: op.mul(centred, inverse), inverse }
}

/** The norm without weight and bias: x [N, D] → [N, D]. */
export const standardize = (model: Model, x: Tensor): Tensor => unitOf(model, x).unit

/** What the norm multiplies by, [D]. @throws when its weight is missing */
export function gain(model: Model, module: string): Tensor {
  const stored = weight(model, `${module}.weight`)
  return model.config.normOffset === 0 ? stored : op.add(stored, op.scalar(model.config.normOffset))
}

/** x [N, D] → [N, D]. @throws when the norm's weight is missing */
export function norm(model: Model, module: string, x: Tensor): Tensor {
  const y = op.mul(standardize(model, x), gain(model, module))
  const bias = model.weights.get(`${module}.bias`)
  return bias ? op.add(y, bias) : y
}

/** Gradient by the output, dy [N, D], and the input x [N, D] → gradient by the input, [N, D]. */
export function normBackward({ model, gradients }: BackwardPass, module: string, dy: Tensor, x: Tensor): Tensor {
  const { unit, inverse } = unitOf(model, x)
  if (!model.lora) {
    gradients[`${module}.weight`] = op.sum(op.mul(dy, unit), 0)
    if (model.weights.has(`${module}.bias`)) gradients[`${module}.bias`] = op.sum(dy, 0)
  }
  const dUnit = op.mul(dy, gain(model, module))
  const along = op.mul(unit, op.mean(op.mul(dUnit, unit), 1, true))
  const dCentred = op.sub(dUnit, along)
  return op.mul(model.config.norm === 'layer' ? op.sub(dCentred, op.mean(dUnit, 1, true)) : dCentred, inverse)
}

const has = ({ weights }: Model, module: string) => weights.has(`${module}.weight`)

/** `norm` where the family has one at this place, else x. */
export const normIfAny = (model: Model, module: string, x: Tensor): Tensor =>
  has(model, module) ? norm(model, module, x) : x

/** The backward pass of `normIfAny`. */
export const normIfAnyBackward = (pass: BackwardPass, module: string, dy: Tensor, x: Tensor): Tensor =>
  has(pass.model, module) ? normBackward(pass, module, dy, x) : dy
