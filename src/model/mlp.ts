// The feed-forward part of a block, h [N, D] → [N, D], with F inner features:
//   SwiGLU   down(silu(gate(h)) · up(h))
//   GeGLU    down(gelu(gate(h)) · up(h))
//   GELU     down(gelu(up(h)))
// GELU is its tanh approximation, as in GPT-2 and Gemma.
import type { ModelConfig } from './architecture'
import { linear, linearBackward } from './linear'
import type { BackwardPass, Model } from './model'
import * as op from './ops'
import type { Tensor } from './tf'
import { MODULES as m } from './weight-names'

/** What the forward pass leaves for the backward pass. */
export interface MlpTape {
  up: Tensor // [N, F]
  gate?: Tensor // [N, F]
}

/** h [N, D] → out [N, D]. */
export function mlp(model: Model, h: Tensor): { out: Tensor; tape: MlpTape } {
  const up = linear(model, m.up, h)
  if (model.config.mlp === 'gelu') return { out: linear(model, m.down, gelu(up)), tape: { up } }
  const gate = linear(model, m.gate, h)
  return { out: linear(model, m.down, op.mul(activated(model.config.mlp, gate), up)), tape: { up, gate } }
}

/**
 * Gradient by the output [N, D] → gradient by h [N, D].
 * @param tape what the forward pass left, with its input h
 */
export function mlpBackward(pass: BackwardPass, dOut: Tensor, { h, up, gate }: MlpTape & { h: Tensor }): Tensor {
  if (!gate) {
    const dInner = linearBackward(pass, m.down, dOut, gelu(up)) // [N, F]
    return linearBackward(pass, m.up, op.mul(dInner, geluSlope(up)), h)
  }
  const { value, slope } = activation(pass.model.config.mlp, gate)
  const dInner = linearBackward(pass, m.down, dOut, op.mul(value, up)) // [N, F]
  const dUp = op.mul(dInner, value)
  const dGate = op.mul(op.mul(dInner, up), slope)
  return op.add(linearBackward(pass, m.gate, dGate, h), linearBackward(pass, m.up, dUp, h))
}

/** The gate after its activation, element by element. */
export const activated = (kind: ModelConfig['mlp'], gate: Tensor): Tensor =>
  kind === 'geglu' ? gelu(gate) : op.silu(gate)

/** The gate after its activation, and the derivative of that, element by element. */
function activation(kind: ModelConfig['mlp'], gate: Tensor): { value: Tensor; slope: Tensor } {
  if (kind === 'geglu') return { value: gelu(gate), slope: geluSlope(gate) }
  const s = op.sigmoid(gate)
  const value = op.mul(gate, s)
  return { value, slope: op.add(s, op.mul(value, op.sub(op.scalar(1), s))) }
}

const ROOT = Math.sqrt(2 / Math.PI)
const CUBIC = 0.044715

/** tanh(√(2/π) (x + 0.044715 x³)) */
const geluTanh = (x: Tensor) => op.tanh(op.scale(op.mul(x, op.add(op.scalar(1), op.scale(op.square(x), CUBIC))), ROOT))

/** GELU by its tanh approximation, element by element. */
export const gelu = (x: Tensor): Tensor => op.mul(op.scale(x, 0.5), op.add(op.scalar(1), geluTanh(x)))

/** The derivative of `gelu`, element by element. */
function geluSlope(x: Tensor): Tensor {
  const t = geluTanh(x)
  const inner = op.scale(op.add(op.scalar(1), op.scale(op.square(x), 3 * CUBIC)), ROOT)
  const curved = op.mul(op.mul(op.scale(x, 0.5), op.sub(op.scalar(1), op.square(t))), inner)
  return op.add(op.scale(op.add(op.scalar(1), t), 0.5), curved)
}
