// Results of a human evaluation: which policies the raters prefer, how often a response is good on its own, and
// inter-rater agreement (paper §3.4, Appendix I).
import { SPOILED, type ItemKey, type Rating, type RatingKind } from '../contracts/human-evaluation'
import { cohenKappa, kendallW } from './agreement'
import { mean } from '../mean'
import { bootstrap, type Interval } from './bootstrap'
import { holm, signTest, wilson, type Share } from './statistics'

interface HumanDuel {
  first: string
  second: string
  /**
   * Share of ratings that rank `first` above `second`. The bootstrap resamples prompts: ratings of one prompt are
   * correlated.
   */
  winRate: Interval
  prompts: number
  ratings: number
  /** p-value of the exact sign test over prompts, each by the majority of its raters; Holm-corrected. */
  p: number
}
interface RaterFigures {
  name: string
  ratings: number
  medianSeconds: number
  /** Attention checks passed. */
  checks: Share
}
export interface HumanResult {
  duels: HumanDuel[]
  /** By policy: mean rank, or the share of responses rated good. */
  ranks: { name: string; rank: Interval }[]
  good: { name: string; share: Interval; ratings: number }[]
  raters: RaterFigures[]
  /**
   * Kendall's W, mean over the prompts with several raters; Cohen's kappa, mean over pairs of raters. NaN where there
   * is none.
   */
  kendallW: number
  kappa: number
}

const RESAMPLES = 500

interface Rated {
  key: ItemKey
  /** By position: rank from 1; or 1 for good, 0 for not good. */
  values: number[]
  rater: number
  seconds: number
}

/** @param answer positions from best to worst @returns the rank of each position, 1 for the best */
export const ranksOf = (answer: readonly number[]): number[] => {
  const ranks = new Array<number>(answer.length)
  answer.forEach((place, i) => (ranks[place] = i + 1))
  return ranks
}

interface HumanRatings {
  kind: RatingKind
  /** What each item showed. */
  keys: readonly ItemKey[]
  ratings: readonly Rating[]
  /** Names, by the number in the ratings. */
  raters: readonly string[]
  /** Seed of the bootstrap. */
  seed: number
}

export function humanResult({ kind, keys, ratings, raters, seed }: HumanRatings): HumanResult {
  const all = ratings.map(([item, rater, answer, seconds]): Rated => ({
    key: keys[item]!,
    values: kind === 'rank' ? ranksOf(answer) : [...answer],
    rater,
    seconds,
  }))
  const real = all.filter(({ key }) => !key.check)
  const policies = [...new Set(keys.filter(({ check }) => !check).flatMap(({ policies }) => policies))]
  const byPrompt = groupedByPrompt(real)
  const valuesOf = (rated: readonly Rated[], policy: string) =>
    rated.flatMap(({ key, values }) => (key.policies.includes(policy) ? [values[key.policies.indexOf(policy)]!] : []))
  const overPrompts = (figure: (rated: readonly Rated[]) => number) =>
    bootstrap(byPrompt.length, (indices) => figure(indices.flatMap((i) => byPrompt[i]!)), seed, RESAMPLES)
  const duels =
    kind === 'rank'
      ? policies.flatMap((first, i) => policies.slice(i + 1).map((second) => duelOf(first, second, byPrompt, seed)))
      : []
  const adjusted = holm(duels.map(({ p }) => p))
  return {
    duels: duels.map((duel, i) => ({ ...duel, p: adjusted[i]! })),
    ranks:
      kind === 'rank'
        ? policies.map((name) => ({ name, rank: overPrompts((rated) => mean(valuesOf(rated, name))) }))
        : [],
    good:
      kind === 'verdict'
        ? policies.map((name) => ({
            name,
            share: overPrompts((rated) => mean(valuesOf(rated, name))),
            ratings: valuesOf(real, name).length,
          }))
        : [],
    raters: raters.map((name, rater) =>
      raterFigures(
        name,
        all.filter((rated) => rated.rater === rater),
      ),
    ),
    kendallW:
      kind === 'rank'
        ? mean(byPrompt.filter((rated) => rated.length > 1).map((rated) => kendallW(rated.map(({ values }) => values))))
        : NaN,
    kappa: kind === 'verdict' ? meanKappa(byPrompt, raters.length) : NaN,
  }
}

function groupedByPrompt(all: readonly Rated[]): Rated[][] {
  const groups = new Map<string, Rated[]>()
  for (const rated of all) {
    const group = groups.get(rated.key.id)
    if (group) group.push(rated)
    else groups.set(rated.key.id, [rated])
  }
  return [...groups.values()]
}

function duelOf(first: string, second: string, byPrompt: readonly Rated[][], seed: number): HumanDuel {
  const prompts = byPrompt.flatMap((rated) => {
    const wins = rated.flatMap(({ key, values }) => {
      const [a, b] = [key.policies.indexOf(first), key.policies.indexOf(second)]
      return a < 0 || b < 0 ? [] : [Number(values[a]! < values[b]!)]
    })
    return wins.length > 0 ? [wins] : []
  })
  const resampled = bootstrap(prompts.length, (indices) => mean(indices.flatMap((i) => prompts[i]!)), seed, RESAMPLES)
  // Prompts that all agree give a bootstrap interval of no width: there Wilson's interval stands.
  const winRate =
    resampled.low < resampled.high ? resampled : wilson(mean(prompts.map(mean)) * prompts.length, prompts.length)
  return {
    first,
    second,
    winRate,
    prompts: prompts.length,
    ratings: prompts.flat().length,
    p: signTest(prompts.map(mean)),
  }
}

function raterFigures(name: string, rated: readonly Rated[]): RaterFigures {
  const checks = rated.filter(({ key }) => key.check)
  const passed = checks.filter(({ key, values }) => values[key.policies.indexOf(SPOILED)] === values.length).length
  const times = rated.map(({ seconds }) => seconds).sort((a, b) => a - b)
  return {
    name,
    ratings: rated.length - checks.length,
    medianSeconds: times[Math.floor(times.length / 2)] ?? NaN,
    checks: wilson(passed, checks.length),
  }
}

function meanKappa(byPrompt: readonly Rated[][], raters: number): number {
  const kappas: number[] = []
  for (let a = 0; a < raters; a++) {
    for (let b = a + 1; b < raters; b++) {
      const both = byPrompt.flatMap((rated) => {
        const [one, two] = [a, b].map((rater) => rated.find((r) => r.rater === rater)?.values)
        return one && two ? one.map((value, i) => [value === 1, two[i] === 1] as const) : []
      })
      if (both.length > 0)
        kappas.push(
          cohenKappa(
            both.map(([one]) => one),
            both.map(([, two]) => two),
          ),
        )
    }
  }
  return mean(kappas.filter(Number.isFinite))
}
