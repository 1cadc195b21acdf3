// What asking a member of a jury has cost, in words.
import { sharesCost, type MemberCost } from '../contracts/member-figures'
import { formatCost } from '../number-format'

/** For a table in which a cost is marked as shared. */
export const SHARED_COST =
  'Members that are the same model at the same endpoint are asked the same question only once: the cost beside each of them ' +
  'is that of all of them together.'
export const memberCost = (paid: MemberCost): string => `${formatCost(paid.cost)}${sharesCost(paid) ? ' (shared)' : ''}`
