// The ids that end a response. Loads no weights: what trains elsewhere asks for them too.
import type { ModelConfig } from './architecture'
import type { Tokenizer } from './tokenizer'

/** What decides where a response ends. */
export interface Ending {
  model: { config: Pick<ModelConfig, 'eosTokenIds'> }
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
