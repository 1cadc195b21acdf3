// The paper in miniature: claim by claim, what the paper found and what the study found. HTML, Markdown, and lines for a terminal.
import { estimateOf, type Claim, type Estimate, type ClaimVerdict } from '../evaluation/claims'
import type { Figure, SeedFigures } from '../evaluation/paper-claims'
import { lineChart, pointChart, type Curve } from './chart'
import { escape, formatNumber, number, page, table, text, withInterval, type Cell } from './html'
import { repeat } from './provenance'

export interface MiniatureData {
  title: string
  settings: unknown
  version: string
  seeds: SeedFigures[]
  claims: Claim[]
  /** Where the reports of its parts are, by what they are about. */
  parts: Record<string, string>
}

export function renderMiniature(data: MiniatureData): string {
  const { title, seeds, claims, settings, version } = data
  return page(
    title,
    [
      `<h1>${escape(title)}</h1><p class="soft">A world whose truth is known, simulated people and labelers, ${seeds.length === 1 ? `one seed (${seeds[0]!.seed})` : `${seeds.length} seeds (${seeds.map(({ seed }) => seed).join(', ')})`}. The truth judges; no policy and no reward model has seen it.</p>`,
      answers(claims)
        .map((sentence) => `<p class="answer">${escape(sentence)}</p>`)
        .join(''),
      `<h2>The paper's claims</h2>${claimTable(claims)}<p class="soft">${escape(howToRead(seeds.length))}</p>`,
      `<h2>What became of each policy</h2>${policies(seeds)}`,
      `<h2>Over the steps of RL</h2><div class="charts">${curves(seeds)}</div><p class="soft">The truth on the validation prompts, which no training sees. “rlaif pushed”, where it is there, has thrice the learning rate, to show what becomes of a reward model that is pushed too far.</p>`,
      `<h2>Its parts</h2>${table(
        ['Part', 'Report'],
        Object.entries(data.parts).map(([name, uri]) => [
          text(name),
          { html: `<a href="${escape(uri)}/report.html">report</a>` },
        ]),
      )}`,
      repeat('miniature', settings, version),
    ].join('\n'),
  )
}

const howToRead = (seeds: number) =>
  `${seeds > 1 ? "Intervals: Student's 95 % over seeds." : 'One seed: 95 % intervals over prompts alone, which leave the chance of training out.'} What counts as agreement was fixed before the study ran; “undecided” says that the interval is too wide for either.`

/** Claims by verdict, in sentences. */
export function answers(claims: readonly Claim[]): string[] {
  const of = (verdict: ClaimVerdict) => claims.filter((claim) => claim.verdict === verdict)
  const listed = (some: readonly Claim[]) =>
    some.map(({ says, estimate, unit }) => `${says}${estimate ? ` (${shownEstimate(estimate, unit)})` : ''}`).join('; ')
  const more = (['disagrees', 'undecided'] as const).flatMap((verdict) =>
    of(verdict).length > 0 ? [`${verdict === 'disagrees' ? 'Not found' : 'Undecided'}: ${listed(of(verdict))}.`] : [],
  )
  return [
    `${of('agrees').length} of ${claims.length} claims hold in miniature, ${of('disagrees').length} do not, ${of('undecided').length} are undecided.`,
    ...more,
  ]
}

const MARKS: Record<ClaimVerdict, string> = {
  agrees: '✓\u00a0agrees',
  disagrees: '✗\u00a0disagrees',
  undecided: '?\u00a0undecided',
}
/** A share's interval ends where shares do. */
const figure = (value: number, unit: Claim['unit']) =>
  formatNumber(100 * (unit === '%' ? Math.min(1, Math.max(0, value)) : value), unit === '%' ? 0 : 1).replace('-', '−')
const shownEstimate = ({ value, low, high }: Estimate, unit: Claim['unit']) =>
  Number.isNaN(low)
    ? `${figure(value, unit)} ${unit}`
    : `${figure(value, unit)} ${unit}, ${figure(low, unit)} to ${figure(high, unit)}`

function claimTable(claims: readonly Claim[]): string {
  const rows = claims.map(({ says, paper, measures, wants, unit, estimate, verdict }) => {
    const tone = verdict === 'agrees' ? ' class="better"' : verdict === 'disagrees' ? ' class="worse"' : ''
    const found = estimate
      ? `${escape(`${figure(estimate.value, unit)} ${unit}`)} <span class="soft">${Number.isNaN(estimate.low) ? '' : escape(`${figure(estimate.low, unit)} to ${figure(estimate.high, unit)}`)}</span>`
      : '–'
    return `<tr><td>${escape(says)}</td><td>${escape(paper)}</td><td class="n">${found}</td><td class="soft">${escape(`${measures}: ${wants}`)}</td><td${tone}>${MARKS[verdict]}</td></tr>`
  })
  return `<div class="wide"><table><thead><tr>${['Claim', 'Paper', 'In miniature', 'Measured, and what agrees', ''].map((head, i) => `<th${i === 2 ? ' class="n"' : ''}>${head}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

/** The claims as a table for documents. */
export function claimsMarkdown(claims: readonly Claim[]): string {
  const rows = claims.map(
    ({ says, paper, measures, wants, unit, estimate, verdict }) =>
      `| ${says} | ${paper} | ${estimate ? shownEstimate(estimate, unit) : '–'} | ${measures}: ${wants} | ${MARKS[verdict]} |`,
  )
  return (
    [
      '| claim | paper | in miniature (95 % interval) | measured, and what agrees | |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n') + '\n'
  )
}

/** The claims for a terminal. */
export function claimLines(claims: readonly Claim[]): string[] {
  const width = Math.max(...claims.map(({ says }) => says.length))
  return [
    ...claims.map(
      ({ says, paper, unit, estimate, verdict }) =>
        `${MARKS[verdict].padEnd(12)} ${says.padEnd(width)}  ${(estimate ? shownEstimate(estimate, unit) : '–').padEnd(26)} paper: ${paper}`,
    ),
    answers(claims)[0]!,
  ]
}

const BASELINE = 'sft'

function policies(seeds: readonly SeedFigures[]): string {
  const names = [...new Set(seeds.flatMap(({ gold, harmless }) => [...Object.keys(gold), ...Object.keys(harmless)]))]
  const share = (of: (figures: SeedFigures) => Figure | undefined): Cell => {
    const estimate = estimateOf(seeds.flatMap((figures) => of(figures) ?? []))
    return estimate
      ? withInterval(`${figure(estimate.value, '%')} %`, figure(estimate.low, '%'), figure(estimate.high, '%'))
      : number(undefined)
  }
  const meanOf = (of: (figures: SeedFigures) => number | undefined, digits: number): Cell => {
    const known = seeds.flatMap((figures) => of(figures) ?? [])
    return number(known.length === 0 ? undefined : known.reduce((a, b) => a + b, 0) / known.length, digits)
  }
  const rows = names.map((name): Cell[] => [
    text(name),
    share(({ duels }) => duels[`${name}/${BASELINE}`]?.raw),
    share(({ duels }) => duels[`${name}/${BASELINE}`]?.controlled),
    meanOf(({ gold }) => gold[name], 3),
    meanOf(({ length }) => length[name], 0),
    meanOf(({ kl }) => kl[name], 2),
    share(({ accuracy }) => accuracy[name]),
    share(({ harmless }) => harmless[name]),
  ])
  return `${table(['Policy', 'Wins over SFT', 'At equal length', 'Gold score', 'Characters', 'KL (nats)', 'Reward model', 'Harmless'], rows)}<p class="soft">Summaries, and harmless replies in dialogue. KL to the SFT model a response at the end of training. Reward model: its accuracy on what the simulated people preferred.</p>`
}

function curves(seeds: readonly SeedFigures[]): string {
  const names = [...new Set(seeds.flatMap(({ goldBySteps }) => Object.keys(goldBySteps)))]
  const gold = names.map((name): Curve => ({
    name,
    points: meanCurve(seeds.flatMap(({ goldBySteps }) => (goldBySteps[name] ? [goldBySteps[name]] : []))),
  }))
  const shares = [...new Set(seeds.flatMap(({ accuracyBy }) => Object.keys(accuracyBy)))]
    .filter((name) => Number(name) > 0)
    .sort((a, b) => Number(a) - Number(b))
  const points = shares.map((name) => ({
    name,
    ...estimateOf(seeds.flatMap(({ accuracyBy }) => accuracyBy[name] ?? []))!,
  }))
  return [
    lineChart('Gold score by steps of RL', gold),
    ...(points.length > 0 ? [pointChart('Accuracy of reward models by share of the labels', points)] : []),
  ].join('')
}

/** At each step, the mean of the seeds that have it. */
function meanCurve(curves: readonly (readonly (readonly [number, number])[])[]): [number, number][] {
  const steps = [...new Set(curves.flat().map(([step]) => step))].sort((a, b) => a - b)
  return steps.map((step) => {
    const golds = curves
      .flat()
      .filter(([at]) => at === step)
      .map(([, gold]) => gold)
    return [step, golds.reduce((a, b) => a + b, 0) / golds.length]
  })
}
