// Sampling continuations for a batch of prompts, with a key/value cache.
// A row's random numbers depend on its own key and position alone, so its text does not depend on the batch it sat in.
import { uniform, type RandomKey } from '../random'
import { groupByTokens, padLeft, positions } from './batch'
import {
  decodeLogits,
  decodeNext,
  disposeCache,
  disposeDecoder,
  keepRows,
  openDecoder,
  type Decoder,
  type KeyValueCache,
} from './decode'
import type { Model } from './model'
import * as op from './ops'
import { chooseToken, type SamplingRule } from './sampling'
import { disposePrefix, openPrefix, type SharedPrefix } from './prefix'
import { readValues, tf, type Tensor } from './tf'
import { hiddenWithKeys } from './transformer'

/** Padded tokens of a batch, prompt and continuation without what all prompts share; bounds memory where prompts are long. */
const TOKENS_AT_ONCE = 8192
/** A shorter common beginning is not worth its own pass. */
const SHORTEST_PREFIX = 32

export interface SamplingSettings extends SamplingRule {
  maxTokens: number
  stopIds: readonly number[]
  /** Also ends a row: asked after each token, e.g. whether the text so far holds a stop string (`stopStrings` of loaded.ts). */
  endsWith?: (ids: readonly number[]) => boolean
  /** The most rows that are decoded together. */
  batchSize?: number
}
export interface Continuation {
  /** The sampled tokens, the stop token included if one was sampled. */
  ids: number[]
  /** log π(token | what came before) at the sampling temperature (at 1 when greedy), over the whole vocabulary, one for each id. */
  logProbs: number[]
  /** Whether it ended by a stop token or stop string, not at `maxTokens`. */
  stopped: boolean
}

/** A row that is still being continued. */
interface Row {
  index: number
  continuation: Continuation
  /** Its random key, to which the step is added. */
  key: RandomKey
  /** Position of its newest token. */
  position: number
}

/**
 * One continuation for each prompt.
 * @param key row r draws from [...key, r, position]
 * @param onRow told of each row, by its index, as soon as it has ended
 */
export async function generate(
  model: Model,
  prompts: readonly (readonly number[])[],
  settings: SamplingSettings,
  key: RandomKey,
  onRow?: (row: number, continuation: Continuation) => void,
): Promise<Continuation[]> {
  const size = settings.batchSize ?? 32
  const decoder = openDecoder(model)
  const prefix = openPrefix(model, prompts, SHORTEST_PREFIX)
  try {
    const done: Continuation[] = []
    for (const part of groupByTokens(
      prompts,
      (prompt) => prompt.length - (prefix?.length ?? 0) + settings.maxTokens,
      TOKENS_AT_ONCE,
      size,
    )) {
      const start = done.length
      done.push(
        ...(await generateBatch(
          model,
          decoder,
          part,
          prefix,
          settings,
          (row) => [...key, start + row],
          (row, continuation) => onRow?.(start + row, continuation),
        )),
      )
    }
    return done
  } finally {
    disposePrefix(prefix)
    disposeDecoder(decoder)
  }
}

async function generateBatch(
  model: Model,
  decoder: Decoder,
  prompts: readonly (readonly number[])[],
  prefix: SharedPrefix | undefined,
  settings: SamplingSettings,
  keyOf: (row: number) => RandomKey,
  onRow: (row: number, continuation: Continuation) => void,
): Promise<Continuation[]> {
  const { cache, hidden: first, ends } = readPrompts(model, prompts, prefix)
  const all = prompts.map((_, r): Row => ({
    index: r,
    continuation: { ids: [], logProbs: [], stopped: false },
    key: keyOf(r),
    position: ends[r]!,
  }))
  let hidden = first
  for (let step = 0, rows = all; ; step++) {
    const probabilities = nextTokenProbabilities(decoder, hidden, settings.temperature)
    hidden.dispose()
    const sampled = rows.map((row, r) => takeToken(row, probabilities, r, model.config.vocabSize, settings, step))
    const going = rows.flatMap(({ continuation }, r) => (continuation.stopped ? [] : [r]))
    const isLast = step + 1 === settings.maxTokens
    for (const { index, continuation } of rows) if (continuation.stopped || isLast) onRow(index, continuation)
    if (going.length === 0 || isLast) break
    if (going.length < rows.length) {
      keepRows(cache, going)
      rows = going.map((r) => rows[r]!)
    }
    rows.forEach((row) => row.position++)
    hidden = decodeNext(
      decoder,
      Int32Array.from(going, (r) => sampled[r]!),
      Int32Array.from(rows, (row) => row.position),
      cache,
    )
    await new Promise(setImmediate) // lets the process hear its parent
  }
  disposeCache(cache)
  return all.map(({ continuation }) => continuation)
}

/** The forward pass over left-padded prompts: keys and values, and the hidden state and position of each row's last token. */
function readPrompts(
  model: Model,
  prompts: readonly (readonly number[])[],
  prefix: SharedPrefix | undefined,
): { cache: KeyValueCache; hidden: Tensor; ends: Int32Array } {
  const shared = prefix?.length ?? 0
  const batch = padLeft(prompts.map((prompt) => prompt.slice(shared)))
  const lastColumn = Int32Array.from(prompts, (_, row) => (row + 1) * batch.time - 1)
  const { hidden, layers } = hiddenWithKeys(model, batch, prefix?.layers)
  const last = tf.tidy(() => op.gatherRows(hidden, tf.tensor1d(lastColumn, 'int32')))
  hidden.dispose()
  const mask = prompts.map((_, row) => batch.mask.slice(row * batch.time, (row + 1) * batch.time))
  const at = positions(batch, shared)
  return {
    cache: { layers, mask, prefix: prefix?.layers },
    hidden: last,
    ends: lastColumn.map((column) => at[column]!),
  }
}

function nextTokenProbabilities(decoder: Decoder, hidden: Tensor, temperature: number): Float32Array {
  return readValues(() => {
    const scores = decodeLogits(decoder, hidden)
    return op.softmax(temperature > 0 && temperature !== 1 ? op.scale(scores, 1 / temperature) : scores)
  })
}

function takeToken(
  { continuation, key }: Row,
  probabilities: Float32Array,
  r: number,
  vocabSize: number,
  settings: SamplingSettings,
  step: number,
): number {
  const own = probabilities.subarray(r * vocabSize, (r + 1) * vocabSize)
  const id = chooseToken(own, settings, uniform([...key, step]))
  continuation.ids.push(id)
  continuation.logProbs.push(Math.log(own[id]!))
  continuation.stopped = settings.stopIds.includes(id) || (settings.endsWith?.(continuation.ids) ?? false)
  return id
}
