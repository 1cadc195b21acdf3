// One block of the decoder: x1 = x + norm(attention(norm(x))), y = x1 + norm(mlp(norm(x1))), with the norms that the
// family has. Each pass is a part that can be one call (recorded.ts). Shapes as in attention.ts.
import type { AttentionContext, KeysAndValues } from './attend'
import { attention, attentionBackward, type AttentionBackward, type AttentionTape } from './attention'
import type { LayerView } from './layer-views'
import { mlp, mlpBackward, type MlpTape } from './mlp'
import { layerOf, type GradientRecord, type Model } from './model'
import { normBackward, normIfAny, normIfAnyBackward } from './norms'
import * as op from './ops'
import { recorded } from './recorded'
import type { Tensor } from './tf'
import { layerPrefix, MODULES as m } from './weight-names'

/** What the forward pass leaves for the backward pass, besides its input. */
export type BlockTape = {
  x1: Tensor // [N, D]
  /** Outputs of attention and MLP before their norm, if they have one. */
  attentionOut?: Tensor // [N, D]
  mlpOut?: Tensor // [N, D]
} & AttentionTape &
  MlpTape

/** x [N, D] → y [N, D]. */
function forward(x: Tensor, context: AttentionContext): { y: Tensor; tape: BlockTape } {
  const { model } = context
  const mixed = attention(normIfAny(model, m.inputNorm, x), context)
  const x1 = op.add(x, normIfAny(model, m.attentionOutNorm, mixed.out))
  const inner = mlp(model, normIfAny(model, m.mlpNorm, x1))
  const y = op.add(x1, normIfAny(model, m.mlpOutNorm, inner.out))
  const outputs = model.config.normPlaces === 'before' ? {} : { attentionOut: mixed.out, mlpOut: inner.out }
  return { y, tape: { x1, ...outputs, ...mixed.tape, ...inner.tape } }
}

/** Gradient by the output, dy [N, D] → gradient by the input, dx [N, D], and by the trained weights. */
function backward(
  dy: Tensor,
  x: Tensor,
  tape: BlockTape,
  context: AttentionContext,
): { dx: Tensor; gradients: GradientRecord } {
  const { model } = context
  const pass: AttentionBackward = { ...context, gradients: {} }
  const dMlpOut = tape.mlpOut ? normBackward(pass, m.mlpOutNorm, dy, tape.mlpOut) : dy
  const dH1 = mlpBackward(pass, dMlpOut, { ...tape, h: normIfAny(model, m.mlpNorm, tape.x1) })
  const dX1 = op.add(dy, normIfAnyBackward(pass, m.mlpNorm, dH1, tape.x1))
  const dMixed = tape.attentionOut ? normBackward(pass, m.attentionOutNorm, dX1, tape.attentionOut) : dX1
  const dH = attentionBackward(pass, dMixed, { ...tape, h: normIfAny(model, m.inputNorm, x) })
  return { dx: op.add(dX1, normIfAnyBackward(pass, m.inputNorm, dH, x)), gradients: pass.gradients }
}

/** What all blocks of a forward or backward pass see. */
export interface Surroundings {
  model: Model
  batch: number
  time: number
  /** Of each layer. */
  views: readonly LayerView[]
  /** Keys and values of a prefix that every row shares, one for each layer. */
  prefix?: readonly KeysAndValues[] // [1, K, P, C] each
}

/** Inputs of a recorded block that every kind of pass has; the shape of the view's bias tells batch and time. */
const inputsOf = ({ model, views, prefix }: Surroundings, layer: number) => {
  const { model: inside, names } = layerOf(model, layer)
  return { names, inside, given: { weights: inside.weights, view: views[layer]!, prefix: prefix?.[layer] } }
}

type Given = ReturnType<typeof inputsOf>['given']

/** Runs one pass of a block; `pass` sees the block's inputs and `more`. */
function runBlock<M, O>(
  kind: string,
  layer: number,
  around: Surroundings,
  more: M,
  pass: (more: M, context: AttentionContext) => O,
): O {
  const { batch, time } = around
  const { names, inside, given } = inputsOf(around, layer)
  const build = ({ weights, view, prefix, more: own }: Given & { more: M }) =>
    pass(own, { model: { ...inside, weights }, batch, time, view, prefix })
  const { lora } = inside
  return recorded(inside, `${kind}/${lora ? lora.alpha / lora.rank : 0}/${names}`, { ...given, more }, build)
}

/** x [N, D] → y [N, D]. */
export const blockOutput = (layer: number, x: Tensor, around: Surroundings): Tensor =>
  runBlock('output', layer, around, x, (x, context) => forward(x, context).y)

/** `blockOutput` with the tape for `blockBackward`. */
export const blockWithTape = (layer: number, x: Tensor, around: Surroundings): { y: Tensor; tape: BlockTape } =>
  runBlock('tape', layer, around, x, forward)

/** `blockOutput` with the keys and values of its rows; those of the prefix are left out. */
export const blockWithKeys = (layer: number, x: Tensor, around: Surroundings): { y: Tensor; keys: KeysAndValues } =>
  runBlock('keys', layer, around, x, (x, context) => {
    const { y, tape } = forward(x, context)
    const past = context.prefix?.k.shape[2] ?? 0
    return { y, keys: { k: afterPast(tape.k, past), v: afterPast(tape.v, past) } }
  })

/** Keys or values [B, K, P + T, C] without the prefix: [B, K, T, C]. */
const afterPast = (x: Tensor, past: number) => (past === 0 ? x : op.split(x, [past, x.shape[2]! - past], 2)[1]!)

/**
 * Gradient by the output, dy [N, D] → gradient by the input, dx [N, D], and by the trained weights.
 * @param tape of the forward pass; without it, it is computed again
 */
export function blockBackward(
  layer: number,
  given: { dy: Tensor; x: Tensor; tape?: BlockTape | undefined },
  around: Surroundings,
): { dx: Tensor; gradients: GradientRecord } {
  const kind = given.tape ? 'backward' : 'backward again'
  const { dx, gradients } = runBlock(kind, layer, around, given, ({ dy, x, tape }, context) =>
    backward(dy, x, tape ?? forward(x, context).tape, context),
  )
  const prefix = layerPrefix(layer)
  return { dx, gradients: Object.fromEntries(Object.entries(gradients).map(([name, each]) => [prefix + name, each])) }
}
