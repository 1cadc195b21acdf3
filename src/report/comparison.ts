// The report of a comparison: what was found, our win rates next to the paper's, all pairs of policies, and their
// responses.
import type { Alignment } from '../evaluation/alignment'
import { duelBetween, type Comparison, type Duel, type Prompted, type Standing } from '../evaluation/comparison'
import { kinshipRemarks } from '../evaluation/model-family'
import { SIGNIFICANCE_LEVEL } from '../evaluation/statistics'
import { mean } from '../mean'
import { lineChart, type Curve } from './chart'
import {
  answerList,
  cautionList,
  chartGrid,
  escape,
  heading,
  link,
  note,
  type Origin,
  page,
  type Sample,
  sampleSection,
} from './html'
import { goodSection, systemOf, winRateSection } from './beside-paper'
import { answers, duelCautions, policyIntervals } from './duel-notes'
import { askedIn, judgeCautions } from './judge-cautions'
import { memberAlignmentTable } from './jury'
import { judgeWithDays, verdictCautions } from './labeler-answers'
import { REWARD_MODEL_ACCURACY } from './paper-figures'
import { reproduction, stageTable, type StageRecord } from './provenance'
import { armCautions, endedEarly, trainedBy } from './stage-cautions'
import {
  countCell,
  estimateCell,
  figureCell,
  numberCell,
  paperText,
  shareCell,
  table,
  textCell,
  type Cell,
} from './table'
import { counted, formatCost, formatDuration, formatPercent } from '../number-format'

export interface ComparedArm {
  name: string
  /** The paper's name for it, as a person gave it. */
  like?: string | undefined
  /** The paper's name for it by its method; counts where `like` is missing. */
  method: string
  seed: number
  /** Address of its own report. */
  report?: string | undefined
  failed?: string | undefined
  /** Addresses of its stages' artifacts, which are in `records`. */
  stages: Record<string, string>
  /** Rows of its RL curve. */
  rl: Record<string, number>[]
}
export interface ComparisonData {
  title: string
  /** That the report is of; default: compare. */
  workflow?: 'rounds' | undefined
  /** Why there were no more rounds. */
  ended?: string | undefined
  origin?: Origin | undefined
  task: string
  settings: unknown
  version: string
  judge: string
  /** In how many orders the judge was asked about each pair; 0: about each response alone. */
  orders?: number | 'as a jury' | undefined
  labelers: string[]
  seeds: number[]
  alignment: Alignment | undefined
  arms: ComparedArm[]
  /** By address: each artifact once, however many arms share it. */
  records: Map<string, StageRecord>
  comparison: Comparison
  prompts: Prompted[]
}

const SHOWN_PROMPTS = 200

export function renderComparison(data: ComparisonData): string {
  return page(data.title, data.origin, [
    note(subtitle(data)),
    data.ended === undefined ? '' : note(`Ended: ${data.ended}.`),
    answerList(answers(data)),
    kinshipOf(data).map(note).join(''),
    cautionList([...cautions(data), ...armCautions(data.arms, data.records)]),
    memberAlignmentTable(data.alignment?.members),
    winRateSection(data) + goodSection(data),
    cautionList(verdictCautions([...data.records.values()])),
    pairSection(data.comparison),
    policySection(data),
    curveSection(data.arms),
    armSection(data),
    responseSection(data.prompts),
    heading('Stages') + stageTable([...data.records.values()]),
    reproduction(data.workflow ?? 'compare', data.settings, data.version),
  ])
}

function subtitle({ prompts, seeds, judge, orders = 2, records }: ComparisonData): string {
  const over = seeds.length > 1 ? ` over seeds ${seeds.join(', ')}` : ''
  const judged = `judged by ${judgeWithDays(judge, [...records.values()])}`
  return `${counted(prompts.length, 'prompt')}${over}, ${judged}, ${askedIn(orders)}.`
}

// ---- Cautions

type CautionData = Pick<ComparisonData, 'alignment' | 'judge' | 'labelers' | 'comparison' | 'arms'>

/** What a reader must know before believing it. */
export function cautions({ alignment, judge, labelers, comparison: { duels }, arms }: CautionData): string[] {
  const trainedByJudge =
    `The judge, ${judge}, also labelled training data of this comparison: ` +
    'policies were trained towards its preferences, and it favours them.'
  return [
    ...judgeCautions(judge, alignment),
    ...(labelers.includes(judge) ? [trainedByJudge] : []),
    ...duelCautions(duels),
    ...arms
      .filter((arm) => arm.failed)
      .map((arm) => `${arm.name}, seed ${arm.seed}, did not finish and is missing: ${arm.failed}`),
  ]
}

/** What the names of judge, labelers and policies show; next to the win rates. */
const kinshipOf = ({ judge, records }: ComparisonData): string[] =>
  kinshipRemarks({ judge, ...trainedBy(records.values()) })

// ---- All pairs

function pairSection({ duels, standings }: Comparison): string {
  const names = standings.map(({ name }) => name)
  const rows = names.map((row): Cell[] => [
    { html: escape(row), heading: true },
    ...names.map((column) => pairCell(duelBetween(row, column, duels))),
  ])
  return [
    heading('All pairs of policies'),
    table(['wins of ↓ over →', ...names], rows, { nowrap: true }),
    note(`Coloured where it differs from 50 % beyond noise (p < ${SIGNIFICANCE_LEVEL} after correction).`),
  ].join('')
}

function pairCell(duel: Duel | undefined): Cell {
  if (!duel || duel.winRate.n === 0) return { html: '', number: true, tone: 'none' }
  const { winRate, p } = duel
  const tone = p >= SIGNIFICANCE_LEVEL ? undefined : winRate.value > 0.5 ? 'better' : 'worse'
  return { ...shareCell(winRate), tone }
}

// ---- Each policy

const POLICY_HEAD = [
  'Policy',
  'Responses',
  'Characters',
  'Distinct-1',
  'Distinct-2',
  'KL (nats)',
  'First reward',
  'Last reward',
  'Reward model',
]

function policySection(data: ComparisonData): string {
  const remark = [
    policyIntervals(data.seeds),
    'KL to the SFT model per response, and rewards, are those of training, as means over seeds.',
    'Reward model: its accuracy on held-out labels of its own kind; for DPO that of its implicit rewards.',
  ]
  return [
    heading('Each policy'),
    table(
      POLICY_HEAD,
      data.comparison.standings.map((standing) => policyRow(standing, data)),
    ),
    note(remark.join(' ')),
  ].join('')
}

function policyRow({ name, responses, length, distinct1, distinct2 }: Standing, data: ComparisonData): Cell[] {
  const rl = (figure: string) => meanFigure(data, name, 'rl', figure) ?? meanFigure(data, name, 'online-dpo', figure)
  return [
    textCell(name),
    countCell(responses),
    estimateCell(length, 0),
    estimateCell(distinct1, 2),
    estimateCell(distinct2, 2),
    numberCell(rl('kl'), 2),
    numberCell(rl('firstReward'), 3),
    numberCell(rl('lastReward'), 3),
    accuracyCell(data, name),
  ]
}

/** A figure of a stage, as its mean over the seeds of a policy. */
function meanFigure({ arms, records }: ComparisonData, name: string, stage: string, figure: string) {
  const values = arms
    .filter((arm) => arm.name === name)
    .map(({ stages }) => records.get(stages[stage] ?? '')?.summary[figure])
    .filter((value) => typeof value === 'number')
  return values.length === 0 ? undefined : mean(values)
}

function accuracyCell(data: ComparisonData, name: string): Cell {
  const ours = meanFigure(data, name, 'reward-model', 'accuracy') ?? meanFigure(data, name, 'dpo', 'accuracy')
  if (ours === undefined) return figureCell('–')
  const paper = REWARD_MODEL_ACCURACY[systemOf(name, data.arms)]?.[data.task]
  return {
    html: `${formatPercent(ours)}${paper ? ` <span class="soft">paper ${paperText(paper)}</span>` : ''}`,
    number: true,
  }
}

const RL_CURVES: [title: string, metric: string][] = [
  ['RL: reward', 'rawReward'],
  ['RL: KL to the SFT model', 'kl'],
  ['RL: response length (tokens)', 'length'],
  ['RL: entropy', 'entropy'],
]

/** One curve a policy: the mean over its seeds, whose own curves are in their reports. */
function curveSection(arms: readonly ComparedArm[]): string {
  const names = [...new Set(arms.map(({ name }) => name))]
  const charts = RL_CURVES.flatMap(([title, metric]) => {
    const curves = names
      .map((name): Curve => ({
        name,
        points: meanCurve(
          arms.filter((arm) => arm.name === name),
          metric,
        ),
      }))
      .filter(({ points }) => points.length > 0)
    return curves.length > 0 ? [lineChart(title, curves)] : []
  })
  if (charts.length === 0) return ''
  const remark = [
    ...(arms.some(({ seed }) => seed !== arms[0]!.seed) ? ['Means over seeds.'] : []),
    'Rewards from a reward model and from direct scores are on different scales.',
  ]
  return heading('Training') + chartGrid(charts) + note(remark.join(' '))
}

/** At each step, the mean over the arms that have it. */
function meanCurve(arms: readonly ComparedArm[], metric: string): [number, number][] {
  const atStep = new Map<number, number[]>()
  for (const { step, [metric]: value } of arms.flatMap(({ rl }) => rl))
    if (step !== undefined && value !== undefined) atStep.set(step, [...(atStep.get(step) ?? []), value])
  return [...atStep].sort(([a], [b]) => a - b).map(([step, values]) => [step, mean(values)])
}

function armSection({ arms, records }: ComparisonData): string {
  const rows = arms.map(({ name, seed, report, failed, stages }): Cell[] => {
    const run = Object.values(stages).flatMap((uri) => records.get(uri) ?? [])
    const seconds = run.reduce((sum, record) => sum + record.seconds, 0)
    const cost = run.reduce((sum, { summary }) => sum + Number(summary.cost ?? 0), 0)
    return [
      textCell(name),
      figureCell(String(seed)),
      failed ? textCell(`failed: ${failed}`) : { html: (report ? link(report, 'report') : '') + endedEarly(run) },
      figureCell(formatDuration(seconds)),
      figureCell(formatCost(cost)),
    ]
  })
  const total = [...records.values()].reduce((sum, { seconds }) => sum + seconds, 0)
  const remark =
    'Stages that several arms share count in each of them, but ran once: ' + `${formatDuration(total)} in total.`
  return heading('Arms') + table(['Arm', 'Seed', '', 'Time of its stages', 'Cost'], rows) + note(remark)
}

function responseSection(prompts: readonly Prompted[]): string {
  const samples = prompts.slice(0, SHOWN_PROMPTS).map(({ context, responses, good }): Sample => ({
    context,
    responses: Object.entries(responses).map(([name, text]) => ({
      title: good?.[name] === undefined ? name : `${name} · good ${formatPercent(good[name])}`,
      text,
    })),
  }))
  return sampleSection({
    title: 'Responses',
    remark: `${samples.length} of ${counted(prompts.length, 'prompt')}, in their original order.`,
    layout: 'many',
    samples,
  })
}
