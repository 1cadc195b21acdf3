// A model folder ready for use: weights on the device, and the tokenizer.
import { loadTokenizer, type Tokenizer } from './tokenizer'
import type { Model } from './model'
import { loadModel } from './weights'

export interface LoadedModel {
  folder: string
  model: Model
  tokenizer: Tokenizer
}

/**
 * Loads weights and tokenizer of a model folder.
 * @param extra further weights to load, such as a score head, with their shapes
 * @throws when anything is missing, damaged or not supported
 */
export function loadModelAndTokenizer(folder: string, extra: Record<string, number[]> = {}): LoadedModel {
  return { folder, model: loadModel(folder, extra), tokenizer: loadTokenizer(folder) }
}

/** The model's end-of-sequence ids, which end a response. @throws when config.json names none */
export function stopIds({ model }: { model: Pick<Model, 'config'> }): number[] {
  const { eosTokenIds } = model.config
  if (eosTokenIds.length === 0)
    throw new Error('model: config.json names no eos_token_id; without one no response would ever end')
  return eosTokenIds
}

/**
 * Stop strings as a criterion for `generate`: whether the text so far contains one of them. Only as many of the last
 * tokens are decoded as the longest string can take.
 */
export function stopStrings(
  { tokenizer }: Pick<LoadedModel, 'tokenizer'>,
  strings: readonly string[],
): (ids: readonly number[]) => boolean {
  const longest = Math.max(0, ...strings.map((string) => string.length))
  return (ids) => {
    const tail = tokenizer.decode(ids.slice(-(longest + 1))) // a token that is not special has at least one byte
    return strings.some((string) => tail.includes(string))
  }
}
