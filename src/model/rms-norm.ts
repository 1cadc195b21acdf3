// RMSNorm: y = x / sqrt(mean(x²) + ε) · w
import * as op from './ops'
import type { Tensor } from './tf'

const inverseRms = (x: Tensor, epsilon: number) => op.rsqrt(op.add(op.mean(op.square(x), 1, true), op.scalar(epsilon)))

/** Without the weight: x [N, D] → [N, D]. */
export const normalize = (x: Tensor, epsilon: number): Tensor => op.mul(x, inverseRms(x, epsilon))
export const norm = (x: Tensor, w: Tensor, epsilon: number): Tensor => op.mul(normalize(x, epsilon), w)

export function normBackward(dy: Tensor, x: Tensor, w: Tensor, epsilon: number): { dx: Tensor; dw: Tensor } {
  const inverse = inverseRms(x, epsilon)
  const unit = op.mul(x, inverse)
  const dw = op.sum(op.mul(dy, unit), 0)
  const dUnit = op.mul(dy, w)
  const projection = op.mean(op.mul(dUnit, unit), 1, true)
  return { dx: op.mul(op.sub(dUnit, op.mul(unit, projection)), inverse), dw }
}
