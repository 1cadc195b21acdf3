// Several policies on the same prompts: who wins against whom, at what length, and how sure that is (paper §3.4, Tables 1, 8–11).
import { mean } from '../mean'
import { bootstrapMean, jackknife, type Interval } from './bootstrap'
import { distinct } from './diversity'
import { lengthControlled, lengthRatio } from './length-control'
import { holm, signTest, wilson, type Share } from './statistics'
import { outcome } from './win-rate'

/** A prompt and what each policy answered. */
export interface Prompted {
  id: string
  context: string
  responses: Record<string, string>
  /** Probability that a response is good by itself, e.g. harmless. */
  good?: Record<string, number>
}
/** Two policies on one prompt. */
export interface Bout {
  id: string
  first: string
  second: string
  preferFirst?: number
  failed?: string
}

export interface Duel {
  first: string
  second: string
  /** Share of prompts on which `first` wins; a tie counts one half. */
  winRate: Share
  /** The same, read at equal length (paper, Appendix J). */
  controlled: Share
  equal: number
  failed: number
  /** Exact sign test against even chances, corrected for all duels of the comparison by Holm's method. */
  p: number
}

export interface Standing {
  name: string
  responses: number
  /** Characters. */
  length: Interval
  distinct1: Interval
  distinct2: Interval
  /** Share of responses that are good by themselves (harmless rate), and the same at the mean length of the first policy (Table 10). */
  good?: Share
  goodControlled?: Share
}

export interface Comparison {
  duels: Duel[]
  standings: Standing[]
}

/** Prompts of different seeds are different items even where they are the same text; a bout belongs to the prompt of its index. */
export function compare(prompts: readonly Prompted[], bouts: readonly Bout[], seed: number): Comparison {
  const names = [...new Set(prompts.flatMap(({ responses }) => Object.keys(responses)))]
  const byId = new Map(prompts.map((prompt) => [prompt.id, prompt]))
  const duels = names.flatMap((first, i) => names.slice(i + 1).map((second) => duel(first, second, bouts, byId)))
  const adjusted = holm(duels.map(({ p }) => p))
  const base = mean(prompts.flatMap(({ responses }) => responses[names[0]!]?.length ?? []))
  return {
    duels: duels.map((one, i) => ({ ...one, p: adjusted[i]! })),
    standings: names.map((name) => standing(name, prompts, base, seed)),
  }
}

function duel(first: string, second: string, bouts: readonly Bout[], byId: ReadonlyMap<string, Prompted>): Duel {
  const own = bouts.filter((bout) => bout.first === first && bout.second === second)
  const decided = own.flatMap(({ id, preferFirst }) =>
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
    failed: own.length - decided.length,
    p: signTest(outcomes),
  }
}

const withinShare = ({ value, low, high }: Interval): Interval => ({
  value,
  low: Math.max(0, low),
  high: Math.min(1, high),
})

function standing(name: string, prompts: readonly Prompted[], baseLength: number, seed: number): Standing {
  const texts = prompts.flatMap(({ responses }) => responses[name] ?? [])
  const of = (n: number) =>
    withinShare(
      jackknife(texts.length, (indices) =>
        distinct(
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
    distinct1: of(1),
    distinct2: of(2),
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

/** The duel of two policies seen from `first`, whichever way round it was held. */
export function seenFrom(first: string, second: string, duels: readonly Duel[]): Duel | undefined {
  const straight = duels.find((duel) => duel.first === first && duel.second === second)
  if (straight) return straight
  const swapped = duels.find((duel) => duel.first === second && duel.second === first)
  const turned = ({ value, low, high, n }: Share): Share => ({ value: 1 - value, low: 1 - high, high: 1 - low, n })
  return (
    swapped && { ...swapped, first, second, winRate: turned(swapped.winRate), controlled: turned(swapped.controlled) }
  )
}
