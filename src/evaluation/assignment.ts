// Which item a rater gets next: among the open ones, the one closest to its full number of ratings. Each rater has
// their own random order among equals, so that raters spread out over the items.
import type { Rating } from '../contracts/human-evaluation'
import { permutation } from '../random'

/** The ratings so far, and who rates what next. */
export interface Ledger {
  /** The next item for a rater; undefined when there is none for them. */
  next(rater: number): number | undefined
  /** What has been the rater's next item since their last rating, the latest last: others' ratings change what is next. */
  offered(rater: number): readonly number[]
  /** Whether an item has been offered to a rater, or rated by them before: no other is theirs to rate. */
  mayRate(rater: number, item: number): boolean
  /** Adds a rating, or replaces the rater's earlier rating of the same item. */
  add(rating: Rating): void
  /** How many items a rater has rated. */
  rated(rater: number): number
  /** How many items still need ratings, by anybody. */
  open(): number
  /** How many items a rater has left: those open that they have not rated; attention checks do not count. */
  left(rater: number): number
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
  /** Raters get the items in their order, and not each in an order of their own. */
  inOrder?: boolean
  /** What an earlier run of the workflow hands on: its ratings, and what it had offered to each rater. */
  before?: { ratings: readonly Rating[]; offered?: readonly (readonly number[])[] | undefined }
}

/** Items that a rater may have been shown and not rated; an older page is to be opened again. */
const MAX_OFFERED = 20

export function openLedger({ items, checks, raters, ratingsPerItem, seed, inOrder, before }: LedgerOptions): Ledger {
  const byKey = new Map<string, Rating>()
  const counts = new Array<number>(items).fill(0)
  const ratedBy = new Array<number>(raters).fill(0)
  const isRated = Array.from({ length: raters }, () => new Uint8Array(items))
  const asListed = Array.from({ length: items }, (_, item) => item)
  const orders = Array.from({ length: raters }, (_, rater) =>
    inOrder ? asListed : permutation(items, [seed, 'way', rater]),
  )
  /** A rater's ratings from one attention check to the next; the first check comes after half as many. */
  const spacing = items / Math.max(1, checks.size)
  const isOpen = (item: number) => !checks.has(item) && counts[item]! < ratingsPerItem

  /** Among the items with the most ratings, the first in the rater's order. */
  const bestOpen = (rater: number): number | undefined => {
    let best: number | undefined
    for (const item of orders[rater]!)
      if (isOpen(item) && !isRated[rater]![item] && (best === undefined || counts[item]! > counts[best]!)) best = item
    return best
  }
  const next = (rater: number): number | undefined => {
    const due = [...checks].filter((item) => !isRated[rater]![item])
    const passed = checks.size - due.length
    const open = bestOpen(rater)
    const isCheckNext = due.length > 0 && open !== undefined && ratedBy[rater]! >= (passed + 0.5) * spacing
    return isCheckNext ? due[0] : open
  }
  const note = (rating: Rating): boolean => {
    const [item, rater] = rating
    const isNew = !isRated[rater]![item]
    if (isNew) {
      isRated[rater]![item] = 1
      counts[item]!++
      ratedBy[rater]!++
    }
    byKey.set(`${rater} ${item}`, rating)
    return isNew
  }
  for (const rating of before?.ratings ?? []) note(rating)
  const offers = openOffers(raters, next, before?.offered)
  return {
    next,
    offered: offers.of,
    mayRate: (rater, item) => Boolean(isRated[rater]![item]) || offers.of(rater).includes(item),
    add(rating) {
      const [item, rater] = rating
      if (note(rating)) offers.update(rater, (other) => !isRated[other]![item])
    },
    rated: (rater) => ratedBy[rater]!,
    open: () => counts.filter((_, item) => isOpen(item)).length,
    left: (rater) => counts.filter((_, item) => isOpen(item) && !isRated[rater]![item]).length,
    ratings: () => [...byKey.values()],
  }
}

/** What has been next for each rater since their last rating. */
function openOffers(
  raters: number,
  next: (rater: number) => number | undefined,
  before: readonly (readonly number[])[] = [],
) {
  const offer = (rater: number, earlier: readonly number[]): number[] => {
    const item = next(rater)
    return item === undefined ? [...earlier] : [...earlier.filter((of) => of !== item), item].slice(-MAX_OFFERED)
  }
  const offered = Array.from({ length: raters }, (_, rater) => offer(rater, before[rater] ?? []))
  return {
    of: (rater: number): readonly number[] => offered[rater]!,
    /** After a rating: a new start for its rater; the next item of the others may be another. */
    update(by: number, mayChange: (rater: number) => boolean): void {
      for (let rater = 0; rater < raters; rater++)
        if (rater === by) offered[rater] = offer(rater, [])
        else if (mayChange(rater)) offered[rater] = offer(rater, offered[rater]!)
    },
  }
}
