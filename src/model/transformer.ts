// The decoder of the Llama family: RMSNorm, rotary positions, grouped-query attention, SwiGLU, optionally tied head.
// Forward and backward are both written out, a block at a time: what the backward pass needs is kept on a tape, everything
// else is freed at once. This halves memory beside automatic differentiation, which keeps every intermediate.
//
// Shapes: N = batch · time rows, D hidden, H heads, K key/value heads, G = H / K, C head size, T time, S keys seen so far.
import { positions, type TokenBatch } from './batch'
import type { ModelConfig } from './config'
import * as op from './ops'
import { tf, type Tensor } from './tf'

export interface Model {
  config: ModelConfig
  /** By Hugging Face name. A linear layer's weight is [out, in]. */
  weights: Map<string, Tensor>
}
/** Gradients by weight name; the caller owns and disposes them. */
export type Gradients = Map<string, Tensor>

/** Keys and values of every layer, [B, K, S, C], and which of the S columns are real. */
export interface KeyValueCache {
  layers: { k: Tensor; v: Tensor }[]
  mask: Uint8Array[] // one per row, S long
}

/** What a forward pass leaves for its backward pass. */
export interface Tape {
  batch: TokenBatch
  rotary: Rotary
  blocks: BlockTape[]
  /** Input of the last norm, [N, D]. */
  last: Tensor
}
type BlockTape = Record<'x' | 'q' | 'k' | 'v' | 'attention' | 'mixed' | 'x1' | 'gate' | 'up', Tensor>

const weight = (model: Model, name: string): Tensor => {
  const found = model.weights.get(name)
  if (!found) throw new Error(`model: weight ${name} is missing`)
  return found
}

const blockNames = (layer: number) => {
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
const EMBEDDING = 'model.embed_tokens.weight'
const LAST_NORM = 'model.norm.weight'
export const headName = (config: ModelConfig): string => (config.tiedHead ? EMBEDDING : 'lm_head.weight')

// ---- RMSNorm: y = x / sqrt(mean(x²) + ε) · w

const inverseRms = (x: Tensor, epsilon: number) => op.rsqrt(op.add(op.mean(op.square(x), 1, true), op.scalar(epsilon)))
const norm = (x: Tensor, w: Tensor, epsilon: number) => op.mul(op.mul(x, inverseRms(x, epsilon)), w)

function normBackward(dy: Tensor, x: Tensor, w: Tensor, epsilon: number): { dx: Tensor; dw: Tensor } {
  const inverse = inverseRms(x, epsilon)
  const unit = op.mul(x, inverse)
  const dw = op.sum(op.mul(dy, unit), 0)
  const dUnit = op.mul(dy, w)
  const projection = op.mean(op.mul(dUnit, unit), 1, true)
  return { dx: op.mul(op.sub(dUnit, op.mul(unit, projection)), inverse), dw }
}

// ---- Rotary positions, with attention's 1/sqrt(C) folded into the query's tables

interface Rotary {
  cosQ: Tensor // [N, 1, C]
  sinQ: Tensor
  cosK: Tensor
  sinK: Tensor
  /** [C, C]: x · turn = (−second half, first half). */
  turn: Tensor
}

function rotaryTables(config: ModelConfig, at: Int32Array): Rotary {
  const c = config.headSize
  const halfSize = c / 2
  const cos = new Float32Array(at.length * c)
  const sin = new Float32Array(at.length * c)
  at.forEach((position, n) => {
    for (let i = 0; i < c; i++) {
      const angle = position * config.ropeTheta ** (-(i % halfSize) / halfSize)
      cos[n * c + i] = Math.cos(angle)
      sin[n * c + i] = Math.sin(angle)
    }
  })
  const turn = new Float32Array(c * c)
  for (let i = 0; i < halfSize; i++) {
    turn[(i + halfSize) * c + i] = -1
    turn[i * c + i + halfSize] = 1
  }
  const shape: [number, number, number] = [at.length, 1, c]
  const scaled = (values: Float32Array) => tf.tensor3d(values.map((v) => v / Math.sqrt(c)), shape)
  return { cosQ: scaled(cos), sinQ: scaled(sin), cosK: tf.tensor3d(cos, shape), sinK: tf.tensor3d(sin, shape), turn: tf.tensor2d(turn, [c, c]) }
}

/** x [N, heads · C] → the same rows rotated, [N, heads, C]. */
function rotate(x: Tensor, heads: number, cos: Tensor, sin: Tensor, turn: Tensor): Tensor {
  const [n, c] = [x.shape[0]!, turn.shape[0]!]
  const turned = op.reshape(op.matmul(op.reshape(x, [n * heads, c]), turn), [n, heads, c])
  return op.add(op.mul(op.reshape(x, [n, heads, c]), cos), op.mul(turned, sin))
}

/** dy [N, heads, C] → gradient by the unrotated rows, [N, heads · C]. */
function rotateBackward(dy: Tensor, heads: number, cos: Tensor, sin: Tensor, turn: Tensor): Tensor {
  const [n, c] = [dy.shape[0]!, turn.shape[0]!]
  const back = op.matmul(op.reshape(op.mul(dy, sin), [n * heads, c]), turn, false, true)
  return op.reshape(op.add(op.mul(dy, cos), op.reshape(back, [n, heads, c])), [n, heads * c])
}

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

function cachedBias(cache: KeyValueCache): Tensor {
  const s = cache.mask[0]!.length
  const bias = new Float32Array(cache.mask.length * s)
  cache.mask.forEach((row, r) => row.forEach((real, j) => (bias[r * s + j] = real ? 0 : -1e9)))
  return tf.tensor4d(bias, [cache.mask.length, 1, 1, s])
}

// ---- One block

interface BlockContext {
  model: Model
  batch: number
  time: number
  rotary: Rotary
  bias: Tensor
}

function block(layer: number, x: Tensor, context: BlockContext, past?: { k: Tensor; v: Tensor }): { y: Tensor; tape: BlockTape } {
  const { model, batch: b, time: t, rotary } = context
  const { heads, keyValueHeads: kv, headSize: c, normEpsilon } = model.config
  const g = heads / kv
  const names = blockNames(layer)
  const w = (name: keyof typeof names) => weight(model, names[name])

  const h = norm(x, w('inputNorm'), normEpsilon)
  const q = rowsToHeads(rotate(op.matmul(h, w('q'), false, true), heads, rotary.cosQ, rotary.sinQ, rotary.turn), b, t, kv, g, c)
  const newK = rowsToHeads(rotate(op.matmul(h, w('k'), false, true), kv, rotary.cosK, rotary.sinK, rotary.turn), b, t, kv, 1, c)
  const newV = rowsToHeads(op.matmul(h, w('v'), false, true), b, t, kv, 1, c)
  const k = past ? op.concat([past.k, newK], 2) : newK
  const v = past ? op.concat([past.v, newV], 2) : newV
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

/** Reads a left-padded prompt; its keys and values start a cache for `hiddenOfNext`. */
export function hiddenWithCache(model: Model, batch: TokenBatch): { hidden: Tensor; cache: KeyValueCache } {
  const layers: KeyValueCache['layers'] = []
  const { hidden } = run(model, batch, { cache: layers })
  const mask = Array.from({ length: batch.batch }, (_, row) => batch.mask.slice(row * batch.time, (row + 1) * batch.time))
  return { hidden, cache: { layers, mask } }
}

interface RunKeeps {
  blocks?: BlockTape[]
  cache?: KeyValueCache['layers']
}

function run(model: Model, batch: TokenBatch, keep: RunKeeps): { hidden: Tensor; last?: Tensor; rotary?: Rotary } {
  const rotary = rotaryTables(model.config, positions(batch))
  const context: BlockContext = { model, batch: batch.batch, time: batch.time, rotary, bias: attentionBias(batch) }
  let x = embed(model, batch)
  for (let layer = 0; layer < model.config.layers; layer++) {
    const { y, kept } = tf.tidy(() => {
      const { y, tape } = block(layer, x, context)
      const { x: _input, ...own } = tape // x is owned by this loop
      return { y, kept: keep.blocks ? own : keep.cache ? { k: own.k, v: own.v } : {} }
    })
    if (keep.blocks) keep.blocks.push({ ...(kept as BlockTape), x })
    else x.dispose()
    if (keep.cache) keep.cache.push(kept as { k: Tensor; v: Tensor })
    x = y
  }
  context.bias.dispose()
  const hidden = tf.tidy(() => norm(x, weight(model, LAST_NORM), model.config.normEpsilon))
  if (keep.blocks) return { hidden, last: x, rotary }
  x.dispose()
  disposeRotary(rotary)
  return { hidden }
}

/** One more token for each row of a cache: ids [B] at the given positions → hidden [B, D]. The cache grows in place. */
export function hiddenOfNext(model: Model, ids: Int32Array, at: Int32Array, cache: KeyValueCache): Tensor {
  cache.mask = cache.mask.map((row) => Uint8Array.from([...row, 1]))
  const rotary = rotaryTables(model.config, at)
  const context: BlockContext = { model, batch: ids.length, time: 1, rotary, bias: cachedBias(cache) }
  let x = embed(model, { batch: ids.length, time: 1, ids, mask: new Uint8Array(ids.length).fill(1) })
  for (let layer = 0; layer < model.config.layers; layer++) {
    const past = cache.layers[layer]!
    const [y, k, v] = tf.tidy(() => {
      const { y, tape } = block(layer, x, context, past)
      return [y, tape.k, tape.v] as const
    }) as unknown as [Tensor, Tensor, Tensor]
    tf.dispose([x, past.k, past.v])
    cache.layers[layer] = { k, v }
    x = y
  }
  const out = tf.tidy(() => norm(x, weight(model, LAST_NORM), model.config.normEpsilon))
  tf.dispose([x, context.bias])
  disposeRotary(rotary)
  return out
}

export function disposeCache(cache: KeyValueCache): void {
  for (const { k, v } of cache.layers) tf.dispose([k, v])
}

const disposeRotary = (r: Rotary) => tf.dispose([r.cosQ, r.sinQ, r.cosK, r.sinK, r.turn])

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
