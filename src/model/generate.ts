// Sampling continuations for a batch of prompts, with a key/value cache.
// A row's random numbers depend on its own key and position alone, so its text does not depend on the batch it sat in.
import { uniform, type RandomKey } from '../random'
import { padLeft, positions } from './batch'
import * as op from './ops'
import { readValues, tf, type Tensor } from './tf'
import { disposeCache, hiddenOfNext, hiddenWithCache, logits, type Model } from './transformer'

export interface SamplingSettings {
  maxTokens: number
  /** 0 takes the most likely token. */
  temperature: number
  stopIds: readonly number[]
  /** How many rows are decoded together; bounds memory. */
  batchSize?: number
}
export interface Continuation {
  /** The sampled tokens, the stop token included if one was sampled. */
  ids: number[]
  /** log π(token | what came before) at the sampling temperature (at temperature 1 when greedy), one for each id. */
  logProbs: number[]
  /** Whether it ended with a stop token, not at `maxTokens`. */
  stopped: boolean
}

/**
 * One continuation for each prompt.
 * @param key row r draws from [...key, r, position]
 * @param onProgress called with the number of rows finished so far
 */
export async function generate(model: Model, prompts: readonly (readonly number[])[], settings: SamplingSettings, key: RandomKey, onProgress?: (rows: number) => void): Promise<Continuation[]> {
  const size = settings.batchSize ?? 16
  const done: Continuation[] = []
  for (let start = 0; start < prompts.length; start += size) {
    done.push(...(await generateBatch(model, prompts.slice(start, start + size), settings, (row) => [...key, start + row])))
    onProgress?.(done.length)
  }
  return done
}

async function generateBatch(model: Model, prompts: readonly (readonly number[])[], settings: SamplingSettings, rowKey: (row: number) => RandomKey): Promise<Continuation[]> {
  const batch = padLeft(prompts)
  const first = hiddenWithCache(model, batch)
  const { cache } = first
  const lastColumn = tf.tensor1d(prompts.map((_, row) => (row + 1) * batch.time - 1), 'int32')
  let hidden = op.gatherRows(first.hidden, lastColumn)
  tf.dispose([first.hidden, lastColumn])

  const rows: Continuation[] = prompts.map(() => ({ ids: [], logProbs: [], stopped: false }))
  const allPositions = positions(batch)
  const at = Int32Array.from(prompts, (_, row) => allPositions[(row + 1) * batch.time - 1]!)
  for (let step = 0; step < settings.maxTokens; step++) {
    const probabilities = nextTokenProbabilities(model, hidden, settings.temperature)
    hidden.dispose()
    const sampled = rows.map((row, r) => (row.stopped ? 0 : takeToken(row, probabilities, r, model.config.vocabSize, settings, [...rowKey(r), step])))
    if (rows.every((row) => row.stopped) || step + 1 === settings.maxTokens) break
    at.forEach((position, r) => (at[r] = position + 1))
    hidden = hiddenOfNext(model, Int32Array.from(sampled), at, cache)
    await new Promise(setImmediate) // lets the process hear its parent
  }
  disposeCache(cache)
  return rows
}

function nextTokenProbabilities(model: Model, hidden: Tensor, temperature: number): Float32Array {
  return readValues(() => {
    const scores = logits(model, hidden)
    return op.softmax(temperature > 0 && temperature !== 1 ? op.scale(scores, 1 / temperature) : scores)
  })
}

function takeToken(row: Continuation, probabilities: Float32Array, r: number, vocabSize: number, settings: SamplingSettings, key: RandomKey): number {
  const own = probabilities.subarray(r * vocabSize, (r + 1) * vocabSize)
  const id = settings.temperature > 0 ? sampleIndex(own, uniform(key)) : argmax(own)
  row.ids.push(id)
  row.logProbs.push(Math.log(own[id]!))
  row.stopped = settings.stopIds.includes(id)
  return id
}

/** Inverts the cumulative distribution: the first index whose running sum passes u · total. */
export function sampleIndex(probabilities: Float32Array, u: number): number {
  let total = 0
  for (const p of probabilities) total += p
  let left = u * total
  for (let i = 0; i < probabilities.length; i++) {
    left -= probabilities[i]!
    if (left < 0) return i
  }
  return argmax(probabilities)
}

function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
