// The report of the miniature study: claim by claim, what the paper found and what the study found.
import { estimateOf, type Claim, type Estimate } from '../evaluation/claims'
import { LABELERS, type Figure, type SeedFigures } from '../evaluation/paper-claims'
import { mean } from '../mean'
import { lineChart, pointChart, type Curve } from './chart'
import { answers, figureText, intervalText, MARKS, SOURCES } from './claims'
import { answerList, chartGrid, escape, heading, link, note, type Origin, page } from './html'
import { reproduction } from './provenance'
import { formatRange, withUnit } from '../number-format'
import { figureCell, intervalCell, numberCell, table, textCell, type Cell } from './table'

interface MiniatureData {
  title: string
  /** Whose claims they are. */
  study?: 'paper' | 'feedback'
  origin?: Origin | undefined
  settings: unknown
  version: string
  seeds: SeedFigures[]
  claims: Claim[]
  /** Addresses of the study's parts, by what they are about. */
  parts: Record<string, string>
}

/** What differs between the reports of the two studies. */
const STUDIES = {
  paper: { heading: "The paper's claims", source: SOURCES.paper, labelers: LABELERS },
  feedback: { heading: "The sources' claims", source: SOURCES.feedback, labelers: ['L', 'XS', 'three XS'] },
}

export function renderMiniature(data: MiniatureData): string {
  const { title, study = 'paper', origin, seeds, claims, settings, version, parts } = data
  const { heading: ofClaims, source, labelers } = STUDIES[study]
  return page(title, origin, [
    note(subtitle(seeds)),
    answerList(answers(claims)),
    heading(ofClaims) + claimTable(claims, source) + note(howToRead(seeds.length)),
    heading('Each policy') + policyTable(seeds) + note(POLICY_NOTE),
    heading('Each labeler') + labelerTable(seeds, labelers) + note(LABELER_NOTE),
    chartSection(seeds),
    partTable(parts),
    reproduction('miniature', settings, version),
  ])
}

function subtitle(seeds: readonly SeedFigures[]): string {
  const numbers = seeds.map(({ seed }) => seed).join(', ')
  return [
    'A simulated world in which the true quality of a response, its gold score, is known; people and labelers are',
    `simulated; ${seeds.length === 1 ? 'one seed' : `${seeds.length} seeds`} (${numbers}).`,
    'The gold score is the judge; no policy and no reward model has seen it.',
  ].join(' ')
}

const howToRead = (seeds: number) =>
  [
    seeds > 1
      ? "Intervals: Student's 95 % over seeds."
      : 'One seed: 95 % intervals over prompts only; they do not cover the randomness of training.',
    'What counts as agreement was fixed before the study ran;',
    '“undecided” means that the interval is too wide for either.',
  ].join(' ')

const POLICY_NOTE = [
  'Summaries, and harmless replies in dialogue. KL to the SFT model per response at the end of training.',
  "Reward model: its accuracy on the simulated people's preferences.",
].join(' ')

const LABELER_NOTE = [
  "Agreement with the simulated people's preferences on the same pairs. Same slot: in both orders; a response that is",
  'asked about alone has no slot. Tokens: of the questions and answers of a pair, with answers that were paid for anew.',
].join(' ')

const RL_NOTE = [
  'The gold score on the validation prompts, which are in no training data.',
  '“rlaif pushed”, where it is present, has three times the learning rate,',
  'to show what happens when a reward model is over-optimized.',
].join(' ')

// ---- Claims

const TONES = { agrees: 'better', disagrees: 'worse', undecided: undefined } as const

function claimTable(claims: readonly Claim[], source: string): string {
  const rows = claims.map(({ says, paper, measures, wants, unit, estimate, verdict }): Cell[] => [
    textCell(says),
    textCell(paper),
    estimate ? estimateCell(estimate, unit) : { html: '–', number: true },
    { ...textCell(`${measures}: ${wants}`), tone: 'soft' },
    { html: MARKS[verdict], tone: TONES[verdict] },
  ])
  return table(['Claim', source, 'In miniature', 'What counts as agreement', 'Verdict'], rows, { fold: true })
}

const estimateCell = (estimate: Estimate, unit: Claim['unit']): Cell => ({
  html:
    `${escape(withUnit(figureText(estimate.value, unit), unit))} ` +
    `<span class="soft range">${escape(intervalText(estimate, unit))}</span>`,
  number: true,
})

// ---- Policies

const BASELINE = 'sft'
const POLICY_HEAD = [
  'Policy',
  'Wins over SFT',
  'At equal length',
  'Gold score',
  'Characters',
  'KL (nats)',
  'Reward model',
  'Harmless',
]

function policyTable(seeds: readonly SeedFigures[]): string {
  const names = [...new Set(seeds.flatMap(({ gold, harmless }) => [...Object.keys(gold), ...Object.keys(harmless)]))]
  const rows = names.map((name): Cell[] => [
    textCell(name),
    shareOver(seeds, ({ duels }) => duels[`${name}/${BASELINE}`]?.raw),
    shareOver(seeds, ({ duels }) => duels[`${name}/${BASELINE}`]?.controlled),
    meanOver(seeds, ({ gold }) => gold[name], 3),
    meanOver(seeds, ({ length }) => length[name], 0),
    meanOver(seeds, ({ kl }) => kl[name], 2),
    shareOver(seeds, ({ accuracy }) => accuracy[name]),
    shareOver(seeds, ({ harmless }) => harmless[name]),
  ])
  return table(POLICY_HEAD, rows)
}

const LABELER_HEAD = ['Labeler', 'Asked', 'Agrees with people', 'Same slot', 'Tokens a pair']
const TECHNIQUES = ['both orders', 'one order', 'pointwise', 'one score', 'rubric']

function labelerTable(seeds: readonly SeedFigures[], labelers: readonly string[]): string {
  const isMeasured = (figure: string) =>
    seeds.some(({ agreement, tokens }) => agreement[figure] !== undefined || tokens[figure] !== undefined)
  const rows = labelers.flatMap((name) =>
    TECHNIQUES.filter((technique) => isMeasured(`${name}, ${technique}`)).map((technique): Cell[] => [
      textCell(name),
      textCell(technique),
      shareOver(seeds, ({ agreement }) => agreement[`${name}, ${technique}`]),
      technique === 'both orders' ? shareOver(seeds, ({ sameSlot }) => sameSlot[name]) : figureCell('–'),
      meanOver(seeds, ({ tokens }) => tokens[`${name}, ${technique}`]?.value, 0),
    ]),
  )
  return table(LABELER_HEAD, rows)
}

function shareOver(seeds: readonly SeedFigures[], share: (figures: SeedFigures) => Figure | undefined): Cell {
  const estimate = estimateOf(seeds.flatMap((figures) => share(figures) ?? []))
  if (!estimate) return figureCell('–')
  const { value, low, high } = estimate
  return intervalCell(withUnit(figureText(value, '%'), '%'), formatRange(figureText(low, '%'), figureText(high, '%')))
}

function meanOver(
  seeds: readonly SeedFigures[],
  figure: (figures: SeedFigures) => number | undefined,
  decimals: number,
): Cell {
  const values = seeds.flatMap((figures) => figure(figures) ?? [])
  return numberCell(values.length === 0 ? undefined : mean(values), decimals)
}

function partTable(parts: Record<string, string>): string {
  const rows = Object.entries(parts).map(([name, uri]) => [
    textCell(name),
    { html: link(`${uri}/report.html`, 'report') },
  ])
  return rows.length === 0 ? '' : heading('Parts of the study') + table(['Part', 'Report'], rows)
}

// ---- Charts

function chartSection(seeds: readonly SeedFigures[]): string {
  const drawn = charts(seeds)
  return drawn.length === 0 ? '' : heading('During RL') + chartGrid(drawn) + note(RL_NOTE)
}

function charts(seeds: readonly SeedFigures[]): string[] {
  const names = [...new Set(seeds.flatMap(({ goldBySteps }) => Object.keys(goldBySteps)))]
  const gold = names.map((name): Curve => ({
    name,
    points: meanCurve(seeds.flatMap(({ goldBySteps }) => (goldBySteps[name] ? [goldBySteps[name]] : []))),
  }))
  const accuracy = accuracyPoints(seeds)
  return [
    ...(gold.length > 0 ? [lineChart('Gold score by RL step', gold)] : []),
    ...(accuracy.length > 0 ? [pointChart('Accuracy of reward models by share of the labels', accuracy)] : []),
  ]
}

/** Of the variations of the reward-model study, those that are a share of the labels. */
function accuracyPoints(seeds: readonly SeedFigures[]) {
  const shares = [...new Set(seeds.flatMap(({ accuracyBy }) => Object.keys(accuracyBy)))]
    .filter((name) => Number(name) > 0)
    .sort((a, b) => Number(a) - Number(b))
  return shares.map((name) => ({
    name,
    ...estimateOf(seeds.flatMap(({ accuracyBy }) => accuracyBy[name] ?? []))!,
  }))
}

/** At each step, the mean over the seeds that have it. */
function meanCurve(curves: readonly (readonly (readonly [number, number])[])[]): [number, number][] {
  const points = curves.flat()
  const steps = [...new Set(points.map(([step]) => step))].sort((a, b) => a - b)
  return steps.map((step) => [step, mean(points.filter(([at]) => at === step).map(([, gold]) => gold))])
}
