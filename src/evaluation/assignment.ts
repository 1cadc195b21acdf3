// Which item a rater gets next: of those still open the one that wants ratings most, raters going different ways through equals.
import type { Rating } from '../contracts/human-evaluation'
import { permutation } from '../random'

export interface Ledger {
  /** The next item of a rater; undefined when there is none for them. */
  next(rater: number): number | undefined
  /** Adds a rating, or replaces the rater's earlier one of the same item. */
  add(rating: Rating): void
  rated(rater: number): number
  /** Items that still want ratings. */
  open(): number
  /** Each rater's of each item, once. */
  ratings(): Rating[]
}

/** @param checks items that every rater gets, at their place, and that never close */
export function openLedger(
  items: number,
  checks: ReadonlySet<number>,
  raters: number,
  wanted: number,
  seed: number,
): Ledger {
  const byKey = new Map<string, Rating>()
  const counts = new Array<number>(items).fill(0)
  const done = new Array<number>(raters).fill(0)
  const ways = Array.from({ length: raters }, (_, rater) => permutation(items, [seed, 'way', rater]))
  /** A rater's ratings from one check to the next; the first comes half-way. */
  const between = items / Math.max(1, checks.size)
  const key = (rater: number, item: number) => `${rater} ${item}`
  const has = (rater: number, item: number) => byKey.has(key(rater, item))
  const isOpen = (item: number) => !checks.has(item) && counts[item]! < wanted
  return {
    next(rater) {
      const due = [...checks].filter((item) => !has(rater, item))
      const met = checks.size - due.length
      const open = ways[rater]!.filter((item) => isOpen(item) && !has(rater, item))
      if (due.length > 0 && open.length > 0 && done[rater]! >= (met + 0.5) * between) return due[0]
      return open.reduce<number | undefined>(
        (best, item) => (best === undefined || counts[item]! > counts[best]! ? item : best),
        undefined,
      )
    },
    add(rating) {
      const [item, rater] = rating
      if (!has(rater, item)) {
        counts[item]!++
        done[rater]!++
      }
      byKey.set(key(rater, item), rating)
    },
    rated: (rater) => done[rater]!,
    open: () => counts.filter((_, item) => isOpen(item)).length,
    ratings: () => [...byKey.values()],
  }
}
