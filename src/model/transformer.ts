// The decoder: embedding, blocks of attention and MLP, last norm, head. Forward and backward passes are both written
// out, a block at a time: what the backward pass needs is kept on a tape, everything else is freed at once. This halves
// the memory of automatic differentiation, which keeps every intermediate result.
//
// Shapes: N rows, one for each token, D hidden, V vocabulary; B, T, K, P, C as in attention.ts.
import { InvalidInput } from '../contracts/parse'
import type { KeysAndValues } from './attend'
import { attentionBias } from './attention'
import { asRow, beginningOf, idsOf, maskOf, positions, type TokenBatch } from './batch'
import { blockBackward, blockOutput, blockWithKeys, blockWithTape, type BlockTape, type Surroundings } from './block'
import { disposeViews, openViews } from './layer-views'
import { operand, weight, type GradientRecord, type Gradients, type Model } from './model'
import { norm, normBackward } from './norms'
import * as op from './ops'
import { softCap, softCapBackward } from './soft-cap'
import { tf, tidy, type Tensor } from './tf'
import { EMBEDDING, headName, LAST_NORM, POSITIONS } from './weight-names'

/** What a forward pass leaves for its backward pass. */
interface Tape {
  batch: TokenBatch
  around: Surroundings
  blocks: KeptBlock[]
  /** Input of the last norm. */
  last: Tensor // [N, D]
}
interface KeptBlock {
  x: Tensor // [N, D]
  /** Left out if the model recomputes it (`Model.recompute`). */
  tape?: BlockTape
}

const indices = (values: Int32Array) => tf.tensor1d(values, 'int32')

/** Token embeddings, with position embeddings if the family has them: [N, D]. @param at positions, [N] */
function embed(model: Model, batch: TokenBatch, at: Int32Array): Tensor {
  return tidy(() => {
    const ids = idsOf(batch)
    refuseForeignIds(model, ids)
    return embedded(model, indices(ids), indices(at))
  })
}

/** Token embeddings [N] → [N, D], with position embeddings if the family has them. @param at positions, [N] */
export function embedded(model: Model, ids: Tensor, at: Tensor): Tensor {
  const { embeddingScale, learnedPositions } = model.config
  const stored = op.full(op.gatherRows(weight(model, EMBEDDING), ids))
  const tokens = embeddingScale === 1 ? stored : op.scale(stored, embeddingScale)
  return learnedPositions ? op.add(tokens, op.full(op.gatherRows(weight(model, POSITIONS), at))) : tokens
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
  const blocks: KeptBlock[] = []
  const { hidden, last, around } = run(model, batch, { blocks })
  return { hidden, tape: { batch, around: around!, blocks, last: last! } }
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
  blocks?: KeptBlock[] | undefined
  /** If given, filled with the rows' keys and values, layer by layer. */
  layers?: KeysAndValues[] | undefined
  /** Keys and values of a shared prefix, one for each layer. */
  prefix?: readonly KeysAndValues[]
}

/** The forward pass; `last` and `around` are only for a backward pass. */
function run(
  model: Model,
  batch: TokenBatch,
  { blocks, layers, prefix }: RunOptions,
): { hidden: Tensor; last?: Tensor; around?: Surroundings } {
  const past = prefix?.[0]!.k.shape[2] ?? 0
  const before = past + beginningOf(batch)
  if (before + batch.time > model.config.contextLength)
    throw new InvalidInput(
      `model: a row of ${before + batch.time} tokens is longer than the model's context of ` +
        `${model.config.contextLength}; lower limits.promptTokens and limits.responseTokens to fit it together`,
    )
  const at = positions(batch, past)
  const around: Surroundings = {
    model,
    batch: batch.batch,
    time: batch.time,
    views: openViews(model.config, at, (window) => ({
      bias: attentionBias(batch, before, window),
      ...(batch.beginning && { beginningBias: attentionBias(asRow(batch.beginning), 0, window) }),
    })),
    ...(prefix && { prefix }),
  }
  let x = embed(model, batch, at) // [N, D]
  for (let layer = 0; layer < model.config.layers; layer++) {
    const y = next(layer, x, around, { blocks, layers })
    if (!blocks) x.dispose()
    x = y
  }
  const hidden = tidy(() => norm(model, LAST_NORM, x))
  if (blocks) return { hidden, last: x, around }
  x.dispose()
  disposeViews(around.views)
  return { hidden }
}

/** One block; what is asked for is added to `blocks` or `layers`. */
function next(layer: number, x: Tensor, around: Surroundings, { blocks, layers }: RunOptions): Tensor {
  if (blocks && !around.model.recompute) {
    const { y, tape } = blockWithTape(layer, x, around)
    blocks.push({ x, tape })
    return y
  }
  if (layers) {
    const { y, keys } = blockWithKeys(layer, x, around)
    layers.push(keys)
    return y
  }
  blocks?.push({ x })
  return blockOutput(layer, x, around)
}

const disposeBlock = ({ x, tape }: KeptBlock) => tf.dispose([x, ...Object.values(tape ?? {})])

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
    const result = blockBackward(layer, { dy: dx, ...saved }, tape.around)
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
  disposeViews(tape.around.views)
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
  const tokens = op.scatterRows(dTokens, indices(idsOf(batch)), vocabSize)
  if (!learnedPositions) return { [EMBEDDING]: tokens }
  const real = op.mul(dx, tf.tensor2d(Float32Array.from(maskOf(batch)), [dx.shape[0]!, 1]))
  return { [EMBEDDING]: tokens, [POSITIONS]: op.scatterRows(real, indices(positions(batch)), contextLength) }
}

/** Hidden states [m, D] → logits [m, V]. */
export function logits(model: Model, rows: Tensor): Tensor {
  const product = op.matmul(operand(model, rows), weight(model, headName(model.config)), false, true)
  return softCap(product, model.config.logitCap)
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
