// What a jury has cost and answered: as a whole, and each of its members alone.
import type { Summary } from '../contracts/artifact'
import { figureOfMembers } from '../contracts/member-figures'
import type { Jury } from '../feedback/jury'
import type { AnswerFiles } from '../artifacts/answers'
import { addedFigures } from './shards'

/** A member, with where its answers are kept: labelers with equal answers share their place. */
export interface OpenedJuror {
  answers: AnswerFiles
  /** Whether it is paid. */
  isEndpoint: boolean
  spent(counted?: CountedAnswers): Summary
}

/** Answers whose cost is counted elsewhere. */
export type CountedAnswers = ReadonlySet<AnswerFiles>

/** What an endpoint was paid for; members that share their answers share it too. */
const USAGE = ['requests', 'promptTokens', 'completionTokens', 'cost', 'estimatedRequests']

/** The figures of the whole jury, then those of each member, as "failed of <member>". */
export function juryFigures(
  { members, tally }: Jury,
  opened: readonly OpenedJuror[],
  counted: CountedAnswers = new Set(),
): Summary {
  const groups = byAnswers(opened).filter(([first]) => !counted.has(opened[first!]!.answers))
  const once = groups.map(([first]) => first!)
  const summaries = opened.map((member, i) => (once.includes(i) ? member.spent() : withoutUsage(member.spent())))
  const nameOf = (i: number) => members[i]!.labeler.name
  const ofMembers = tally.flatMap(({ answers, failed }, i): [string, number][] => [
    [`answers of ${nameOf(i)}`, answers],
    [`failed of ${nameOf(i)}`, failed],
  ])
  const paid = groups.flatMap((group): [string, number][] => {
    const [first] = group as [number]
    if (!opened[first]!.isEndpoint) return []
    const { requests, cost } = opened[first]!.answers.spent()
    const names = group.map(nameOf)
    return [
      [figureOfMembers('requests', names), requests],
      [figureOfMembers('cost', names), cost],
    ]
  })
  return { ...addedFigures(summaries), ...Object.fromEntries([...ofMembers, ...paid]) }
}

/** Indices of the members, by where their answers are kept. */
function byAnswers(opened: readonly OpenedJuror[]): number[][] {
  const groups = new Map<unknown, number[]>()
  opened.forEach(({ answers }, i) => groups.set(answers, [...(groups.get(answers) ?? []), i]))
  return [...groups.values()]
}

const withoutUsage = (summary: Summary): Summary =>
  Object.fromEntries(Object.entries(summary).filter(([name]) => !USAGE.includes(name)))

/** The figures of a stage that asks two: what they share is paid once. */
export function figuresOfBoth(
  first: { jurors?: readonly OpenedJuror[]; spent(): Summary },
  second: { spent(counted?: CountedAnswers): Summary },
): Summary {
  const shared = new Set((first.jurors ?? []).map(({ answers }) => answers))
  const [own, other] = [first.spent(), second.spent(shared)]
  return Object.keys(own).length === 0 ? other : addedFigures([own, other])
}
