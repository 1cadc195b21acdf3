// The distribution of the next token after many prompts, without generating.
import { groupByTokens, lastTokens, padRight } from './batch'
import type { Model } from './model'
import * as op from './ops'
import { readValues, tf } from './tf'
import { hidden, logits } from './transformer'

/** Padded tokens of one forward pass; bounds memory. */
const TOKENS_AT_ONCE = 4096

/**
 * log P(id | prompt) of chosen ids, at temperature 1, over the whole vocabulary.
 * @param ids the tokens asked for, the same for every prompt
 * @returns one row a prompt, one number an id
 */
export async function nextTokenLogProbs(model: Model, prompts: readonly (readonly number[])[], ids: readonly number[], onProgress?: (prompts: number) => void): Promise<number[][]> {
  const order = prompts.map((_, i) => i).sort((a, b) => prompts[b]!.length - prompts[a]!.length)
  const out: number[][] = []
  let done = 0
  for (const group of groupByTokens(order, (i) => prompts[i]!.length, TOKENS_AT_ONCE)) {
    const all = lastLogProbs(model, group.map((i) => prompts[i]!))
    group.forEach((i, row) => (out[i] = ids.map((id) => all[row * model.config.vocabSize + id]!)))
    onProgress?.((done += group.length))
    await new Promise(setImmediate)
  }
  return out
}

function lastLogProbs(model: Model, prompts: readonly (readonly number[])[]): Float32Array {
  return readValues(() => {
    const batch = padRight(prompts)
    const rows = op.gatherRows(hidden(model, batch), tf.tensor1d(lastTokens(batch), 'int32'))
    return op.logSoftmax(logits(model, rows))
  })
}
