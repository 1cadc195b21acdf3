// A policy's responses to held-out prompts as stages `respond` and `evaluate` have them, and the file that `contest`
// reads.
import { join } from 'node:path'
import { z } from 'zod'
import type { Summary } from '../contracts/artifact'
import type { Row } from '../data/row'
import { readJsonl, writeJsonl } from '../json-lines'
import { mean } from '../mean'
import type { Tokenizer } from '../model/tokenizer'
import { promptDigest } from './prompt-digest'

const responseSchema = z.object({
  id: z.string(),
  /** Digest of the prompt: the same id may name another prompt in other data. */
  prompt: z.string(),
  text: z.string(),
  tokens: z.number().int(),
  ended: z.boolean(),
})
export type Response = z.infer<typeof responseSchema>
export const RESPONSES_FILE = 'responses.jsonl'

export const writeResponses = (folder: string, responses: readonly Response[]): void =>
  writeJsonl(join(folder, RESPONSES_FILE), responses)

export const readResponses = (folder: string): Response[] => readJsonl(join(folder, RESPONSES_FILE), responseSchema)

/** What a policy has sampled. */
export interface Sampled {
  ids: readonly number[]
  stopped: boolean
}

/** @param sampled one for each row */
export const asResponses = (
  rows: readonly Row[],
  sampled: readonly Sampled[],
  tokenizer: Pick<Tokenizer, 'decode'>,
): Response[] =>
  sampled.map(({ ids, stopped }, i) => ({
    id: rows[i]!.id,
    prompt: promptDigest(rows[i]!),
    text: tokenizer.decode(ids).trim(),
    tokens: ids.length,
    ended: stopped,
  }))

export function responseFigures(responses: readonly Response[]): Summary {
  const meanOf = (figure: (response: Response) => number) =>
    responses.length === 0 ? null : mean(responses.map(figure))
  return {
    responses: responses.length,
    meanTokens: meanOf(({ tokens }) => tokens),
    endedShare: meanOf(({ ended }) => Number(ended)),
  }
}
