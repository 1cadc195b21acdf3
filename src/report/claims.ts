// Claims in words: in sentences, as Markdown, and as lines for a terminal.
import { type Claim, type ClaimVerdict, type Estimate } from '../evaluation/claims'
import { largest } from '../extremes'
import { counted, formatNumber, withUnit } from '../number-format'

/** What the findings of a study are compared with. */
export const SOURCES = { paper: 'Paper', feedback: 'Source' }

/** Claims by verdict, in sentences. */
export function answers(claims: readonly Claim[]): string[] {
  const by = (verdict: ClaimVerdict) => claims.filter((claim) => claim.verdict === verdict)
  const listed = (some: readonly Claim[]) =>
    some.map(({ says, estimate, unit }) => `${says}${estimate ? ` (${estimateText(estimate, unit)})` : ''}`).join('; ')
  const [agree, disagree, undecided] = [by('agrees'), by('disagrees'), by('undecided')]
  const counts =
    `${agree.length} of ${counted(claims.length, 'claim')} ${agree.length === 1 ? 'holds' : 'hold'} in miniature, ` +
    `${counted(disagree.length, 'does', 'do')} not, ${counted(undecided.length, 'is', 'are')} undecided.`
  return [
    counts,
    ...(disagree.length > 0 ? [`Not found: ${listed(disagree)}.`] : []),
    ...(undecided.length > 0 ? [`Undecided: ${listed(undecided)}.`] : []),
  ]
}

export const MARKS: Record<ClaimVerdict, string> = {
  agrees: '✓\u00a0agrees',
  disagrees: '✗\u00a0disagrees',
  undecided: '?\u00a0undecided',
}
/** A share in percent, no further than shares go; a difference of shares in percentage points. */
export const figureText = (value: number, unit: Claim['unit']) =>
  formatNumber(100 * (unit === '%' ? Math.min(1, Math.max(0, value)) : value), unit === '%' ? 0 : 1)
export const intervalText = ({ low, high }: Estimate, unit: Claim['unit']) =>
  Number.isNaN(low) ? '' : `${figureText(low, unit)} to ${figureText(high, unit)}`
/** A figure with its interval. */
export const estimateText = (estimate: Estimate, unit: Claim['unit']) =>
  [withUnit(figureText(estimate.value, unit), unit), intervalText(estimate, unit)].filter(Boolean).join(', ')

/** The claims as a table for documents. */
export function claimsMarkdown(claims: readonly Claim[], study: 'paper' | 'feedback' = 'paper'): string {
  const rows = claims.map(({ says, paper, measures, wants, unit, estimate, verdict }) => {
    const found = estimate ? estimateText(estimate, unit) : '–'
    return `| ${says} | ${paper} | ${found} | ${measures}: ${wants} | ${MARKS[verdict]} |`
  })
  const head = [
    `| claim | ${SOURCES[study].toLowerCase()} | in miniature (95 % interval) | measured, and what agrees | |`,
    '|---|---|---|---|---|',
  ]
  return `${[...head, ...rows].join('\n')}\n`
}

/** The claims for a terminal. */
export function claimLines(claims: readonly Claim[], study: 'paper' | 'feedback' = 'paper'): string[] {
  const width = largest(claims.map(({ says }) => says.length))
  const lines = claims.map(({ says, paper, unit, estimate, verdict }) => {
    const found = estimate ? estimateText(estimate, unit) : '–'
    return `${MARKS[verdict].padEnd(12)} ${says.padEnd(width)}  ${found.padEnd(26)} ${SOURCES[study].toLowerCase()}: ${paper}`
  })
  return [...lines, answers(claims)[0]!]
}
