// How well a labeler agrees with people, and how strong its position bias is (paper §2.3, Appendix B).
import { decidedPairs, type Row } from '../data/row'
import { isJury, type Asked } from '../feedback/jury'
import { isUnanswered, type Unanswered } from '../feedback/labeler'
import { choseSameSlot, judgePairs, type JudgingOptions } from '../feedback/preference'
import type { PreferenceLabel } from '../feedback/preference-label'
import { ordersOf, PLAIN } from '../feedback/technique'
import { calibration } from './calibration'
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
  /** Of a jury: how well each member agrees with people. */
  members?: MemberAlignment[]
}

export interface MemberAlignment {
  /** Its name. */
  labeler: string
  agreement: Share
  /** Expected calibration error of its probabilities against what people preferred; undefined without a label. */
  calibrationError?: number
  /** Pairs for which it gave no answer. */
  failed: number
}

/**
 * Judges the first pairs of `rows` that people have decided.
 * @param limit maximum number of pairs
 * @returns undefined when people have decided none
 */
export async function measureAlignment(
  labeler: Asked,
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
    ...(!isJury(labeler) && { orders: ordersOf(options.technique ?? PLAIN) }),
    ties: rows.reduce((sum, { pairs = [] }) => sum + pairs.length, 0) - all.length,
    failed: decided.length - judged.length,
    ...(isJury(labeler) && { members: memberAlignments(labels, decided) }),
  }
}

/** How well each member of a jury agrees with people, on the pairs that the jury labelled. */
export function memberAlignments(
  labels: readonly (Pick<PreferenceLabel, 'members'> | Unanswered)[],
  decided: readonly { preferred: 1 | 2 }[],
): MemberAlignment[] {
  const byMember = new Map<string, { given: { p: number; preferred: 1 | 2 }[]; failed: number }>()
  labels.forEach((label, i) => {
    for (const member of isUnanswered(label) ? [] : (label.members ?? [])) {
      const tally = byMember.get(member.labeler) ?? { given: [], failed: 0 }
      if (isUnanswered(member)) tally.failed++
      else tally.given.push({ p: member.preferFirst, preferred: decided[i]!.preferred })
      byMember.set(member.labeler, tally)
    }
  })
  return [...byMember].map(([labeler, { given, failed }]) => {
    const agreed = given.reduce((sum, { p, preferred }) => sum + agreementWith(p, preferred), 0)
    const { error } = calibration(
      given.map(({ p }) => p),
      given.map(({ preferred }) => Number(preferred === 1)),
    )
    return {
      labeler,
      agreement: wilson(agreed, given.length),
      ...(given.length > 0 && { calibrationError: error }),
      failed,
    }
  })
}

/** 1 where a label agrees with what people preferred, 0 where it does not; one half where it prefers neither. */
export function agreementWith(preferFirst: number, preferred: 1 | 2): number {
  const firstWins = outcome(preferFirst)
  return preferred === 1 ? firstWins : 1 - firstWins
}
