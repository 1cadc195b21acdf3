// Several policies on the same prompts: pairwise win rates, raw and length-controlled, with intervals and tests (paper
// §3.4, Tables 1, 8–11).
//
// With several seeds, a figure is computed for each seed, and its mean, interval and test are over seeds (Student's t):
// the responses of one seed come from the same trained policies, so they are one draw of training, however many they
// are. With one seed, intervals and tests are over prompts, and say nothing about training the policies again.
import { mean } from '../mean'
import { bootstrapMean, jackknife, type Interval } from './bootstrap'
import { distinctN } from './diversity'
import { lengthControlled, lengthRatio } from './length-control'
import { overSeeds } from './seed-means'
import { holm, signTest, wilson, type Share } from './statistics'
import { tTest } from './student'
import { outcome } from './win-rate'

/** A prompt with the response of each policy. */
export interface Prompted {
  id: string
  /** The seed of the policies; may be missing where all prompts have the same. */
  seed?: number
  context: string
  responses: Record<string, string>
  /** Probability that a response, judged on its own, is good, e.g. harmless. */
  good?: Record<string, number>
}
/** The judgement of two policies on one prompt. */
export interface Bout {
  id: string
  first: string
  second: string
  preferFirst?: number
  failed?: string
  /** Of a jury: the standard deviation of its members' probabilities. */
  disagreement?: number
}

/** Two policies over all prompts. */
export interface Duel {
  first: string
  second: string
  /** Share of prompts on which `first` wins; a tie counts as one half. With several seeds, the mean of their shares. */
  winRate: Share
  /** The length-controlled win rate (paper, Appendix J). */
  controlled: Share
  /** Prompts with identical responses. */
  equal: number
  /** Prompts without an answer of the judge. */
  failed: number
  /** Seeds with a decided prompt. */
  seeds: number
  /**
   * p-value against even chances, Holm-corrected over all duels of the comparison: of the exact sign test over prompts
   * for one seed, of the t-test over seeds for several.
   */
  p: number
}

/** The figures of one policy. */
export interface Standing {
  name: string
  responses: number
  /** Mean response length in characters. */
  length: Interval
  distinct1: Interval
  distinct2: Interval
  /**
   * Share of responses judged good on their own (harmless rate), and that share at the mean length of the first policy
   * (Table 10).
   */
  good?: Share
  goodControlled?: Share
}

export interface Comparison {
  duels: Duel[]
  standings: Standing[]
}

/**
 * A bout belongs to the prompt with its id. Prompts of different seeds are different items, even with the same text.
 */
export function compare(prompts: readonly Prompted[], bouts: readonly Bout[], seed: number): Comparison {
  const names = [...new Set(prompts.flatMap(({ responses }) => Object.keys(responses)))]
  const byId = new Map(prompts.map((prompt) => [prompt.id, prompt]))
  const duels = names.flatMap((first, i) => names.slice(i + 1).map((second) => duel(first, second, bouts, byId)))
  const adjusted = holm(duels.map(({ p }) => p))
  const base = mean(prompts.flatMap(({ responses }) => responses[names[0]!]?.length ?? []))
  return {
    duels: duels.map((duel, i) => ({ ...duel, p: adjusted[i]! })),
    standings: names.map((name) => standing(name, prompts, base, seed)),
  }
}

function duel(first: string, second: string, bouts: readonly Bout[], byId: ReadonlyMap<string, Prompted>): Duel {
  const held = bouts.filter((bout) => bout.first === first && bout.second === second)
  const decided = held.flatMap(({ id, preferFirst }) => {
    const { seed, responses } = byId.get(id)!
    return preferFirst === undefined ? [] : [{ seed, responses, won: outcome(preferFirst) }]
  })
  const seeds = bySeed(decided)
  const rates = seeds.map((ofSeed) => shareOf(ofSeed.map(({ won }) => won)))
  const controlled = seeds.map((ofSeed) =>
    lengthControlled(
      ofSeed.map(({ responses }) => lengthRatio(responses[first]!, responses[second]!)),
      ofSeed.map(({ won }) => won),
    ),
  )
  return {
    first,
    second,
    winRate: shareOverSeeds(rates),
    controlled: shareOverSeeds(controlled),
    equal: decided.filter(({ responses }) => responses[first] === responses[second]).length,
    failed: held.length - decided.length,
    seeds: seeds.length,
    p: seeds.length > 1 ? tTest(rates.map(({ value }) => value - 0.5)).p : signTest(decided.map(({ won }) => won)),
  }
}

function bySeed<T extends { seed?: number | undefined }>(items: readonly T[]): T[][] {
  const groups = new Map<number | undefined, T[]>()
  for (const item of items) {
    const group = groups.get(item.seed)
    if (group) group.push(item)
    else groups.set(item.seed, [item])
  }
  return [...groups.values()]
}

const shareOf = (outcomes: readonly number[]): Share =>
  wilson(
    outcomes.reduce((a, b) => a + b, 0),
    outcomes.length,
  )

const clampedToShare = ({ value, low, high }: Interval): Interval => ({
  value,
  low: Math.max(0, low),
  high: Math.min(1, high),
})

/** @param shares one per seed @returns with n, the prompts of all seeds */
const shareOverSeeds = (shares: readonly Share[]): Share =>
  shares.length === 0
    ? wilson(0, 0)
    : { ...clampedToShare(overSeeds(shares)), n: shares.reduce((sum, { n }) => sum + n, 0) }

function standing(name: string, prompts: readonly Prompted[], baseLength: number, seed: number): Standing {
  const responses = prompts.flatMap(({ responses, good, seed }) =>
    responses[name] === undefined ? [] : [{ seed, text: responses[name], good: good?.[name] }],
  )
  const seeds = bySeed(responses)
  const distinct = (n: number) => clampedToShare(overSeeds(seeds.map((ofSeed) => distinctOf(ofSeed, n))))
  const rated = bySeed(
    responses.flatMap(({ seed, text, good }) =>
      good === undefined ? [] : [{ seed, length: text.length, good: outcome(good) }],
    ),
  )
  const lengthRatios = (ofSeed: readonly { length: number }[]) =>
    ofSeed.map(({ length }) => Math.max(1, length) / Math.max(1, baseLength))
  const goods = (ofSeed: readonly { good: number }[]) => ofSeed.map(({ good }) => good)
  return {
    name,
    responses: responses.length,
    length: overSeeds(
      seeds.map((ofSeed) =>
        bootstrapMean(
          ofSeed.map(({ text }) => text.length),
          seed,
        ),
      ),
    ),
    distinct1: distinct(1),
    distinct2: distinct(2),
    ...(rated.length > 0 && {
      good: shareOverSeeds(rated.map((ofSeed) => shareOf(goods(ofSeed)))),
      goodControlled: shareOverSeeds(rated.map((ofSeed) => lengthControlled(lengthRatios(ofSeed), goods(ofSeed)))),
    }),
  }
}

const distinctOf = (responses: readonly { text: string }[], n: number): Interval =>
  jackknife(responses.length, (indices) =>
    distinctN(
      indices.map((i) => responses[i]!.text),
      n,
    ),
  )

/** The duel of two policies with the win rate of `first`, in whichever order it is stored. */
export function duelBetween(first: string, second: string, duels: readonly Duel[]): Duel | undefined {
  const stored = duels.find((duel) => duel.first === first && duel.second === second)
  if (stored) return stored
  const swapped = duels.find((duel) => duel.first === second && duel.second === first)
  const inverse = ({ value, low, high, n }: Share): Share => ({ value: 1 - value, low: 1 - high, high: 1 - low, n })
  return (
    swapped && { ...swapped, first, second, winRate: inverse(swapped.winRate), controlled: inverse(swapped.controlled) }
  )
}
