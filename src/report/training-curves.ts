// The training curves of a run's report.
import type { Summary } from '../contracts/artifact'
import { CRITERION, OF_VALIDATION } from '../contracts/rubric-metrics'
import type { Calibration } from '../evaluation/calibration'
import { lineChart, type Curve } from './chart'
import { chartGrid, heading } from './html'
import type { StageRecord } from './provenance'

export interface ReportStage extends StageRecord {
  /** Rows of the training curve, if the stage has one. */
  metrics: Record<string, number>[]
}

/** Which curves are drawn for which stage, in order. A name that ends with a space stands for all that begin with it. */
const CHARTS: Record<string, [title: string, ...names: string[]][]> = {
  sft: [['SFT: loss', 'loss']],
  'reward-model': [
    ['Reward model: loss', 'loss'],
    ['Reward model: batch accuracy', 'accuracy'],
  ],
  dpo: [
    ['DPO: loss', 'loss', 'validationLoss'],
    ['DPO: accuracy', 'accuracy', 'validationAccuracy'],
    ['DPO: implicit rewards', 'chosenReward', 'rejectedReward'],
    ['DPO: reward margin', 'rewardMargin'],
    ['DPO: log π_SFT − log π of the labelled responses', 'forwardKl'],
    ['DPO: entropy', 'entropy'],
    ['DPO: gradient norm', 'gradientNorm'],
  ],
  'online-dpo': [
    ['Online DPO: loss', 'loss'],
    ['Online DPO: share that the labeler prefers to the SFT model', 'validationReward'],
    ['Online DPO: what the watch gives on the validation prompts', 'watch'],
    ['Online DPO: implicit rewards', 'chosenReward', 'rejectedReward'],
    ['Online DPO: |2 p − 1| of the labels', 'confidence'],
    ['Online DPO: same slot in both orders', 'sameSlotShare'],
    ['Online DPO: KL to the SFT model', 'kl', 'kl3'],
    ['Online DPO: response length (tokens)', 'length'],
    ['Online DPO: share of responses that end', 'eosShare'],
    ['Online DPO: entropy', 'entropy'],
    ['Online DPO: gradient norm', 'gradientNorm'],
    ['Online DPO: tokens per second', 'tokensPerSecond'],
  ],
  rl: [
    ['RL: reward', 'rawReward', 'reward'],
    ['RL: validation reward', 'validationReward'],
    ['RL: what the watch gives on the validation prompts', 'watch'],
    ['RL: criteria of the rubric', CRITERION],
    ['RL: criteria of the rubric on the validation prompts', `${OF_VALIDATION}${CRITERION}`],
    ['RL: disagreement of the jury', 'disagreement', `${OF_VALIDATION}disagreement`],
    ['RL: standard deviation of the returns of a prompt', 'returnSpread'],
    ['RL: KL to the SFT model', 'kl', 'kl3'],
    ['RL: value loss', 'valueLoss'],
    ['RL: explained variance of the value model', 'explainedVariance'],
    ['RL: response length (tokens)', 'length'],
    ['RL: share of responses that end', 'eosShare'],
    ['RL: entropy', 'entropy'],
    ['RL: gradient norm', 'gradientNorm'],
    ['RL: tokens per second', 'tokensPerSecond'],
  ],
}
const CURVE_NAMES: Record<string, string> = {
  rawReward: 'reward',
  reward: 'after the end-of-text rule',
  kl: 'k1',
  kl3: 'k3',
  disagreement: 'training prompts',
  [`${OF_VALIDATION}disagreement`]: 'validation prompts',
  loss: 'training batch',
  accuracy: 'training batch',
  validationLoss: 'held-out pairs',
  validationAccuracy: 'held-out pairs',
  chosenReward: 'preferred responses',
  rejectedReward: 'the others',
}

/** The charts of one stage, as SVG; none for a stage that trains nothing. */
export const stageCharts = ({
  stage,
  metrics,
  summary,
}: Pick<ReportStage, 'stage' | 'metrics' | 'summary'>): string[] =>
  (CHARTS[stage] ?? []).flatMap(([title, ...names]) => {
    const curves = names
      .flatMap((name) => namesLike(name, metrics))
      .map((name) => curve(name, withStart(metrics, summary)))
      .filter(({ points }, i, all) => points.length > 0 && !isSameLine(points, all[i - 1]?.points))
    return curves.length > 0 ? [lineChart(title, curves)] : []
  })

export function curveSection(stages: readonly ReportStage[], calibration: Calibration | undefined): string {
  const charts = stages.flatMap(stageCharts)
  const ofDpo = stages.some(({ stage }) => stage === 'dpo')
  if (calibration && calibration.bins.length > 1) charts.push(calibrationChart(calibration, ofDpo))
  return charts.length === 0 ? '' : heading('Training') + chartGrid(charts)
}

const DIAGONAL: [number, number][] = [
  [0, 0],
  [1, 1],
]

const calibrationChart = ({ bins }: Calibration, ofDpo: boolean): string =>
  lineChart(ofDpo ? 'DPO: calibration of the implicit rewards' : 'Reward model: calibration', [
    { name: 'held-out pairs', points: bins.map(({ predicted, observed }) => [predicted, observed]) },
    { name: 'perfect', points: DIAGONAL },
  ])

const namesLike = (name: string, metrics: ReportStage['metrics']): string[] =>
  name.endsWith(' ') ? [...new Set(metrics.flatMap(Object.keys))].filter((one) => one.startsWith(name)) : [name]

/** With the validation before training as step 0. */
function withStart(
  metrics: ReportStage['metrics'],
  { validationBefore, watchBefore }: Summary,
): ReportStage['metrics'] {
  if (typeof validationBefore !== 'number') return metrics
  const watch = typeof watchBefore === 'number' && { watch: watchBefore }
  return [{ step: 0, validationReward: validationBefore, ...watch }, ...metrics]
}

/** Of two equal curves only one can be seen. */
const isSameLine = (points: Curve['points'], others: Curve['points'] | undefined): boolean =>
  points.length === others?.length && points.every(([, y], i) => y === others[i]![1])

function curve(name: string, metrics: readonly Record<string, number>[]): Curve {
  const points = metrics.flatMap((row): [number, number][] =>
    row.step === undefined || row[name] === undefined ? [] : [[row.step, row[name]]],
  )
  const criterion = name.split(CRITERION)[1]
  return { name: CURVE_NAMES[name] ?? criterion ?? name, points }
}
