// The responses that stage `sample` writes, whoever has sampled them, and their figures.
import { join } from 'node:path'
import type { Summary } from '../contracts/artifact'
import { InvalidInput } from '../contracts/parse'
import type { Limits } from '../contracts/settings'
import type { StageInput } from '../contracts/stages'
import type { Row } from '../data/row'
import { pairCount } from '../feedback/pairing'
import { writeJsonl } from '../json-lines'
import type { Tokenizer } from '../model/tokenizer'
import { labelledByPeople } from './human-pairs'
import type { Sampled } from './responses'
import type { SampledPair } from './rows'
import { GROUPS_FILE, PAIRS_FILE, sampledGroups, type SampledGroup } from './sampled-groups'
import { writeVocabulary } from './vocabulary'
import type { Encoder } from './written-responses'

/** Each prompt as often as it is answered. */
export const promptsPerResponse = (prompts: readonly number[][], perPrompt: number): number[][] =>
  prompts.flatMap((ids) => Array.from({ length: perPrompt }, () => ids))

/** @param sampled the responses to each row, one after the other */
export function asGroups(
  rows: readonly Row[],
  sampled: readonly Sampled[],
  tokenizer: Pick<Tokenizer, 'decode'>,
): SampledGroup[] {
  const perPrompt = sampled.length / rows.length
  const response = ({ ids, stopped }: Sampled) => ({ text: tokenizer.decode(ids).trim(), ids: [...ids], stopped })
  return rows.map(({ id, messages, context }, i) => ({
    id,
    messages,
    context,
    responses: sampled.slice(perPrompt * i, perPrompt * (i + 1)).map(response),
  }))
}

/** The pairs that people decided, without their decision. @throws InvalidInput when there is none */
export function pairsOfData(rows: readonly Row[], encoder: Encoder, limits: Limits): SampledGroup[] {
  const pairs = labelledByPeople(rows, encoder, limits).map(({ id, messages, context, first, second }) => ({
    id,
    messages,
    context,
    responses: [first, second],
  }))
  if (pairs.length === 0)
    throw new InvalidInput(
      'sample: field "sample.source" is "data", but no row of the training data has two responses of which people ' +
        'preferred one; leave it out to sample from the policy',
    )
  return pairs
}

/** @throws InvalidInput when there is none */
export function writeGroups(
  output: string,
  groups: readonly SampledGroup[],
  tokenizer: Pick<Tokenizer, 'vocabulary'>,
): void {
  if (groups.length === 0) throw new InvalidInput('sample: the data has no training prompt to sample responses to')
  if (groups[0]!.responses.length === 2) writeJsonl(join(output, PAIRS_FILE), groups.map(asPair))
  else writeJsonl(join(output, GROUPS_FILE), groups)
  writeVocabulary(output, tokenizer)
}

/** The figures of what a folder holds, which may be more than memory. */
export function sampleFigures(folder: string, { settings }: StageInput<'sample'>): Summary {
  const { source, responses: perPrompt = 2, pairs: pairing = 'random' } = settings
  const count = { groups: 0, equal: 0, responses: 0, tokens: 0, ended: 0 }
  for (const { responses } of sampledGroups(folder)) {
    count.groups++
    count.equal += Number(responses[0]!.text === responses[1]!.text)
    count.responses += responses.length
    for (const { ids, stopped } of responses) {
      count.tokens += ids.length
      count.ended += Number(stopped)
    }
  }
  const cut = count.responses - count.ended
  return {
    pairs: count.groups * pairCount(pairing, perPrompt),
    ...(perPrompt > 2 ? { perPrompt, pairing } : { equalPairs: count.equal }),
    meanTokens: count.tokens / count.responses,
    endedShare: count.ended / count.responses,
    source: source ?? 'policy',
    ...(source === 'data' && { cutResponses: cut, cutShare: cut / count.responses }),
  }
}

const asPair = ({ responses: [first, second], ...prompt }: SampledGroup): SampledPair => ({
  ...prompt,
  first: first!,
  second: second!,
})
