// How well a labeler agrees with people, and whether it looks at the slot instead of the text (paper §2.3, Appendix B).
import { decidedPairs, type Row } from '../data/row'
import type { Task } from '../data/task'
import { isUnanswered, type Labeler } from '../feedback/labeler'
import { choseSameSlot, judgePairs, type PreferenceLabel, type Technique } from '../feedback/preference'
import { wilson, type Share } from './statistics'

export interface Alignment {
  /** Share of pairs in which argmax of the label is the response people preferred. */
  agreement: Share
  /** Share of pairs in which the same slot won in both orders. */
  sameSlot: Share
  /** Pairs that people call a tie: they have no right answer and are left out. */
  ties: number
  failed: number
}

/** Judges the pairs of `rows` that people have judged, at most `limit` of them. */
export async function measureAlignment(
  labeler: Labeler,
  task: Task,
  rows: readonly Row[],
  limit: number,
  technique: Technique,
  seed: number,
  onProgress?: (done: number) => void,
): Promise<Alignment | undefined> {
  const all = decidedPairs(rows)
  const decided = all.slice(0, limit)
  if (decided.length === 0) return undefined
  const labels = await judgePairs(
    labeler,
    decided.map(({ context, responses }) => ({ context, first: responses[0], second: responses[1] })),
    { task, technique, seed, onProgress },
  )
  const judged = labels.flatMap((label, i) =>
    isUnanswered(label) ? [] : [{ label, preferred: decided[i]!.preferred }],
  )
  const agrees = ({ label, preferred }: { label: PreferenceLabel; preferred: number }) =>
    Number(label.preferFirst > 0.5 === (preferred === 1))
  return {
    agreement: wilson(
      judged.reduce((sum, pair) => sum + agrees(pair), 0),
      judged.length,
    ),
    sameSlot: wilson(
      judged.filter(({ label }) => choseSameSlot(label)).length,
      technique.orders === 2 ? judged.length : 0,
    ),
    ties: rows.reduce((sum, { pairs = [] }) => sum + pairs.length, 0) - all.length,
    failed: decided.length - judged.length,
  }
}
