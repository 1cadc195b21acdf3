// What each member of a jury has cost, among the figures of a stage: members that are the same model at the same endpoint
// share their answers, and so one figure.
import type { Summary } from './artifact'

const AND = ' and '

/** The name of a figure of members that share it. @param figure such as "cost" */
export const figureOfMembers = (figure: 'cost' | 'requests', members: readonly string[]): string =>
  `${figure} of ${members.join(AND)}`

/** What a member has cost, alone or together with those that share its answers. */
export interface MemberCost {
  cost: number
  /** Names of all who share it; the member alone otherwise. */
  members: string[]
}

export const sharesCost = ({ members }: MemberCost): boolean => members.length > 1

/** @returns undefined for a member that costs nothing, a local model */
export function costOfMember(summary: Summary, member: string): MemberCost | undefined {
  const prefix = figureOfMembers('cost', [''])
  for (const [name, cost] of Object.entries(summary)) {
    if (!name.startsWith(prefix) || typeof cost !== 'number') continue
    const whole = name.slice(prefix.length)
    if (whole === member) return { cost, members: [member] }
    const members = whole.split(AND)
    if (members.includes(member)) return { cost, members }
  }
  return undefined
}
