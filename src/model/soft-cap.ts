// Soft bounds of Gemma 2 for attention scores and logits: cap · tanh(x / cap).
import * as op from './ops'
import type { Tensor } from './tf'

/** x, bounded softly; unchanged without a cap. */
export const softCap = (x: Tensor, cap: number | undefined): Tensor =>
  cap === undefined ? x : op.scale(op.tanh(op.scale(x, 1 / cap)), cap)

/** Gradient by `softCap(x)`, dy → gradient by x. @param capped softCap(x) */
export function softCapBackward(dy: Tensor, capped: Tensor, cap: number | undefined): Tensor {
  if (cap === undefined) return dy
  return op.mul(dy, op.sub(op.scalar(1), op.square(op.scale(capped, 1 / cap))))
}
