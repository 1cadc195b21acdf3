// A jury in reports: each member alone, how they agree, and how far they are apart.
import type { Summary } from '../contracts/artifact'
import { costOfMember, sharesCost } from '../contracts/member-figures'
import type { MemberAlignment } from '../evaluation/alignment'
import type { JuryAgreement, JuryMember } from '../evaluation/jury-agreement'
import { formatCount, formatNumber } from '../number-format'
import { lineChart } from './chart'
import { chartGrid, heading, note } from './html'
import { memberCost, SHARED_COST } from './member-cost'
import { countCell, figureCell, numberCell, shareCell, table, textCell, type Cell } from './table'

const HEAD = ['Member', 'Labels', 'Failed', 'Agrees with the jury', 'Agrees with people', 'Calibration error', 'Cost']

/** @param summary of the stage, with what each member has cost */
export function jurySection(agreement: JuryAgreement | undefined, summary: Summary): string {
  if (!agreement) return ''
  const { members, disagreement, labels, meanDisagreement } = agreement
  const costs = members.flatMap(({ labeler }) => costOfMember(summary, labeler) ?? [])
  const points = disagreement.map(({ from, to, labels }): [number, number] => [(from + to) / 2, labels])
  return [
    heading('Jury'),
    table(
      HEAD,
      members.map((member) => memberCells(member, summary)),
    ),
    members.length > 1 ? pairTable(members) : '',
    chartGrid([lineChart('Jury: labels by disagreement', [{ name: 'labels', points }])]),
    note(
      `Disagreement is the standard deviation of the members' probabilities: 0 where all say the same, 0.5 at most; ` +
        `over ${formatCount(labels)} labels its mean is ${formatNumber(meanDisagreement, 3)}. Agreement with people, and the ` +
        'calibration error, need pairs that people compared: `sample.source` "data", or a label study.' +
        (costs.some(sharesCost) ? ` ${SHARED_COST}` : ''),
    ),
  ].join('')
}

function memberCells(
  { labeler, labels, failed, withJury, withPeople, calibrationError }: JuryMember,
  of: Summary,
): Cell[] {
  const paid = costOfMember(of, labeler)
  return [
    textCell(labeler),
    countCell(labels),
    countCell(failed),
    shareCell(withJury),
    shareCell(withPeople),
    numberCell(calibrationError, 3),
    figureCell(paid ? memberCost(paid) : '–'),
  ]
}

/** How often each two members prefer the same response. */
function pairTable(members: readonly JuryMember[]): string {
  const names = members.map(({ labeler }) => labeler)
  const rows = members.map(({ labeler, withOthers }): Cell[] => [
    textCell(labeler),
    ...names.map((name) => (withOthers[name] ? shareCell(withOthers[name]) : textCell(name === labeler ? '' : '–'))),
  ])
  return table(['Agreement between members', ...names], rows)
}

/** How each member of a judging jury agrees with people. */
export function memberAlignmentTable(members: readonly MemberAlignment[] = []): string {
  if (members.length === 0) return ''
  return table(
    ['Member of the jury', 'Agrees with people', 'Calibration error', 'Failed'],
    members.map(({ labeler, agreement, calibrationError, failed }): Cell[] => [
      textCell(labeler),
      shareCell(agreement),
      numberCell(calibrationError, 3),
      countCell(failed),
    ]),
  )
}
