// Which pairs of more than two responses to a prompt become labels. Where each response is asked about alone, every pair
// of them is known from the same answers: the ranked pairings cost no further question.
import { mean } from '../mean'
import { permutation, type RandomKey } from '../random'
import { isUnanswered, type Unanswered } from './labeler'

/**
 * random: disjoint pairs drawn by the seed. neighbours: each response with the next best one. extremes: the better half
 * with the worse half, the best with the best of these.
 */
export type Pairing = 'random' | 'neighbours' | 'extremes'

/** Indices of two responses, the lower one first: which is better has no influence on which comes first. */
export type IndexPair = readonly [number, number]

const inOrder = (one: number, other: number): IndexPair => (one < other ? [one, other] : [other, one])

/** Every pair of k responses. */
export const allPairs = (k: number): IndexPair[] =>
  Array.from({ length: k }, (_, second) =>
    Array.from({ length: second }, (_, first): IndexPair => [first, second]),
  ).flat()

/** Where a pair is in `allPairs`. */
export const placeOf = ([first, second]: IndexPair): number => (second * (second - 1)) / 2 + first

/** ⌊k/2⌋ disjoint pairs of k responses; of two, the one that there is. */
export function randomPairs(k: number, key: RandomKey): IndexPair[] {
  const order = permutation(k, key)
  return Array.from({ length: Math.floor(k / 2) }, (_, i) => inOrder(order[2 * i]!, order[2 * i + 1]!))
}

/** The pairs of a ranked pairing. @param ranking indices of the responses, the best first */
export function rankedPairs(pairing: Exclude<Pairing, 'random'>, ranking: readonly number[]): IndexPair[] {
  if (pairing === 'neighbours') return ranking.slice(1).map((index, i) => inOrder(ranking[i]!, index))
  const half = Math.floor(ranking.length / 2)
  const worse = ranking.slice(ranking.length - half)
  return ranking.slice(0, half).map((index, i) => inOrder(index, worse[i]!))
}

/** How many pairs a pairing makes of k responses. */
export const pairCount = (pairing: Pairing, k: number): number => (pairing === 'neighbours' ? k - 1 : Math.floor(k / 2))

/**
 * The k responses by their mean probability of being the better one, the best first; the last ones are those without an
 * answer. With two levels this is the order of their log-odds.
 * @param labels of `allPairs(k)`, in its order
 */
export function rankingOf(k: number, labels: readonly ({ preferFirst: number } | Unanswered)[]): number[] {
  const wins = Array.from({ length: k }, (): number[] => [])
  allPairs(k).forEach(([first, second], i) => {
    const label = labels[i]!
    const p = !isUnanswered(label) ? label.preferFirst : label.tied ? 0.5 : undefined
    if (p === undefined) return
    wins[first]!.push(p)
    wins[second]!.push(1 - p)
  })
  const strengths = wins.map((each) => (each.length > 0 ? mean(each) : -1))
  return Array.from({ length: k }, (_, i) => i).sort((a, b) => strengths[b]! - strengths[a]!)
}
