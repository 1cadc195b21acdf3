// Settings of a labeler that have no meaning for what it is asked there: refused by name, with the reason.
import type { z } from 'zod'
import { isJury, membersOf, type LabelerSettings } from './labeler-settings'

/** What a labeler is asked for: which of two responses is better, or a score of one. */
export type AskedFor = 'pairs' | 'scores'

/**
 * @param path of the labeler in the input
 * @param asked undefined where it is not asked at all
 */
export function refuseUnasked(
  labeler: LabelerSettings,
  asked: AskedFor | undefined,
  path: readonly PropertyKey[],
  { addIssue }: Pick<z.core.$RefinementCtx, 'addIssue'>,
): void {
  membersOf(labeler).forEach(({ score, principles, comparison }, i) => {
    const refuse = (field: string, message: string) =>
      addIssue({ code: 'custom', path: [...path, ...(isJury(labeler) ? ['jury', i] : []), field], message })
    if (asked === 'pairs' && score === 'rubric' && comparison === 'pairwise')
      refuse(
        'score',
        'has no meaning when "comparison" is "pairwise": such questions show both responses, and a rubric asks about one; ' +
          'set "comparison" to "pointwise", or remove it',
      )
    if (asked === 'scores' && principles)
      refuse('principles', 'has no meaning for scores: principles stand in questions about pairs; remove it')
  })
}
