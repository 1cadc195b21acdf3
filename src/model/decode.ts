// One more token for each row of a batch, as fast as memory allows: at this size of matrix, reading the weights is the work.
// So weights are laid out once for the whole continuation: transposed (the kernel for a transposed right side reads them at half
// speed, see docs/performance.md), query/key/value and gate/up side by side, and the norm's weight and 1/√C multiplied in.
//
// Shapes as in transformer.ts; B rows, one token each.
import type { ModelConfig } from './config'
import * as op from './ops'
import { norm, normalize } from './rms-norm'
import { rotaryFrequencies, turnMatrix } from './rotary'
import { tf, type Tensor } from './tf'
import { blockNames, EMBEDDING, headName, LAST_NORM, weight, type KeysAndValues, type Model } from './transformer'

interface LayerWeights {
  qkv: Tensor // [D, (H + 2K) · C]
  o: Tensor // [H · C, D]
  gateUp: Tensor // [D, 2F]
  down: Tensor // [F, D]
}
export interface Decoder {
  config: ModelConfig
  layers: LayerWeights[]
  embedding: Tensor // the model's own
  lastNorm: Tensor // the model's own
  head: Tensor // [D, V]
  turn: Tensor // [C, C], see rotary.ts
  frequencies: Float64Array // [C]
}

/** Keys and values of every layer so far, and which of the S columns are real. */
export interface KeyValueCache {
  layers: KeysAndValues[]
  /** One for each row, S long. */
  mask: Uint8Array[]
}

/** Lays a model's weights out for decoding; they take as much memory as the model's own. */
export function openDecoder(model: Model): Decoder {
  const { config } = model
  return {
    config,
    layers: Array.from({ length: config.layers }, (_, layer) => layerWeights(model, layer)),
    embedding: weight(model, EMBEDDING),
    lastNorm: weight(model, LAST_NORM),
    head: op.transpose(weight(model, headName(config)), [1, 0]),
    turn: turnMatrix(config.headSize),
    frequencies: rotaryFrequencies(config),
  }
}

function layerWeights(model: Model, layer: number): LayerWeights {
  const { hiddenSize: d, headSize: c } = model.config
  const names = blockNames(layer)
  const w = (name: keyof typeof names) => weight(model, names[name])
  const transposed = (name: keyof typeof names) => op.transpose(w(name), [1, 0])
  return tf.tidy(() => {
    const inputNorm = op.reshape(w('inputNorm'), [d, 1])
    const query = op.scale(transposed('q'), 1 / Math.sqrt(c))
    return {
      qkv: op.mul(op.concat([query, transposed('k'), transposed('v')], 1), inputNorm),
      o: transposed('o'),
      gateUp: op.mul(op.concat([transposed('gate'), transposed('up')], 1), op.reshape(w('mlpNorm'), [d, 1])),
      down: transposed('down'),
    }
  })
}

export function disposeDecoder({ layers, head, turn }: Decoder): void {
  for (const layer of layers) tf.dispose(Object.values(layer))
  tf.dispose([head, turn])
}

/** The token ids [B] at the given positions → hidden [B, D]. The cache grows in place. */
export function decodeNext(decoder: Decoder, ids: Int32Array, at: Int32Array, cache: KeyValueCache): Tensor {
  cache.mask = cache.mask.map((row) => Uint8Array.from([...row, 1]))
  return tf.tidy(() => {
    const step = { ...rotation(decoder, at), bias: maskBias(cache.mask) }
    let x = op.gatherRows(decoder.embedding, tf.tensor1d(ids, 'int32')) // [B, D]
    decoder.layers.forEach((layer, l) => {
      const past = cache.layers[l]!
      const { y, k, v } = tf.tidy(() => decodeBlock(decoder, layer, x, past, step))
      tf.dispose([x, past.k, past.v])
      cache.layers[l] = { k: tf.keep(k), v: tf.keep(v) }
      x = y
    })
    return norm(x, decoder.lastNorm, decoder.config.normEpsilon)
  })
}

/** hidden [B, D] → logits [B, V]. */
export const decodeLogits = (decoder: Decoder, hidden: Tensor): Tensor => op.matmul(hidden, decoder.head)

interface Step {
  cos: Tensor // [B, 1, C]
  sin: Tensor
  bias: Tensor // [B, 1, 1, S]
}

function decodeBlock({ config, turn }: Decoder, w: LayerWeights, x: Tensor, past: KeysAndValues, { cos, sin, bias }: Step): { y: Tensor } & KeysAndValues {
  const { heads, keyValueHeads: kv, headSize: c, intermediateSize: f, normEpsilon } = config
  const b = x.shape[0]!
  const rotated = heads + kv
  const [qk, v] = op.split(op.matmul(normalize(x, normEpsilon), w.qkv), [rotated * c, kv * c], 1) as [Tensor, Tensor]
  const turned = op.matmul(op.reshape(qk, [b * rotated, c]), turn)
  const turnedQk = op.add(op.mul(op.reshape(qk, [b, rotated, c]), cos), op.mul(op.reshape(turned, [b, rotated, c]), sin))
  const [q, newK] = op.split(turnedQk, [heads, kv], 1) as [Tensor, Tensor]
  const k = op.concat([past.k, op.reshape(newK, [b, kv, 1, c])], 2) // [B, K, S, C]
  const allV = op.concat([past.v, op.reshape(v, [b, kv, 1, c])], 2)
  const scores = op.add(op.batchMatmul(op.reshape(q, [b, kv, heads / kv, c]), k, false, true), bias) // [B, K, G, S]
  const mixed = op.reshape(op.batchMatmul(op.softmax(scores), allV), [b, heads * c])
  const x1 = op.add(x, op.matmul(mixed, w.o))
  const [gate, up] = op.split(op.matmul(normalize(x1, normEpsilon), w.gateUp), [f, f], 1) as [Tensor, Tensor]
  const inner = op.mul(op.mul(gate, op.sigmoid(gate)), up)
  return { y: op.add(x1, op.matmul(inner, w.down)), k, v: allV }
}

function rotation({ config, frequencies }: Decoder, at: Int32Array): Pick<Step, 'cos' | 'sin'> {
  const c = config.headSize
  const table = (f: (angle: number) => number) =>
    tf.tensor3d(Float32Array.from({ length: at.length * c }, (_, i) => f(at[Math.floor(i / c)]! * frequencies[i % c]!)), [at.length, 1, c])
  return { cos: table(Math.cos), sin: table(Math.sin) }
}

function maskBias(mask: readonly Uint8Array[]): Tensor {
  const s = mask[0]!.length
  const bias = new Float32Array(mask.length * s)
  mask.forEach((row, r) => row.forEach((real, j) => (bias[r * s + j] = real ? 0 : -1e9)))
  return tf.tensor4d(bias, [mask.length, 1, 1, s])
}

export function disposeCache(cache: KeyValueCache): void {
  for (const { k, v } of cache.layers) tf.dispose([k, v])
}

/** Keeps only the given rows, in the given order. */
export function keepRows(cache: KeyValueCache, rows: readonly number[]): void {
  const indices = tf.tensor1d([...rows], 'int32')
  cache.layers = cache.layers.map(({ k, v }) => {
    const kept = { k: op.gatherRows(k, indices), v: op.gatherRows(v, indices) }
    tf.dispose([k, v])
    return kept
  })
  indices.dispose()
  cache.mask = rows.map((row) => cache.mask[row]!)
}
