// The figures of a comparison next to those of the paper (Tables 1 and 8–11), as far as its arms cover them.
import { duelBetween, type Comparison, type Duel } from '../evaluation/comparison'
import { formatP } from '../number-format'
import { winRateRemark } from './duel-notes'
import { heading, note } from './html'
import { HARMLESS_RATES, WIN_RATES } from './paper-figures'
import { figureCell, paperCell, shareCell, table, textCell, type Cell } from './table'

interface NamedArm {
  name: string
  like?: string | undefined
  method: string
}
interface Compared {
  arms: readonly NamedArm[]
  comparison: Comparison
  task: string
}

/** What the paper calls an arm; empty for one that is not among the arms, such as the references. */
export function systemOf(name: string, arms: readonly NamedArm[]): string {
  const arm = arms.find((arm) => arm.name === name)
  return arm?.like ?? arm?.method ?? ''
}

const REFERENCE = 'reference'

/** The arms that stand for a system of the paper; those that a person gave as such with `like` go first. */
function armsLike(system: string, arms: readonly NamedArm[]): string[] {
  if (system === REFERENCE) return [REFERENCE]
  const named = (some: readonly NamedArm[]) => some.map(({ name }) => name)
  const stated = arms.filter(({ like }) => like === system)
  const byMethod = arms.filter(({ like, method }) => like === undefined && method === system)
  return [...new Set(named([...stated, ...byMethod]))]
}

/** One row for each arm that the paper has a figure of, against each of the arms that the figure is against. */
export function winRateSection({ arms, comparison: { duels }, task }: Compared): string {
  const rows = Object.entries(WIN_RATES).flatMap(([pair, figures]) => {
    const [firsts, seconds] = pair.split('/').map((system) => armsLike(system, arms)) as [string[], string[]]
    return firsts.flatMap((first) =>
      seconds.flatMap((second): Cell[][] => {
        const duel = duelBetween(first, second, duels)
        return duel ? [winRateRow(duel, figures[task])] : []
      }),
    )
  })
  if (rows.length === 0) return ''
  const hasPaper = Object.values(WIN_RATES).some((figures) => figures[task])
  return [
    heading("Win rates next to the paper's"),
    table(['', 'Ours', 'At equal length', 'p', 'Paper', 'At equal length'], rows),
    note(hasPaper ? winRateRemark(duels) : `${winRateRemark(duels)} The paper has no win rates for this task.`),
  ].join('')
}

const winRateRow = (duel: Duel, paper: { raw: number; controlled?: number } | undefined): Cell[] => [
  textCell(`${duel.first} against ${duel.second}`),
  shareCell(duel.winRate),
  shareCell(duel.controlled),
  figureCell(formatP(duel.p)),
  paperCell(paper?.raw),
  paperCell(paper?.controlled),
]

const PAPERS_RATING = '; in the paper people rated them harmless or harmful (Tables 1 and 10)'

export function goodSection({ arms, comparison: { standings }, task }: Compared): string {
  const rows = standings.flatMap(({ name, good, goodControlled }): Cell[][] => {
    if (!good) return []
    const paper = task === 'harmless' ? HARMLESS_RATES[systemOf(name, arms)] : undefined
    return [
      [
        textCell(name),
        shareCell(good),
        shareCell(goodControlled!),
        paperCell(paper?.raw),
        paperCell(paper?.controlled),
      ],
    ]
  })
  if (rows.length === 0) return ''
  return [
    heading('Judged good on their own'),
    table(['Policy', 'Share', 'At the length of the first', 'Paper', 'At equal length'], rows),
    note(`Each response judged alone${task === 'harmless' ? PAPERS_RATING : ''}.`),
  ].join('')
}
