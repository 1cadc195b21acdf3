// A model folder ready for use: weights on the device, and the tokenizer.
import type { TemplateSettings } from '../contracts/template-settings'
import { loadTokenizer, type Tokenizer } from './tokenizer'
import type { Model } from './model'
import { loadModel } from './weights'
import { largest } from '../extremes'

export interface LoadedModel {
  folder: string
  model: Model
  tokenizer: Tokenizer
}

/**
 * Loads weights and tokenizer of a model folder.
 * @param template variables of the chat template, in place of those stored in the folder
 * @throws when anything is missing, damaged or not supported
 */
export function loadModelAndTokenizer(folder: string, template?: TemplateSettings): LoadedModel {
  const tokenizer = loadTokenizer(folder, template)
  return { folder, model: loadModel(folder), tokenizer }
}

/** What decides where a response ends. */
export interface Ending {
  model: { config: Pick<Model['config'], 'eosTokenIds'> }
  tokenizer: Pick<Tokenizer, 'turnEnd' | 'endOfText'>
}

/**
 * The ids that end a response: those of config.json and generation_config.json, the one that the chat template writes
 * after a turn, and the tokenizer's eos_token.
 * @throws when there is none
 */
export function stopIds({ model, tokenizer: { turnEnd, endOfText } }: Ending): number[] {
  const ofTokenizer = [turnEnd, endOfText].filter((id) => id !== undefined)
  const ids = [...new Set([...model.config.eosTokenIds, ...ofTokenizer])]
  if (ids.length > 0) return ids
  throw new Error(
    'model: neither config.json nor generation_config.json names an eos_token_id, and the tokenizer has no ' +
      'eos_token; without one no response would ever end',
  )
}

/**
 * The id that ends a response of people or of the data, as it ends the policy's own: what the chat template writes
 * after a turn; without a template, the tokenizer's eos_token or the first of the model's end ids.
 * @throws like `stopIds`
 */
export function endId(ending: Ending): number {
  const { turnEnd, endOfText } = ending.tokenizer
  return turnEnd ?? endOfText ?? stopIds(ending)[0]!
}

/**
 * Stop strings as a criterion for `generate`: whether the text so far contains one of them. Only as many of the last
 * tokens are decoded as the longest string can take.
 */
export function stopStrings(
  { tokenizer }: Pick<LoadedModel, 'tokenizer'>,
  strings: readonly string[],
): (ids: readonly number[]) => boolean {
  const longest = largest(
    strings.map((string) => string.length),
    0,
  )
  return (ids) => {
    const tail = tokenizer.decode(ids.slice(-(longest + 1))) // a token that is not special has at least one byte
    return strings.some((string) => tail.includes(string))
  }
}
