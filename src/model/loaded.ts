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
export function stopIds({ model }: LoadedModel): number[] {
  const { eosTokenIds } = model.config
  if (eosTokenIds.length === 0) throw new Error('model: config.json names no eos_token_id; without one no response would ever end')
  return eosTokenIds
}
