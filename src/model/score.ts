// Log-probabilities of the next token after many prompts, without generating.
import { groupByTokens, lastTokens, padRight } from './batch'
import type { Model } from './model'
import * as op from './ops'
import { disposePrefix, openPrefix, type SharedPrefix } from './prefix'
import { readValues, tf } from './tf'
import { hidden, hiddenAfter, logits } from './transformer'
import { largest } from '../extremes'

/** Most padded tokens, and attention weights in a layer, of one forward pass; both bound memory. */
const TOKENS_AT_ONCE = 4096
const WEIGHTS_AT_ONCE = 2 ** 26
/** A shorter common prefix is not worth its own forward pass. */
const SHORTEST_PREFIX = 16

type Ids = readonly number[]

/**
 * log P(id | prompt) of chosen ids, in nats, at temperature 1, over the whole vocabulary.
 * @param ids the same for every prompt
 * @param onAnswer called with the row of each prompt, by its index, as soon as it is computed
 * @returns [prompts][ids]
 * @throws when a prompt is longer than the model's context
 */
export async function nextTokenLogProbs(
  model: Model,
  prompts: readonly Ids[],
  ids: Ids,
  onAnswer?: (prompt: number, logProbs: number[]) => void,
): Promise<number[][]> {
  const prefix = openPrefix(model, prompts, SHORTEST_PREFIX)
  const rest = prompts.map((prompt) => prompt.slice(prefix?.length ?? 0))
  const longestFirst = rest.map((_, i) => i).sort((a, b) => rest[b]!.length - rest[a]!.length)
  const out: number[][] = []
  const keys = largest(prompts.map((prompt) => prompt.length))
  const atOnce = Math.min(TOKENS_AT_ONCE, Math.floor(WEIGHTS_AT_ONCE / (model.config.heads * keys)))
  for (const group of groupByTokens(longestFirst, (i) => rest[i]!.length, atOnce)) {
    const rows = group.map((i) => rest[i]!)
    const found = lastLogProbs(model, rows, ids, prefix)
    group.forEach((i, row) => {
      out[i] = [...found.subarray(row * ids.length, (row + 1) * ids.length)]
      onAnswer?.(i, out[i])
    })
    await new Promise(setImmediate) // lets messages of the parent process in
  }
  disposePrefix(prefix)
  return out
}

/** log P of chosen ids after each row: [rows · ids]. */
function lastLogProbs(model: Model, rows: readonly Ids[], ids: Ids, prefix: SharedPrefix | undefined): Float32Array {
  return readValues(() => {
    const batch = padRight(rows)
    const states = prefix ? hiddenAfter(model, prefix.layers, batch) : hidden(model, batch)
    const last = op.gatherRows(states, tf.tensor1d(lastTokens(batch), 'int32'))
    return op.gatherColumns(op.logSoftmax(logits(model, last)), tf.tensor1d([...ids], 'int32'))
  })
}
