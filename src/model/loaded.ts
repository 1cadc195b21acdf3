// A model folder ready for use: weights on the device and the tokenizer beside them.
import { loadTokenizer, type Tokenizer } from './tokenizer'
import type { Model } from './model'
import { loadModel } from './weights'

export interface LoadedModel {
  folder: string
  model: Model
  tokenizer: Tokenizer
}

/** @param extra further weights to load, such as a score head, with their shapes */
export function loadModelAndTokenizer(folder: string, extra: Record<string, number[]> = {}): LoadedModel {
  return { folder, model: loadModel(folder, extra), tokenizer: loadTokenizer(folder) }
}

/** Where a response ends: the model's end-of-sequence ids. */
export function stopIds({ model }: { model: Pick<Model, 'config'> }): number[] {
  const { eosTokenIds } = model.config
  if (eosTokenIds.length === 0)
    throw new Error('model: config.json names no eos_token_id; without one no response would ever end')
  return eosTokenIds
}

/** For `generate`: whether a text holds one of the strings. Only as many tokens as the longest may take are decoded again. */
export function stopStrings(
  { tokenizer }: Pick<LoadedModel, 'tokenizer'>,
  strings: readonly string[],
): (ids: readonly number[]) => boolean {
  const longest = Math.max(0, ...strings.map((string) => string.length))
  return (ids) => {
    const tail = tokenizer.decode(ids.slice(-(longest + 1))) // a token is at least a byte, or leaves no text
    return strings.some((string) => tail.includes(string))
  }
}
