// A jury: several labelers that are asked the same, each in its own way (Verga et al., arXiv 2404.18796, for judges).
//
//   p(pair)         = C(p_1, …, p_m)                       over the m members that gave a label
//   C               mean; median (of an even number, the mean of the middle two); trimmed: the mean without the highest
//                   and the lowest, from three answers on
//   disagreement    = √((1/m) Σ_i (p_i − p̄)²)              standard deviation of the members' probabilities
//
// Scores of one response, and probabilities that it is good by itself, are combined in the same way. What the cited work
// leaves open, and what is done here:
//   1. Probabilities are combined, not votes; members with `labels: "hard"` vote.
//   2. A member without an answer is left out and counted. With fewer than `quorum` answers there is no label: no value
//      is made up for who is missing.
//   3. Endpoints are asked at the same time, local models one after the other: these share a device.
import type { Combination } from '../contracts/labeler-settings'
import { largest } from '../extremes'
import { mean } from '../mean'
import { isUnanswered, type Labeler, type Unanswered } from './labeler'
import type { Technique } from './technique'

/** A labeler of a jury, and how it is asked. */
export interface Juror {
  /** Its name is unique among the members. */
  labeler: Labeler
  technique: Technique
}

export interface Jury {
  /** Named in labels and reports. */
  name: string
  members: readonly Juror[]
  combine: Combination
  /** Least number of members that must have answered. */
  quorum: number
  /** As of a labeler, where a member has one. */
  groupSize?: number
  /** Answers and failures of each member so far, in their order; those that no repetition can answer are not failures. */
  tally: { answers: number; failed: number }[]
}

/** Who is asked: a labeler alone, or a jury. */
export type Asked = Labeler | Jury
export const isJury = (asked: Asked): asked is Jury => 'members' in asked

/** @param members the names of two equal labelers are numbered */
export function juryOf(members: readonly Juror[], combine: Combination, quorum: number): Jury {
  const named = withUniqueNames(members)
  const sizes = named.flatMap(({ labeler: { groupSize } }) => groupSize ?? [])
  return {
    name: `jury of ${named.map(({ labeler }) => labeler.name).join(', ')}`,
    members: named,
    combine,
    quorum,
    ...(sizes.length > 0 && { groupSize: largest(sizes) }),
    tally: named.map(() => ({ answers: 0, failed: 0 })),
  }
}

function withUniqueNames(members: readonly Juror[]): Juror[] {
  const seen = new Map<string, number>()
  return members.map(({ labeler, technique }) => {
    const before = seen.get(labeler.name) ?? 0
    seen.set(labeler.name, before + 1)
    return { labeler: before === 0 ? labeler : { ...labeler, name: `${labeler.name} (${before + 1})` }, technique }
  })
}

/** How one member is asked all questions. */
export type AskMember<T> = (juror: Juror, onProgress: (done: number) => void) => Promise<(T | Unanswered)[]>

/**
 * The answers of every member to the same questions: [question][member].
 * @param questions their number
 * @param onProgress called with the number of questions answered so far, as a mean over the members
 * @throws what the first member throws that could not be asked at all; the answers of the others are kept
 */
export async function askMembers<T>(
  { members, tally }: Jury,
  questions: number,
  ask: AskMember<T>,
  onProgress?: (done: number) => void,
): Promise<(T | Unanswered)[][]> {
  const done = members.map(() => 0)
  const byMember: (T | Unanswered)[][] = []
  const askOne = async (i: number) => {
    byMember[i] = await ask(members[i]!, (answered) => {
      done[i] = answered
      onProgress?.(Math.floor(done.reduce((a, b) => a + b, 0) / members.length))
    })
  }
  const isLocal = (i: number) => members[i]!.labeler.groupSize !== undefined
  const all = members.map((_, i) => i)
  const asked = await Promise.allSettled(all.filter((i) => !isLocal(i)).map(askOne))
  const thrown = asked.find((one) => one.status === 'rejected')
  if (thrown) throw thrown.reason as Error
  for (const i of all.filter(isLocal)) await askOne(i)
  byMember.forEach((answers, i) => {
    for (const answer of answers)
      if (!isUnanswered(answer)) tally[i]!.answers++
      else if (!answer.tooLong && !answer.tied) tally[i]!.failed++
  })
  return Array.from({ length: questions }, (_, question) => byMember.map((answers) => answers[question]!))
}

/** One value of several. @param values at least one */
export function combined(values: readonly number[], combine: Combination): number {
  if (combine === 'mean') return mean(values)
  const sorted = [...values].sort((a, b) => a - b)
  if (combine === 'trimmed') return mean(sorted.length < 3 ? sorted : sorted.slice(1, -1))
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Standard deviation of the members' values: 0 where one answered, or all say the same. */
export function disagreementOf(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)))
}

/** The answers that were given, or why they are too few for one of the jury. */
export function quorate<T>({ members, quorum }: Jury, answers: readonly (T | Unanswered)[]): T[] | Unanswered {
  const given = answers.flatMap((answer) => (isUnanswered(answer) ? [] : [answer]))
  if (given.length >= quorum) return given
  const missing = answers.flatMap((answer, i) =>
    isUnanswered(answer) ? [{ answer, by: members[i]!.labeler.name }] : [],
  )
  const isFinal = ({ answer }: { answer: Unanswered }) => (answer.tooLong ?? answer.tied) === true
  const reasons = missing.map(({ answer, by }) => `${by}: ${answer.failed}`).join('; ')
  return {
    failed: `${given.length} of ${members.length} members answered, and the quorum is ${quorum} (${reasons})`,
    ...(missing.every(isFinal) &&
      (missing.some(({ answer }) => answer.tooLong) ? { tooLong: true as const } : { tied: true as const })),
  }
}

/**
 * One number for each question from the numbers of the members: rewards, or probabilities.
 * @returns with the disagreement of the members
 */
export async function askForNumbers(
  jury: Jury,
  questions: number,
  ask: AskMember<number>,
  onProgress?: (done: number) => void,
): Promise<({ value: number; disagreement: number } | Unanswered)[]> {
  const answers = await askMembers(jury, questions, ask, onProgress)
  return answers.map((each) => {
    const given = quorate(jury, each)
    if (isUnanswered(given)) return given
    return { value: combined(given, jury.combine), disagreement: disagreementOf(given) }
  })
}
