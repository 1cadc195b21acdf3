// Several policies on the same prompts: pairwise win rates, raw and length-controlled, with intervals and tests (paper
// §3.4, Tables 1, 8–11).
import { mean } from '../mean'
import { bootstrapMean, jackknife, type Interval } from './bootstrap'
import { distinctN } from './diversity'
import { lengthControlled, lengthRatio } from './length-control'
import { holm, signTest, wilson, type Share } from './statistics'
import { outcome } from './win-rate'

/** A prompt with the response of each policy. */
export interface Prompted {
  id: string
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
}

/** Two policies over all prompts. */
export interface Duel {
  first: string
  second: string
  /** Share of prompts on which `first` wins; a tie counts as one half. */
  winRate: Share
  /** The length-controlled win rate (paper, Appendix J). */
  controlled: Share
  /** Prompts with identical responses. */
  equal: number
  /** Prompts without an answer of the judge. */
  failed: number
  /** p-value of the exact sign test against even chances, Holm-corrected over all duels of the comparison. */
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
  const decided = held.flatMap(({ id, preferFirst }) =>
    preferFirst === undefined ? [] : [{ responses: byId.get(id)!.responses, won: outcome(preferFirst) }],
  )
  const outcomes = decided.map(({ won }) => won)
  return {
    first,
    second,
    winRate: wilson(
      outcomes.reduce((a, b) => a + b, 0),
      outcomes.length,
    ),
    controlled: lengthControlled(
      decided.map(({ responses }) => lengthRatio(responses[first]!, responses[second]!)),
      outcomes,
    ),
    equal: decided.filter(({ responses }) => responses[first] === responses[second]).length,
    failed: held.length - decided.length,
    p: signTest(outcomes),
  }
}

const clampedToShare = ({ value, low, high }: Interval): Interval => ({
  value,
  low: Math.max(0, low),
  high: Math.min(1, high),
})

function standing(name: string, prompts: readonly Prompted[], baseLength: number, seed: number): Standing {
  const texts = prompts.flatMap(({ responses }) => responses[name] ?? [])
  const distinct = (n: number) =>
    clampedToShare(
      jackknife(texts.length, (indices) =>
        distinctN(
          indices.map((i) => texts[i]!),
          n,
        ),
      ),
    )
  const rated = prompts.flatMap(({ responses, good }) =>
    good?.[name] === undefined ? [] : [{ length: responses[name]!.length, good: outcome(good[name]) }],
  )
  const goods = rated.map(({ good }) => good)
  return {
    name,
    responses: texts.length,
    length: bootstrapMean(
      texts.map((text) => text.length),
      seed,
    ),
    distinct1: distinct(1),
    distinct2: distinct(2),
    ...(rated.length > 0 && {
      good: wilson(
        goods.reduce((a, b) => a + b, 0),
        goods.length,
      ),
      goodControlled: lengthControlled(
        rated.map(({ length }) => Math.max(1, length) / Math.max(1, baseLength)),
        goods,
      ),
    }),
  }
}

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
