// The decoder: embedding, blocks of attention and MLP, last norm, head. Forward and backward passes are both written
// out, a block at a time: what the backward pass needs is kept on a tape, everything else is freed at once. This halves
// the memory of automatic differentiation, which keeps every intermediate result.
//
// Shapes: N = batch · time rows, D hidden, V vocabulary; B, T, K, P, C as in attention.ts.
import { InvalidInput } from '../contracts/parse'
import {
  attention,
  attentionBackward,
  attentionBias,
  type AttentionBackward,
  type AttentionContext,
  type AttentionTape,
  type KeysAndValues,
} from './attention'
import { positions, type TokenBatch } from './batch'
import { disposeViews, openViews } from './layer-views'
import { mlp, mlpBackward, type MlpTape } from './mlp'
import { weight, type GradientRecord, type Gradients, type Model } from './model'
import { norm, normBackward, normIfAny, normIfAnyBackward } from './norms'
import * as op from './ops'
import { softCap, softCapBackward } from './soft-cap'
import { tf, tidy, type Tensor } from './tf'
import { EMBEDDING, headName, LAST_NORM, modulesOf, POSITIONS } from './weight-names'

/** What a forward pass leaves for its backward pass. */
interface Tape {
  batch: TokenBatch
  context: AttentionContext
  blocks: BlockTape[]
  /** Input of the last norm. */
  last: Tensor // [N, D]
}
interface BlockTape {
  x: Tensor // [N, D]
  /** Left out if the model recomputes it (`Model.recompute`). */
  inner?: {
    x1: Tensor // [N, D]
    /** Outputs of attention and MLP before their norm, if they have one. */
    attentionOut?: Tensor // [N, D]
    mlpOut?: Tensor // [N, D]
  } & AttentionTape &
    MlpTape
}

// ---- One block: x1 = x + norm(attention(norm(x))), y = x1 + norm(mlp(norm(x1))), with the norms that the family has

/** x [N, D] → y [N, D]. */
function block(
  layer: number,
  x: Tensor,
  context: AttentionContext,
): { y: Tensor; inner: NonNullable<BlockTape['inner']> } {
  const { model } = context
  const m = modulesOf(layer)
  const mixed = attention(layer, normIfAny(model, m.inputNorm, x), context)
  const x1 = op.add(x, normIfAny(model, m.attentionOutNorm, mixed.out))
  const forward = mlp(model, layer, normIfAny(model, m.mlpNorm, x1))
  const y = op.add(x1, normIfAny(model, m.mlpOutNorm, forward.out))
  const outputs = model.config.normPlaces === 'before' ? {} : { attentionOut: mixed.out, mlpOut: forward.out }
  return { y, inner: { x1, ...outputs, ...mixed.tape, ...forward.tape } }
}

/** Gradient by the output, dy [N, D] → gradient by the input, dx [N, D], and by the trained weights. */
function blockBackward(
  layer: number,
  dy: Tensor,
  { x, inner = undefined }: BlockTape,
  context: AttentionContext,
): { dx: Tensor; gradients: GradientRecord } {
  const { model } = context
  const m = modulesOf(layer)
  const tape = inner ?? block(layer, x, context).inner
  const pass: AttentionBackward = { ...context, gradients: {} }
  const dMlpOut = tape.mlpOut ? normBackward(pass, m.mlpOutNorm, dy, tape.mlpOut) : dy
  const dH1 = mlpBackward(pass, layer, dMlpOut, { ...tape, h: normIfAny(model, m.mlpNorm, tape.x1) })
  const dX1 = op.add(dy, normIfAnyBackward(pass, m.mlpNorm, dH1, tape.x1))
  const dMixed = tape.attentionOut ? normBackward(pass, m.attentionOutNorm, dX1, tape.attentionOut) : dX1
  const dH = attentionBackward(pass, layer, dMixed, { ...tape, h: normIfAny(model, m.inputNorm, x) })
  return { dx: op.add(dX1, normIfAnyBackward(pass, m.inputNorm, dH, x)), gradients: pass.gradients }
}

// ---- The whole decoder

const indices = (values: Int32Array) => tf.tensor1d(values, 'int32')

/** Token embeddings, with position embeddings if the family has them: [N, D]. @param at positions, [N] */
function embed(model: Model, batch: TokenBatch, at: Int32Array): Tensor {
  return tidy(() => {
    refuseForeignIds(model, batch.ids)
    return embedded(model, indices(batch.ids), indices(at))
  })
}

/** Token embeddings [N] → [N, D], with position embeddings if the family has them. @param at positions, [N] */
export function embedded(model: Model, ids: Tensor, at: Tensor): Tensor {
  const { embeddingScale, learnedPositions } = model.config
  const stored = op.gatherRows(weight(model, EMBEDDING), ids)
  const tokens = embeddingScale === 1 ? stored : op.scale(stored, embeddingScale)
  return learnedPositions ? op.add(tokens, op.gatherRows(weight(model, POSITIONS), at)) : tokens
}

/** An id without a row in the embedding would read another row, or none. */
function refuseForeignIds({ config: { vocabSize } }: Model, ids: Int32Array): void {
  const foreign = ids.find((id) => id < 0 || id >= vocabSize)
  if (foreign !== undefined)
    throw new Error(
      `model: token id ${foreign} has no row in the embedding of ${vocabSize} rows; ` +
        'it was made with the tokenizer of another model',
    )
}

/** Hidden states after the last norm, [N, D]. @throws when a row is longer than the model's context */
export function hidden(model: Model, batch: TokenBatch): Tensor {
  return run(model, batch, {}).hidden
}

/** Like `hidden`, with the tape that `backward` consumes. */
export function hiddenWithTape(model: Model, batch: TokenBatch): { hidden: Tensor; tape: Tape } {
  const blocks: BlockTape[] = []
  const { hidden, last, context } = run(model, batch, { blocks })
  return { hidden, tape: { batch, context: context!, blocks, last: last! } }
}

/** Like `hidden`, with the keys and values of every layer; those of a prefix that the rows continue are left out. */
export function hiddenWithKeys(
  model: Model,
  batch: TokenBatch,
  prefix?: readonly KeysAndValues[],
): { hidden: Tensor; layers: KeysAndValues[] } {
  const layers: KeysAndValues[] = []
  const { hidden } = run(model, batch, { layers, ...(prefix && { prefix }) })
  return { hidden, layers }
}

/** Like `hidden`, for rows that continue a common prefix, whose keys and values come from `hiddenWithKeys`. */
export function hiddenAfter(model: Model, prefix: readonly KeysAndValues[], batch: TokenBatch): Tensor {
  return run(model, batch, { prefix }).hidden
}

interface RunOptions {
  /** If given, filled with what a backward pass needs, block by block. */
  blocks?: BlockTape[]
  /** If given, filled with the rows' keys and values, layer by layer. */
  layers?: KeysAndValues[]
  /** Keys and values of a shared prefix, one for each layer. */
  prefix?: readonly KeysAndValues[]
}

/** The forward pass; `last` and `context` are only for a backward pass. */
function run(
  model: Model,
  batch: TokenBatch,
  { blocks, layers, prefix }: RunOptions,
): { hidden: Tensor; last?: Tensor; context?: AttentionContext } {
  const past = prefix?.[0]!.k.shape[2] ?? 0
  if (past + batch.time > model.config.contextLength)
    throw new InvalidInput(
      `model: a row of ${past + batch.time} tokens is longer than the model's context of ` +
        `${model.config.contextLength}; lower limits.promptTokens and limits.responseTokens to fit it together`,
    )
  const at = positions(batch, past)
  const context: AttentionContext = {
    model,
    batch: batch.batch,
    time: batch.time,
    views: openViews(model.config, at, (window) => attentionBias(batch, past, window)),
    ...(prefix && { prefix }),
  }
  let x = embed(model, batch, at) // [N, D]
  for (let layer = 0; layer < model.config.layers; layer++) {
    const { y, kept } = tidy(() => {
      const { y, inner } = block(layer, x, context)
      return {
        y,
        kept:
          blocks && !model.recompute
            ? { inner }
            : layers
              ? { k: afterPast(inner.k, past), v: afterPast(inner.v, past) }
              : {},
      }
    })
    if (blocks) blocks.push({ ...(kept as BlockTape), x })
    else x.dispose()
    if (layers) layers.push(kept as KeysAndValues)
    x = y
  }
  const hidden = tidy(() => norm(model, LAST_NORM, x))
  if (blocks) return { hidden, last: x, context }
  x.dispose()
  disposeViews(context.views)
  return { hidden }
}

/** Keys or values [B, K, P + T, C] without the prefix: [B, K, T, C]. */
const afterPast = (x: Tensor, past: number) => (past === 0 ? x : op.split(x, [past, x.shape[2]! - past], 2)[1]!)

const disposeBlock = ({ x, inner }: BlockTape) => tf.dispose([x, ...Object.values(inner ?? {})])

/** What `backward` starts from: the gradients by the hidden states and, if the head is trained, by its weight. */
interface HeadGradients {
  dHidden: Tensor // [N, D]
  head?: GradientRecord
}

/**
 * Adds the gradients of a loss by every trained weight to `gradients`, a layer at a time, so that those of two
 * micro-batches are never in memory as a whole. Consumes the tape and the head's gradients.
 */
export function backward(model: Model, tape: Tape, { dHidden, head = {} }: HeadGradients, gradients: Gradients): void {
  const keep = (part: GradientRecord) =>
    Object.entries(part).forEach(([name, gradient]) => addGradient(gradients, name, gradient))
  const last = tidy(() => {
    const part: GradientRecord = {}
    return { dx: normBackward({ model, gradients: part }, LAST_NORM, dHidden, tape.last), part }
  })
  keep(last.part)
  tf.dispose([dHidden, tape.last])
  let { dx } = last
  for (let layer = model.config.layers - 1; layer >= 0; layer--) {
    const saved = tape.blocks.pop()!
    const result = tidy(() => blockBackward(layer, dx, saved, tape.context))
    dx.dispose()
    disposeBlock(saved)
    keep(result.gradients)
    dx = result.dx
  }
  if (!model.lora)
    keep(
      withTiedHead(
        tidy(() => embedBackward(model, tape.batch, dx)),
        head,
      ),
    )
  keep(head)
  dx.dispose()
  disposeViews(tape.context.views)
}

/** Moves the gradient of a head that is the embedding as well from `head` to `embeddings`. */
function withTiedHead(embeddings: GradientRecord, head: GradientRecord): GradientRecord {
  const parts = new Map(Object.entries(embeddings))
  for (const name of Object.keys(head).filter((each) => parts.has(each))) {
    addGradient(parts, name, head[name]!)
    delete head[name]
  }
  return Object.fromEntries(parts)
}

/** dx [N, D] → gradients by token and position embeddings. */
function embedBackward(model: Model, batch: TokenBatch, dx: Tensor): GradientRecord {
  const { learnedPositions, embeddingScale, vocabSize, contextLength } = model.config
  const dTokens = embeddingScale === 1 ? dx : op.scale(dx, embeddingScale)
  const tokens = op.scatterRows(dTokens, indices(batch.ids), vocabSize)
  if (!learnedPositions) return { [EMBEDDING]: tokens }
  const real = op.mul(dx, tf.tensor2d(Float32Array.from(batch.mask), [batch.mask.length, 1]))
  return { [EMBEDDING]: tokens, [POSITIONS]: op.scatterRows(real, indices(positions(batch)), contextLength) }
}

/** Hidden states [m, D] → logits [m, V]. */
export function logits(model: Model, rows: Tensor): Tensor {
  return softCap(op.matmul(rows, weight(model, headName(model.config)), false, true), model.config.logitCap)
}

/** Gradient by the logits [m, V] → gradient by what the head computes, before the logits' soft bound. */
export const logitsBackward = ({ config }: Model, dLogits: Tensor, given: Tensor): Tensor =>
  softCapBackward(dLogits, given, config.logitCap)

/** Adds `more` to the gradient named `name`, of the same shape, and takes ownership of it. */
function addGradient(gradients: Gradients, name: string, more: Tensor): void {
  const before = gradients.get(name)
  gradients.set(name, before ? op.add(before, more) : more)
  if (before) tf.dispose([before, more])
}
