// The responses that stage `sample` hands to stage `label`: pairs, or more than two responses to each prompt.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { InvalidInput } from '../contracts/parse'
import type { Unanswered } from '../feedback/labeler'
import {
  allPairs,
  pairCount,
  placeOf,
  randomPairs,
  rankedPairs,
  rankingOf,
  type IndexPair,
  type Pairing,
} from '../feedback/pairing'
import type { PreferenceLabel } from '../feedback/preference-label'
import { BLOCK_PAIRS, type Shard } from '../contracts/shard'
import { countJsonl, readJsonlInParts } from '../json-lines'
import { sampledPairSchema, type SampledPair } from './rows'
import { rangeOf } from './shards'

export const PAIRS_FILE = 'samples.jsonl'
export const GROUPS_FILE = 'groups.jsonl'

export const sampledGroupSchema = sampledPairSchema.omit({ first: true, second: true }).extend({
  responses: z.array(sampledPairSchema.shape.first).min(2),
})
export type SampledGroup = z.infer<typeof sampledGroupSchema>

/** The groups in a folder, which may be more than memory; a pair is a group of two. */
export function* sampledGroups(folder: string): Generator<SampledGroup> {
  if (existsSync(join(folder, GROUPS_FILE)))
    for (const part of readJsonlInParts(join(folder, GROUPS_FILE), sampledGroupSchema, 256)) yield* part
  else
    for (const part of readJsonlInParts(join(folder, PAIRS_FILE), sampledPairSchema, 256))
      yield* part.map(({ first, second, ...prompt }) => ({ ...prompt, responses: [first, second] }))
}

/** Pairs that are asked about together, and which of them become labels. */
export interface PairsToAsk {
  pairs: SampledPair[]
  /** How many of them become labels. */
  chosen: number
  /** @param labels of `pairs`, in their order @returns those that are written, with their pairs */
  choose(labels: readonly (PreferenceLabel | Unanswered)[]): [SampledPair, PreferenceLabel | Unanswered][]
}

interface Choosing {
  pairing: Pairing
  /** Responses to each prompt. */
  responses: number
  seed: number
  /** Most pairs in one part; limits memory. */
  atOnce: number
  /** The part of them to ask about; all without one. */
  shard?: Shard | undefined
}

/** All pairs of the sampled responses, or those of a shard, in parts. */
export function* pairsToAsk(folder: string, choosing: Choosing): Generator<PairsToAsk> {
  const { pairing, responses, seed, atOnce, shard } = choosing
  const inGroups = existsSync(join(folder, GROUPS_FILE))
  const file = join(folder, inGroups ? GROUPS_FILE : PAIRS_FILE)
  const rowsOf = (pairs: number) => (inGroups ? Math.max(1, Math.floor(pairs / allPairs(responses).length)) : pairs)
  const rowsAtOnce = rowsOf(atOnce)
  const range = shard && rangeOf(countJsonl(file), rowsOf(BLOCK_PAIRS), shard)
  if (!inGroups)
    for (const pairs of readJsonlInParts(file, sampledPairSchema, rowsAtOnce, range)) yield asTheyAre(pairs)
  else
    for (const groups of readJsonlInParts(file, sampledGroupSchema, rowsAtOnce, range))
      yield together(groups.map((group) => pairsOfGroup(group, pairing, seed)))
}

const asTheyAre = (pairs: SampledPair[]): PairsToAsk => ({
  pairs,
  chosen: pairs.length,
  choose: (labels) => pairs.map((pair, i) => [pair, labels[i]!]),
})

function together(groups: readonly PairsToAsk[]): PairsToAsk {
  const ends = groups.reduce<number[]>((ends, { pairs }) => [...ends, (ends.at(-1) ?? 0) + pairs.length], [])
  return {
    pairs: groups.flatMap(({ pairs }) => pairs),
    chosen: groups.reduce((sum, { chosen }) => sum + chosen, 0),
    choose: (labels) =>
      groups.flatMap(({ pairs, choose }, i) => choose(labels.slice(ends[i]! - pairs.length, ends[i]))),
  }
}

function pairsOfGroup(group: SampledGroup, pairing: Pairing, seed: number): PairsToAsk {
  const k = group.responses.length
  if (pairing === 'random') {
    return asTheyAre(randomPairs(k, [seed, 'pairs', group.id]).map((indices) => pairOf(group, indices)))
  }
  const pairs = allPairs(k).map((indices) => pairOf(group, indices))
  return {
    pairs,
    chosen: pairCount(pairing, k),
    choose(labels) {
      const places = rankedPairs(pairing, rankingOf(k, labels)).map(placeOf)
      return places.map((at) => [pairs[at]!, labels[at]!])
    },
  }
}

/** Named after its row and the numbers of its responses. */
const pairOf = ({ responses, id, ...group }: SampledGroup, [first, second]: IndexPair): SampledPair => ({
  id: `${id}#${first + 1}-${second + 1}`,
  ...group,
  first: responses[first]!,
  second: responses[second]!,
})

/** @throws when the pairing ranks responses by a score that the labeler is not asked for */
export function refuseUnscoredPairing(pairing: Pairing, comparison: 'pairwise' | 'pointwise'): void {
  if (pairing === 'random' || comparison === 'pointwise') return
  throw new InvalidInput(
    `label: field "sample.pairs" is "${pairing}", which orders responses by the labeler's score of each one, but the ` +
      'labeler is asked about pairs; set "labeler.comparison" to "pointwise", or "sample.pairs" to "random"',
  )
}
