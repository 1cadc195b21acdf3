// Which item a rater gets next: among the open ones, the one closest to its full number of ratings. Each rater has
// their own random order among equals, so that raters spread out over the items.
import type { Rating } from '../contracts/human-evaluation'
import { permutation } from '../random'

/** The ratings so far, and who rates what next. */
export interface Ledger {
  /** The next item for a rater; undefined when there is none for them. */
  next(rater: number): number | undefined
  /** Adds a rating, or replaces the rater's earlier rating of the same item. */
  add(rating: Rating): void
  /** How many items a rater has rated. */
  rated(rater: number): number
  /** How many items still need ratings. */
  open(): number
  /** All ratings: one per rater and item. */
  ratings(): Rating[]
}

interface LedgerOptions {
  items: number
  /** Attention checks: items that every rater gets, evenly spaced, and that never close. */
  checks: ReadonlySet<number>
  raters: number
  ratingsPerItem: number
  seed: number
}

export function openLedger({ items, checks, raters, ratingsPerItem, seed }: LedgerOptions): Ledger {
  const byKey = new Map<string, Rating>()
  const counts = new Array<number>(items).fill(0)
  const ratedBy = new Array<number>(raters).fill(0)
  const orders = Array.from({ length: raters }, (_, rater) => permutation(items, [seed, 'way', rater]))
  /** A rater's ratings from one attention check to the next; the first check comes after half as many. */
  const spacing = items / Math.max(1, checks.size)
  const key = (rater: number, item: number) => `${rater} ${item}`
  const has = (rater: number, item: number) => byKey.has(key(rater, item))
  const isOpen = (item: number) => !checks.has(item) && counts[item]! < ratingsPerItem
  return {
    next(rater) {
      const due = [...checks].filter((item) => !has(rater, item))
      const passed = checks.size - due.length
      const open = orders[rater]!.filter((item) => isOpen(item) && !has(rater, item))
      if (due.length > 0 && open.length > 0 && ratedBy[rater]! >= (passed + 0.5) * spacing) return due[0]
      return open.reduce<number | undefined>(
        (best, item) => (best === undefined || counts[item]! > counts[best]! ? item : best),
        undefined,
      )
    },
    add(rating) {
      const [item, rater] = rating
      if (!has(rater, item)) {
        counts[item]!++
        ratedBy[rater]!++
      }
      byKey.set(key(rater, item), rating)
    },
    rated: (rater) => ratedBy[rater]!,
    open: () => counts.filter((_, item) => isOpen(item)).length,
    ratings: () => [...byKey.values()],
  }
}
