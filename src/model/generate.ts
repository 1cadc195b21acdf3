// Sampling continuations for a batch of prompts, with a key/value cache.
// A row's random numbers depend only on its own key and position, so its text does not depend on the other rows of its
// batch. Shapes: B rows of a batch, D hidden, V vocabulary.
import { uniform, type RandomKey } from '../random'
import { groupByTokens, padLeft, positions } from './batch'
import { decodeNext, disposeDecoder, openDecoder, type Decoder } from './decode'
import { disposeCache, keepRows, type KeyValueCache } from './key-value-cache'
import type { Model } from './model'
import * as op from './ops'
import { nextTokens, type ChosenToken } from './next-token'
import type { SamplingRule } from './sampling'
import { disposePrefix, openPrefix, type SharedPrefix } from './prefix'
import { tf, type Tensor } from './tf'
import { hiddenWithKeys } from './transformer'

/**
 * Most padded tokens of a batch, prompts and continuations without the shared prefix; bounds memory for long prompts.
 */
const TOKENS_AT_ONCE = 8192
/** Most columns that the cache gets at once. */
const MOST_ROOM = 64
/** A shorter common prefix is not worth its own forward pass. */
const SHORTEST_PREFIX = 32

export interface SamplingSettings extends SamplingRule {
  /** Most tokens to sample for a prompt. */
  maxTokens: number
  /** Ids of tokens that end a row. */
  stopIds: readonly number[]
  /** Another stopping criterion, called after each token, e.g. `stopStrings` of loaded.ts. @param ids sampled so far */
  endsWith?: (ids: readonly number[]) => boolean
  /** Called after each token of the rows that are decoded together, with their number of tokens so far. */
  onToken?: ((tokens: number) => void) | undefined
  /** Most rows that are decoded together; default: 32. */
  batchSize?: number
  /**
   * Prompts of a block; default: all. Only prompts of the same block share a prefix and batches, so what is sampled for a
   * block is the same to the last bit whatever comes before and after it.
   */
  blockSize?: number
  /** Number of the first prompt; default: 0. Prompt i draws the random numbers of row `firstRow` + i. */
  firstRow?: number
}
export interface Continuation {
  /** The sampled tokens, the stop token included if one was sampled. */
  ids: number[]
  /**
   * log π(token | what came before) of each id, in nats, over the whole vocabulary, at the sampling temperature (at 1
   * when greedy).
   */
  logProbs: number[] // [ids.length]
  /** Whether a stop token or stop string ended it, not `maxTokens`. */
  stopped: boolean
}

/** A row that is still being continued. */
interface Row {
  index: number
  continuation: Continuation
  /** Random key of the row; each step appends its number. */
  key: RandomKey
  /** Position of the newest token. */
  position: number
}

/** What the batches of one call share. */
interface Generation {
  decoder: Decoder
  prefix: SharedPrefix | undefined
  settings: SamplingSettings
}

/**
 * Samples one continuation for each prompt.
 * @param prompts token ids, at least one each
 * @param key row r draws from [...key, r, step]
 * @param onRow called for each row, by its index, as soon as it has ended
 * @throws when a prompt is longer than the model's context
 */
export async function generate(
  model: Model,
  prompts: readonly (readonly number[])[],
  settings: SamplingSettings,
  key: RandomKey,
  onRow?: (row: number, continuation: Continuation) => void,
): Promise<Continuation[]> {
  const decoder = openDecoder(model)
  const blockSize = settings.blockSize ?? prompts.length
  try {
    const done: Continuation[] = []
    for (let from = 0; from < prompts.length; from += blockSize)
      for (const continuation of await generateBlock({ decoder, settings }, prompts, from, key, onRow))
        done.push(continuation)
    return done
  } finally {
    disposeDecoder(decoder)
  }
}

/** @param from index of the block's first prompt */
async function generateBlock(
  generation: Omit<Generation, 'prefix'>,
  prompts: readonly (readonly number[])[],
  from: number,
  key: RandomKey,
  onRow: ((row: number, continuation: Continuation) => void) | undefined,
): Promise<Continuation[]> {
  const { decoder, settings } = generation
  const { batchSize = 32, blockSize = prompts.length, firstRow = 0 } = settings
  const block = prompts.slice(from, from + blockSize)
  const prefix = openPrefix(decoder.model, block, SHORTEST_PREFIX)
  try {
    const done: Continuation[] = []
    const tokensOf = (prompt: readonly number[]) => prompt.length - (prefix?.length ?? 0) + settings.maxTokens
    for (const part of groupByTokens(block, tokensOf, TOKENS_AT_ONCE, batchSize)) {
      const start = from + done.length
      const continuations = await generateBatch(
        { ...generation, prefix },
        part,
        (row) => [...key, firstRow + start + row],
        (row, continuation) => onRow?.(start + row, continuation),
      )
      for (const continuation of continuations) done.push(continuation)
    }
    return done
  } finally {
    disposePrefix(prefix)
  }
}

async function generateBatch(
  { decoder, prefix, settings }: Generation,
  prompts: readonly (readonly number[])[],
  keyOf: (row: number) => RandomKey,
  onRow: (row: number, continuation: Continuation) => void,
): Promise<Continuation[]> {
  const { cache, hidden: first, ends } = readPrompts(decoder.model, prompts, prefix)
  cache.room = Math.min(MOST_ROOM, settings.maxTokens)
  const all = prompts.map((_, r): Row => ({
    index: r,
    continuation: { ids: [], logProbs: [], stopped: false },
    key: keyOf(r),
    position: ends[r]!,
  }))
  let hidden = first
  for (let step = 0, rows = all; ; step++) {
    const u = rows.map(({ key }) => uniform([...key, step]))
    const sampled = nextTokens(decoder, hidden, settings, u)
    hidden.dispose()
    rows.forEach((row, r) => append(row, sampled[r]!, settings))
    settings.onToken?.(step + 1)
    const unfinished = rows.flatMap(({ continuation }, r) => (continuation.stopped ? [] : [r]))
    const isLast = step + 1 === settings.maxTokens
    for (const { index, continuation } of rows) if (continuation.stopped || isLast) onRow(index, continuation)
    if (unfinished.length === 0 || isLast) break
    if (unfinished.length < rows.length) {
      keepRows(cache, unfinished)
      rows = unfinished.map((r) => rows[r]!)
    }
    rows.forEach((row) => row.position++)
    hidden = decodeNext(
      decoder,
      Int32Array.from(unfinished, (r) => sampled[r]!.id),
      Int32Array.from(rows, (row) => row.position),
      cache,
    )
    await new Promise(setImmediate) // lets messages of the parent process in
  }
  disposeCache(cache)
  return all.map(({ continuation }) => continuation)
}

/**
 * The forward pass over left-padded prompts.
 * @returns the cache, and of each row's last token the hidden state [B, D] and the position [B]
 */
function readPrompts(
  model: Model,
  prompts: readonly (readonly number[])[],
  prefix: SharedPrefix | undefined,
): { cache: KeyValueCache; hidden: Tensor; ends: Int32Array } {
  const shared = prefix?.length ?? 0
  const { read, rowOf } = promptsToRead(model, prompts)
  const batch = padLeft(read.map((prompt) => prompt.slice(shared)))
  const lastColumn = Int32Array.from(rowOf, (row) => (row + 1) * batch.time - 1)
  const { hidden, layers } = hiddenWithKeys(model, batch, prefix?.layers)
  const last = tf.tidy(() => op.gatherRows(hidden, tf.tensor1d(lastColumn, 'int32')))
  hidden.dispose()
  const at = positions(batch, shared)
  const maskOf = (row: number) => batch.mask.slice(row * batch.time, (row + 1) * batch.time)
  const cache: KeyValueCache = { layers, mask: read.map((_, row) => maskOf(row)), prefix: prefix?.layers }
  if (read.length < prompts.length) keepRows(cache, rowOf)
  return { cache, hidden: last, ends: lastColumn.map((column) => at[column]!) }
}

/**
 * Prompts of several rows, such as those of a group in RLOO, are read once. In float32 every row is read: sampled texts
 * stay those of earlier versions to the last bit, and rounding depends on the number of rows.
 * @returns the prompts to read, and for each row its prompt among them
 */
function promptsToRead(
  { precision }: Model,
  prompts: readonly (readonly number[])[],
): { read: readonly (readonly number[])[]; rowOf: number[] } {
  if (precision !== 'bfloat16') return { read: prompts, rowOf: prompts.map((_, row) => row) }
  const places = new Map<string, number>()
  const read: (readonly number[])[] = []
  const rowOf = prompts.map((prompt) => {
    const key = prompt.join()
    if (!places.has(key)) places.set(key, read.push(prompt) - 1)
    return places.get(key)!
  })
  return { read, rowOf }
}

/** Appends a token to a row's continuation, and marks it if it ends there. */
function append({ continuation }: Row, { id, probability }: ChosenToken, settings: SamplingSettings): void {
  continuation.ids.push(id)
  continuation.logProbs.push(Math.log(probability))
  continuation.stopped = settings.stopIds.includes(id) || (settings.endsWith?.(continuation.ids) ?? false)
}
