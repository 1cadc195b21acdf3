// How the members of a jury agree: with each other, with the jury, with people; and how far their probabilities are
// apart.
import { calibration } from './calibration'
import { agreementWith } from './alignment'
import { wilson, type Share } from './statistics'
import { outcome } from './win-rate'

/** A label of a jury, as far as its agreement is concerned. */
export interface JuryLabel {
  preferFirst: number
  disagreement: number
  members: readonly { labeler: string; preferFirst?: number; failed?: string }[]
  /** Which response people preferred, where they were asked. */
  people?: 1 | 2 | undefined
}

export interface JuryMember {
  labeler: string
  labels: number
  /** Pairs for which it gave no label, whatever the reason. */
  failed: number
  /** Share of its labels that prefer the response that the jury prefers; where either is undecided, one half. */
  withJury: Share
  withPeople: Share
  /** Expected calibration error against what people preferred; undefined without their pairs. */
  calibrationError: number | undefined
  /** The same share with each other member, by name, in the order of the members. */
  withOthers: Record<string, Share>
}

export interface JuryAgreement {
  labels: number
  members: JuryMember[]
  /** Labels by their disagreement: bins of equal width from 0 to the most possible, 1/2. */
  disagreement: { from: number; to: number; labels: number }[]
  meanDisagreement: number
}

const BINS = 10
/** The standard deviation of probabilities of which half are 0 and half are 1. */
const MOST = 0.5

/** One half where either prefers neither response. */
const agree = (one: number, other: number): number => {
  const [a, b] = [outcome(one), outcome(other)]
  return a === 0.5 || b === 0.5 ? 0.5 : Number(a === b)
}

interface Sum {
  agreed: number
  n: number
}
const add = (sum: Sum, value: number) => {
  sum.agreed += value
  sum.n++
}
const shareOf = ({ agreed, n }: Sum): Share => wilson(agreed, n)
const none = (): Sum => ({ agreed: 0, n: 0 })

interface MemberTally {
  failed: number
  labels: number
  withJury: Sum
  withPeople: Sum
  predicted: number[]
  observed: number[]
  withOthers: Map<string, Sum>
}
const emptyTally = (): MemberTally => ({
  failed: 0,
  labels: 0,
  withJury: none(),
  withPeople: none(),
  predicted: [],
  observed: [],
  withOthers: new Map(),
})

/** Counts any number of labels. */
export function juryTally() {
  const byMember = new Map<string, MemberTally>()
  const bins = Array.from({ length: BINS }, () => 0)
  let [labels, total] = [0, 0]
  const tallyOf = (name: string) => {
    const tally = byMember.get(name) ?? emptyTally()
    byMember.set(name, tally)
    return tally
  }
  return {
    add({ preferFirst, disagreement, members, people }: JuryLabel): void {
      labels++
      total += disagreement
      bins[Math.min(BINS - 1, Math.floor((BINS * disagreement) / MOST))]!++
      for (const { labeler, preferFirst: p } of members) {
        const tally = tallyOf(labeler)
        if (p === undefined) tally.failed++
        else countMember(tally, p, { preferFirst, members, people, labeler })
      }
    },
    result(): JuryAgreement | undefined {
      if (labels === 0) return undefined
      const width = MOST / BINS
      return {
        labels,
        members: [...byMember].map(([labeler, tally]) => memberOf(labeler, tally)),
        disagreement: bins.map((count, i) => ({ from: i * width, to: (i + 1) * width, labels: count })),
        meanDisagreement: total / labels,
      }
    },
  }
}

function countMember(
  tally: MemberTally,
  p: number,
  { preferFirst, members, people, labeler }: Omit<JuryLabel, 'disagreement'> & { labeler: string },
): void {
  tally.labels++
  add(tally.withJury, agree(p, preferFirst))
  if (people !== undefined) {
    add(tally.withPeople, agreementWith(p, people))
    tally.predicted.push(p)
    tally.observed.push(Number(people === 1))
  }
  for (const other of members)
    if (other.labeler !== labeler && other.preferFirst !== undefined) {
      const sum = tally.withOthers.get(other.labeler) ?? none()
      tally.withOthers.set(other.labeler, sum)
      add(sum, agree(p, other.preferFirst))
    }
}

const memberOf = (labeler: string, tally: MemberTally): JuryMember => ({
  labeler,
  labels: tally.labels,
  failed: tally.failed,
  withJury: shareOf(tally.withJury),
  withPeople: shareOf(tally.withPeople),
  calibrationError: tally.predicted.length > 0 ? calibration(tally.predicted, tally.observed).error : undefined,
  withOthers: Object.fromEntries([...tally.withOthers].map(([name, sum]) => [name, shareOf(sum)])),
})
