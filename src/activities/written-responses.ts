// Responses that people wrote, in the tokens of a model: references of the data, and the pairs that people compared.
import type { Limits } from '../contracts/settings'
import type { Row } from '../data/row'
import type { ModelConfig } from '../model/architecture'
import { endId } from '../model/ending'
import type { Tokenizer } from '../model/tokenizer'
import type { Sequence } from '../training/gradients'
import { KeptSequence, openTokenStore } from '../training/token-store'
import { promptIds, trainRowsInParts } from './rows'

/** What a text is encoded for: a tokenizer, and the config that names the token that ends a response. */
export interface Encoder {
  tokenizer: Tokenizer
  model: { config: Pick<ModelConfig, 'eosTokenIds'> }
}

/**
 * A text as the policy would write it: with the token that ends a response, and cut at the limit without one, as the
 * policy's own responses are. A cut text with an end would teach the policy to end in mid-sentence.
 * @returns `ids`, at most `responseTokens` of them; `stopped`, whether the text fits and has its end
 */
export function encodeResponse(
  encoder: Encoder,
  text: string,
  { responseTokens }: Pick<Limits, 'responseTokens'>,
): { ids: number[]; stopped: boolean } {
  const ids = [...encoder.tokenizer.encodeContent(text), endId(encoder)]
  return { ids: ids.slice(0, responseTokens), stopped: ids.length <= responseTokens }
}

export interface ReferenceSequence extends Sequence {
  /** Whether the reference fits into the limit. */
  stopped: boolean
}

/** The reference responses of the rows that have one. */
export function referenceSequences(rows: readonly Row[], encoder: Encoder, limits: Limits): ReferenceSequence[] {
  return rows.flatMap((row) => {
    if (row.reference === undefined) return []
    const { ids, stopped } = encodeResponse(encoder, row.reference, limits)
    return [{ prompt: promptIds(encoder, row), response: ids, stopped }]
  })
}

/** The same of all training rows of a `data` artifact, which may be many: only their tokens stay in memory. */
export function readReferences(folder: string, encoder: Encoder, limits: Limits): ReferenceSequence[] {
  const { keep } = openTokenStore()
  const sequences: ReferenceSequence[] = []
  for (const rows of trainRowsInParts(folder))
    for (const { prompt, response, stopped } of referenceSequences(rows, encoder, limits))
      sequences.push(Object.assign(new KeptSequence(keep(prompt), keep(response)), { stopped }))
  return sequences
}

/** How many responses were cut, and their share; of no responses, none. */
export function cutFigures(responses: readonly { stopped: boolean }[]): { cut: number; cutShare: number } {
  const cut = responses.filter(({ stopped }) => !stopped).length
  return { cut, cutShare: cut / Math.max(1, responses.length) }
}
