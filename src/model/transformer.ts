// The decoder of the Llama family: RMSNorm, rotary positions, grouped-query attention, SwiGLU, optionally tied head.
// Forward and backward are both written out, a block at a time: what the backward pass needs is kept on a tape, everything
// else is freed at once. This halves memory beside automatic differentiation, which keeps every intermediate.
//
// Shapes: N = batch · time rows, D hidden, H heads, K key/value heads, G = H / K, C head size, T time, S keys seen so far.
import { positions, type TokenBatch } from './batch'
import type { ModelConfig } from './config'
import * as op from './ops'
import { norm, normBackward } from './rms-norm'
import { disposeRotary, rotaryTables, rotate, rotateBackward, type Rotary } from './rotary'
import { tf, type Tensor } from './tf'

export interface Model {
  config: ModelConfig
  /** By Hugging Face name. A linear layer's weight is [out, in]. */
  weights: Map<string, Tensor>
}
/** Gradients by weight name; the caller owns and disposes them. */
export type Gradients = Map<string, Tensor>

/** Of one layer: [B, K, T, C] each. */
export type KeysAndValues = Record<'k' | 'v', Tensor>

/** What a forward pass leaves for its backward pass. */
export interface Tape {
  batch: TokenBatch
  rotary: Rotary
  blocks: BlockTape[]
  /** Input of the last norm, [N, D]. */
  last: Tensor
}
type BlockTape = Record<'x' | 'q' | 'k' | 'v' | 'attention' | 'mixed' | 'x1' | 'gate' | 'up', Tensor>

export const weight = (model: Model, name: string): Tensor => {
  const found = model.weights.get(name)
  if (!found) throw new Error(`model: weight ${name} is missing`)
  return found
}

export const blockNames = (layer: number) => {
  const at = (name: string) => `model.layers.${layer}.${name}.weight`
  return {
    inputNorm: at('input_layernorm'),
    q: at('self_attn.q_proj'),
    k: at('self_attn.k_proj'),
    v: at('self_attn.v_proj'),
    o: at('self_attn.o_proj'),
    mlpNorm: at('post_attention_layernorm'),
    gate: at('mlp.gate_proj'),
    up: at('mlp.up_proj'),
    down: at('mlp.down_proj'),
  }
}
export const EMBEDDING = 'model.embed_tokens.weight'
export const LAST_NORM = 'model.norm.weight'
export const headName = (config: ModelConfig): string => (config.tiedHead ? EMBEDDING : 'lm_head.weight')

// ---- Attention. The G query heads of one key head are stacked along time, so that keys are never repeated.

const rowsToHeads = (x: Tensor, b: number, t: number, k: number, g: number, c: number) =>
  op.reshape(op.transpose(op.reshape(x, [b, t, k, g, c]), [0, 2, 3, 1, 4]), [b, k, g * t, c])
const headsToRows = (x: Tensor, b: number, t: number, k: number, g: number, c: number) =>
  op.reshape(op.transpose(op.reshape(x, [b, k, g, t, c]), [0, 3, 1, 2, 4]), [b * t, k * g * c])

/** q [B, K, G·T, C], k and v [B, K, S, C], bias [B or 1, 1, T, S] → weights [B, K, G·T, S] and mixed values [B, K, G·T, C]. */
function attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, heads: number): { attention: Tensor; mixed: Tensor } {
  const [b, kv, gt] = q.shape as [number, number, number]
  const [t, s] = bias.shape.slice(2) as [number, number]
  const scores = op.reshape(op.batchMatmul(q, k, false, true), [b, heads, t, s])
  const attention = op.reshape(op.softmax(op.add(scores, bias)), [b, kv, gt, s])
  return { attention, mixed: op.batchMatmul(attention, v) }
}

/** 0 where a query may look, a large negative number where it may not: later tokens and padding. */
function attentionBias(batch: TokenBatch): Tensor {
  const { batch: b, time: t, mask } = batch
  const startsReal = Array.from({ length: b }, (_, row) => mask[row * t]).every(Boolean)
  const rows = startsReal ? 1 : b // padding on the right lies in the future of every real token
  const bias = new Float32Array(rows * t * t).fill(-1e9)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < t; i++) for (let j = 0; j <= i; j++) if (startsReal || mask[row * t + j]) bias[(row * t + i) * t + j] = 0
  }
  return tf.tensor4d(bias, [rows, 1, t, t])
}

// ---- One block

interface BlockContext {
  model: Model
  batch: number
  time: number
  rotary: Rotary
  bias: Tensor
}

function block(layer: number, x: Tensor, context: BlockContext): { y: Tensor; tape: BlockTape } {
  const { model, batch: b, time: t, rotary } = context
  const { heads, keyValueHeads: kv, headSize: c, normEpsilon } = model.config
  const g = heads / kv
  const names = blockNames(layer)
  const w = (name: keyof typeof names) => weight(model, names[name])

  const h = norm(x, w('inputNorm'), normEpsilon)
  const q = rowsToHeads(rotate(op.matmul(h, w('q'), false, true), heads, rotary.cosQ, rotary.sinQ, rotary.turn), b, t, kv, g, c)
  const k = rowsToHeads(rotate(op.matmul(h, w('k'), false, true), kv, rotary.cosK, rotary.sinK, rotary.turn), b, t, kv, 1, c)
  const v = rowsToHeads(op.matmul(h, w('v'), false, true), b, t, kv, 1, c)
  const { attention, mixed: mixedHeads } = attend(q, k, v, context.bias, heads)
  const mixed = headsToRows(mixedHeads, b, t, kv, g, c) // [N, H·C]
  const x1 = op.add(x, op.matmul(mixed, w('o'), false, true))

  const h1 = norm(x1, w('mlpNorm'), normEpsilon)
  const gate = op.matmul(h1, w('gate'), false, true)
  const up = op.matmul(h1, w('up'), false, true)
  const inner = op.mul(op.mul(gate, op.sigmoid(gate)), up)
  const y = op.add(x1, op.matmul(inner, w('down'), false, true))
  return { y, tape: { x, q, k, v, attention, mixed, x1, gate, up } }
}

function blockBackward(layer: number, dy: Tensor, tape: BlockTape, context: Omit<BlockContext, 'bias'>): { dx: Tensor; gradients: Record<string, Tensor> } {
  const { model, batch: b, time: t, rotary } = context
  const { heads, keyValueHeads: kv, headSize: c, normEpsilon } = model.config
  const g = heads / kv
  const names = blockNames(layer)
  const w = (name: keyof typeof names) => weight(model, names[name])
  const gradients: Record<string, Tensor> = {}
  const linearBackward = (name: keyof typeof names, dOut: Tensor, input: Tensor) => {
    gradients[names[name]] = op.matmul(dOut, input, true)
    return op.matmul(dOut, w(name))
  }

  // y = x1 + (silu(gate) · up) downᵀ
  const s = op.sigmoid(tape.gate)
  const silu = op.mul(tape.gate, s)
  const dInner = linearBackward('down', dy, op.mul(silu, tape.up))
  const dUp = op.mul(dInner, silu)
  const siluSlope = op.add(s, op.mul(silu, op.sub(op.scalar(1), s)))
  const dGate = op.mul(op.mul(dInner, tape.up), siluSlope)
  const h1 = norm(tape.x1, w('mlpNorm'), normEpsilon)
  const dH1 = op.add(linearBackward('gate', dGate, h1), linearBackward('up', dUp, h1))
  const mlpNorm = normBackward(dH1, tape.x1, w('mlpNorm'), normEpsilon)
  gradients[names.mlpNorm] = mlpNorm.dw
  const dX1 = op.add(dy, mlpNorm.dx)

  // x1 = x + attention(q, k, v) oᵀ
  const dMixed = rowsToHeads(linearBackward('o', dX1, tape.mixed), b, t, kv, g, c)
  const dV = op.batchMatmul(tape.attention, dMixed, true)
  const dAttention = op.batchMatmul(dMixed, tape.v, false, true)
  const weighted = op.mul(dAttention, tape.attention)
  const dScores = op.sub(weighted, op.mul(tape.attention, op.sum(weighted, 3, true)))
  const dQ = headsToRows(op.batchMatmul(dScores, tape.k), b, t, kv, g, c)
  const dK = headsToRows(op.batchMatmul(dScores, tape.q, true), b, t, kv, 1, c)
  const perHead = (x: Tensor, n: number) => op.reshape(x, [b * t, n, c])
  const h = norm(tape.x, w('inputNorm'), normEpsilon)
  const fromQ = linearBackward('q', rotateBackward(perHead(dQ, heads), heads, rotary.cosQ, rotary.sinQ, rotary.turn), h)
  const fromK = linearBackward('k', rotateBackward(perHead(dK, kv), kv, rotary.cosK, rotary.sinK, rotary.turn), h)
  const fromV = linearBackward('v', headsToRows(dV, b, t, kv, 1, c), h)
  const inputNorm = normBackward(op.add(op.add(fromQ, fromK), fromV), tape.x, w('inputNorm'), normEpsilon)
  gradients[names.inputNorm] = inputNorm.dw
  return { dx: op.add(dX1, inputNorm.dx), gradients }
}

// ---- The whole decoder

const idTensor = (batch: TokenBatch) => tf.tensor1d(batch.ids, 'int32')

function embed(model: Model, batch: TokenBatch): Tensor {
  return tf.tidy(() => op.gatherRows(weight(model, EMBEDDING), idTensor(batch)))
}

/** Hidden states after the last norm, [N, D]. */
export function hidden(model: Model, batch: TokenBatch): Tensor {
  return run(model, batch, {}).hidden
}

/** As `hidden`, with the tape that `backward` consumes. */
export function hiddenWithTape(model: Model, batch: TokenBatch): { hidden: Tensor; tape: Tape } {
  const blocks: BlockTape[] = []
  const { hidden, last, rotary } = run(model, batch, { blocks })
  return { hidden, tape: { batch, rotary: rotary!, blocks, last: last! } }
}

/** As `hidden`, with the keys and values of every layer, [B, K, T, C]. */
export function hiddenWithKeys(model: Model, batch: TokenBatch): { hidden: Tensor; layers: KeysAndValues[] } {
  const layers: KeysAndValues[] = []
  const { hidden } = run(model, batch, { layers })
  return { hidden, layers }
}

interface RunKeeps {
  blocks?: BlockTape[]
  layers?: KeysAndValues[]
}

function run(model: Model, batch: TokenBatch, keep: RunKeeps): { hidden: Tensor; last?: Tensor; rotary?: Rotary } {
  const rotary = rotaryTables(model.config, positions(batch))
  const context: BlockContext = { model, batch: batch.batch, time: batch.time, rotary, bias: attentionBias(batch) }
  let x = embed(model, batch)
  for (let layer = 0; layer < model.config.layers; layer++) {
    const { y, kept } = tf.tidy(() => {
      const { y, tape } = block(layer, x, context)
      const { x: _input, ...own } = tape // x is owned by this loop
      return { y, kept: keep.blocks ? own : keep.layers ? { k: own.k, v: own.v } : {} }
    })
    if (keep.blocks) keep.blocks.push({ ...(kept as BlockTape), x })
    else x.dispose()
    if (keep.layers) keep.layers.push(kept as KeysAndValues)
    x = y
  }
  context.bias.dispose()
  const hidden = tf.tidy(() => norm(x, weight(model, LAST_NORM), model.config.normEpsilon))
  if (keep.blocks) return { hidden, last: x, rotary }
  x.dispose()
  disposeRotary(rotary)
  return { hidden }
}

/**
 * Gradients of a loss by every weight, given its gradient by the hidden states, [N, D]. Consumes the tape and `dHidden`.
 * A tied head's own gradient is the caller's to add.
 */
export function backward(model: Model, tape: Tape, dHidden: Tensor): Gradients {
  const gradients: Gradients = new Map()
  const context = { model, batch: tape.batch.batch, time: tape.batch.time, rotary: tape.rotary }
  const last = tf.tidy(() => normBackward(dHidden, tape.last, weight(model, LAST_NORM), model.config.normEpsilon))
  gradients.set(LAST_NORM, last.dw)
  tf.dispose([dHidden, tape.last])
  let dx = last.dx
  for (let layer = model.config.layers - 1; layer >= 0; layer--) {
    const saved = tape.blocks.pop()!
    const result = tf.tidy(() => blockBackward(layer, dx, saved, context))
    tf.dispose([dx, ...Object.values(saved)])
    for (const [name, gradient] of Object.entries(result.gradients)) gradients.set(name, gradient)
    dx = result.dx
  }
  gradients.set(EMBEDDING, tf.tidy(() => op.scatterRows(dx, idTensor(tape.batch), model.config.vocabSize)))
  dx.dispose()
  disposeRotary(tape.rotary)
  return gradients
}

/** Drops a tape whose backward pass is not wanted. */
export function disposeTape(tape: Tape): void {
  for (const saved of tape.blocks) tf.dispose(Object.values(saved))
  tape.last.dispose()
  disposeRotary(tape.rotary)
}

/** hidden [m, D] → logits [m, V]. */
export function logits(model: Model, rows: Tensor): Tensor {
  return op.matmul(rows, weight(model, headName(model.config)), false, true)
}

/** Adds `more` to the gradient under `name`, taking ownership of it. */
export function addGradient(gradients: Gradients, name: string, more: Tensor): void {
  const before = gradients.get(name)
  gradients.set(name, before ? op.add(before, more) : more)
  if (before) tf.dispose([before, more])
}

export function disposeModel(model: Model): void {
  tf.dispose([...model.weights.values()])
  model.weights.clear()
}
