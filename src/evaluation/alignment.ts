// How well a labeler agrees with people, and how strong its position bias is (paper §2.3, Appendix B).
import { decidedPairs, type Row } from '../data/row'
import { isUnanswered, type Labeler } from '../feedback/labeler'
import { choseSameSlot, judgePairs, ordersOf, type JudgingOptions } from '../feedback/preference'
import { wilson, type Share } from './statistics'
import { outcome } from './win-rate'

export interface Alignment {
  /** Share of pairs in which the label prefers the response that people preferred; a label of 0.5 counts one half. */
  agreement: Share
  /** Position bias: share of pairs in which the same slot won in both orders. */
  sameSlot: Share
  /** In how many orders each pair was asked; 0: each response alone. Artifacts of earlier versions lack it. */
  orders?: number
  /** Pairs that people call a tie; they have no right answer and are left out. */
  ties: number
  /** Pairs for which the labeler gave no answer. */
  failed: number
}

/**
 * Judges the first pairs of `rows` that people have decided.
 * @param limit maximum number of pairs
 * @returns undefined when people have decided none
 */
export async function measureAlignment(
  labeler: Labeler,
  rows: readonly Row[],
  limit: number,
  options: JudgingOptions,
): Promise<Alignment | undefined> {
  const all = decidedPairs(rows)
  const decided = all.slice(0, limit)
  if (decided.length === 0) return undefined
  const labels = await judgePairs(
    labeler,
    decided.map(({ context, responses }) => ({ context, first: responses[0], second: responses[1] })),
    options,
  )
  const judged = labels.flatMap((label, i) =>
    isUnanswered(label) ? [] : [{ label, preferred: decided[i]!.preferred }],
  )
  return {
    agreement: wilson(
      judged.reduce((sum, { label, preferred }) => sum + agreementWith(label.preferFirst, preferred), 0),
      judged.length,
    ),
    sameSlot: wilson(
      judged.filter(({ label }) => choseSameSlot(label)).length,
      judged.filter(({ label }) => choseSameSlot(label) !== undefined).length,
    ),
    orders: ordersOf(options.technique),
    ties: rows.reduce((sum, { pairs = [] }) => sum + pairs.length, 0) - all.length,
    failed: decided.length - judged.length,
  }
}

/** 1 where a label agrees with what people preferred, 0 where it does not; one half where it prefers neither. */
export function agreementWith(preferFirst: number, preferred: 1 | 2): number {
  const firstWins = outcome(preferFirst)
  return preferred === 1 ? firstWins : 1 - firstWins
}
