// A model folder ready for use: weights on the device, and the tokenizer.
import type { Precision } from '../contracts/precision'
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
 * @param precision as in `loadModel`
 * @throws when anything is missing, damaged or not supported
 */
export function loadModelAndTokenizer(folder: string, template?: TemplateSettings, precision?: Precision): LoadedModel {
  const tokenizer = loadTokenizer(folder, template)
  return { folder, model: loadModel(folder, {}, precision), tokenizer }
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
