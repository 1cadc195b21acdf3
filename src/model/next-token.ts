// Choosing the next token of each row of a batch. In bfloat16 only a small part of the distribution is read from the
// device: first the sums of its chunks, then the chunk that the token lies in. Shapes: B rows, D hidden, V vocabulary.
import { valuesOf } from './data-type'
import { decodeLogits, type Decoder } from './decode'
import { weight } from './model'
import * as op from './ops'
import { recorded } from './recorded'
import { chooseToken, indexAt, sum, type SamplingRule } from './sampling'
import { readValues, tf, type Tensor } from './tf'
import { headName } from './weight-names'

/** Tokens of a chunk of the vocabulary. */
const CHUNK = 256

export interface ChosenToken {
  id: number
  /** At the sampling temperature; at 1 when greedy. */
  probability: number
}

/**
 * One token for each row.
 * @param hidden states after the last norm, [B, D]
 * @param u a uniform random number for each row, [B]
 */
export function nextTokens(decoder: Decoder, hidden: Tensor, rule: SamplingRule, u: readonly number[]): ChosenToken[] {
  const { temperature, topK = 0, topP = 1 } = rule
  const isPlain = temperature > 0 && topK === 0 && topP >= 1
  if (isPlain && decoder.model.precision === 'bfloat16') return fromChunks(decoder, hidden, temperature, u)
  const v = decoder.model.config.vocabSize
  const all = readValues(() => probabilities(decoder, hidden, temperature))
  return u.map((each, row) => {
    const ofRow = all.subarray(row * v, (row + 1) * v)
    const id = chooseToken(ofRow, rule, each)
    return { id, probability: ofRow[id]! }
  })
}

/** Hidden states [B, D] → probabilities of the next token, [B, V]. */
function probabilities(decoder: Decoder, hidden: Tensor, temperature: number): Tensor {
  const scores = decodeLogits(decoder, hidden)
  return op.softmax(temperature > 0 && temperature !== 1 ? op.scale(scores, 1 / temperature) : scores)
}

/** Inverts the cumulative distribution, as `sampleIndex` does, over sums of chunks and then inside one. */
function fromChunks(decoder: Decoder, hidden: Tensor, temperature: number, u: readonly number[]): ChosenToken[] {
  const { chunks, sums } = inChunks(decoder, hidden, temperature)
  const n = chunks.shape[0]! / u.length // chunks of a row
  const ofChunks = valuesOf(sums)
  const places = u.map((each, row) => chunkAt(ofChunks.subarray(row * n, (row + 1) * n), each))
  const chosen = places.map(({ index }, row) => row * n + index)
  const inside = readValues(() => op.gatherRows(chunks, tf.tensor1d(chosen, 'int32')))
  tf.dispose([chunks, sums])
  return places.map(({ index, left }, row) => {
    const ofChunk = inside.subarray(row * CHUNK, (row + 1) * CHUNK)
    const at = indexAt(ofChunk, left)
    return { id: index * CHUNK + at, probability: ofChunk[at]! }
  })
}

/** The chunk that u · total lies in, and what of it is left there. */
function chunkAt(sums: Float32Array, u: number): { index: number; left: number } {
  const goal = u * sum(sums)
  const index = indexAt(sums, goal)
  return { index, left: goal - sum(sums.subarray(0, index)) }
}

/** The distribution in chunks, the last one filled up with zeros: [B · n, CHUNK], and the sum of each: [B · n]. */
function inChunks(decoder: Decoder, hidden: Tensor, temperature: number): { chunks: Tensor; sums: Tensor } {
  const { model } = decoder
  const v = model.config.vocabSize
  const n = Math.ceil(v / CHUNK)
  const name = headName(model.config)
  const given = { hidden, head: weight(model, name) }
  return recorded(model, `next/${temperature}`, given, ({ hidden, head }) => {
    const p = probabilities({ model: { ...model, weights: new Map([[name, head]]) } }, hidden, temperature)
    const b = hidden.shape[0]!
    const filled = n * CHUNK === v ? p : op.concat([p, op.broadcastTo(op.scalar(0), [b, n * CHUNK - v])], 1)
    const chunks = op.reshape(filled, [b * n, CHUNK])
    return { chunks, sums: op.sum(chunks, 1) }
  })
}
