// The label of a pair by a jury, with what each of its members said.
import { smallest } from '../extremes'
import { combined, disagreementOf, quorate, type Jury } from './jury'
import { isUnanswered, type Unanswered } from './labeler'
import type { PreferenceLabel } from './preference-label'

/** @param answers of the members, in their order */
export function juryLabel(
  jury: Jury,
  answers: readonly (PreferenceLabel | Unanswered)[],
): PreferenceLabel | Unanswered {
  const labels = quorate(jury, answers)
  if (isUnanswered(labels)) return labels
  const probabilities = labels.map(({ preferFirst }) => preferFirst)
  const counted = labels.flatMap(({ counted }) => counted ?? [])
  const { rationales, principles, criteria } = jury.members.length === 1 ? labels[0]! : ({} as Partial<PreferenceLabel>)
  return {
    preferFirst: combined(probabilities, jury.combine),
    slotOne: slotsOf(labels, jury),
    ...(labels.some(({ bounded }) => bounded) && { bounded: true as const }),
    ...(counted.length > 0 && { counted: smallest(counted) }),
    ...(rationales && { rationales }),
    ...(principles && { principles }),
    ...(criteria && { criteria }),
    disagreement: disagreementOf(probabilities),
    members: answers.map((answer, i) => ({ labeler: jury.members[i]!.labeler.name, ...answer })),
  }
}

/** The members' P("1") of each order, combined; none where a member was asked otherwise. */
function slotsOf(labels: readonly PreferenceLabel[], { combine }: Jury): number[] {
  const [{ slotOne }] = labels as [PreferenceLabel]
  if (labels.some((label) => label.slotOne.length !== slotOne.length)) return []
  return slotOne.map((_, order) =>
    combined(
      labels.map((label) => label.slotOne[order]!),
      combine,
    ),
  )
}
