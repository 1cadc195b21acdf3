// The report of a run: one HTML file. Figures that mean nothing are said to mean nothing, beside the figure.
import type { Summary } from '../contracts/artifact'
import type { Alignment } from '../evaluation/alignment'
import type { Calibration } from '../evaluation/calibration'
import type { Share } from '../evaluation/statistics'
import type { JudgedContest } from '../evaluation/win-rate'
import { lineChart, type Curve } from './chart'
import { COST_OF_A_PAIR } from './paper-figures'
import { caution, escape, formatNumber, number, page, percent, searchBox, table, text, type Cell } from './html'
import { repeat, stageTable, type StageRecord } from './provenance'

export interface ReportStage extends StageRecord {
  /** Rows of the training curve, if the stage has one. */
  metrics: Record<string, number>[]
}
export interface Evaluation {
  judge: string
  winRate: Share
  /** At equal length; missing from artifacts of earlier versions. */
  controlled?: Share
  equal: number
  failed: number
  alignment?: Alignment | undefined
  length: { policy: number; baseline: number }
}
/** Checkpoints that a judge chose among. */
export interface Choice {
  judge: string
  /** Validation reward before training. */
  initialReward: number
  candidates: { step: number; validationReward: number; winRate: Share; chosen: boolean }[]
}
export interface ReportData {
  title: string
  settings: unknown
  /** Of this package. */
  version: string
  stages: ReportStage[]
  dropped: Record<string, number>
  evaluation?: Evaluation
  choice?: Choice
  calibration?: Calibration
  contests: JudgedContest[]
}

const SHOWN_CONTESTS = 200
/** Below this many decided pairs the interval of a share is wider than ±14 points. */
const FEW_PAIRS = 50

export function renderReport(data: ReportData): string {
  return page(
    data.title,
    [
      `<h1>${escape(data.title)}</h1>`,
      data.evaluation ? verdict(data.evaluation) : '',
      curves(data.stages, data.calibration),
      data.choice ? candidates(data.choice) : '',
      labels(data.stages),
      stages(data.stages),
      droppedRows(data.dropped),
      contests(data.contests),
      repeat(isOfReportAlone(data.settings) ? 'report' : 'align', data.settings, data.version),
    ].join('\n'),
  )
}

const isOfReportAlone = (settings: unknown) =>
  typeof settings === 'object' && settings !== null && 'artifacts' in settings

const shareText = ({ value, n }: Share) => (n > 0 ? percent(value) : '–')
const interval = ({ low, high }: Share) => `95 % interval ${percent(low)} to ${percent(high)}`

function tile(figure: string, what: string, note: string): string {
  return `<div class="tile"><b>${escape(figure)}</b>${escape(what)}<br><span>${escape(note)}</span></div>`
}

function verdict(evaluation: Evaluation): string {
  const { winRate: rate, alignment, length } = evaluation
  const tiles = [
    tile(
      shareText(rate),
      'win rate against the baseline',
      `${interval(rate)}, ${rate.n} prompts, ${evaluation.equal} equal responses`,
    ),
    ...(evaluation.controlled && rate.n > 0
      ? [
          tile(
            shareText(evaluation.controlled),
            'at equal length',
            `${interval(evaluation.controlled)}; the paper’s regression on the ratio of lengths, Appendix J`,
          ),
        ]
      : []),
    tile(
      `${length.policy.toFixed(0)} : ${length.baseline.toFixed(0)}`,
      'mean characters',
      'policy : baseline; judges tend to like length',
    ),
  ]
  if (alignment) {
    tiles.push(
      tile(
        shareText(alignment.agreement),
        'judge agrees with people',
        `${interval(alignment.agreement)}, ${alignment.agreement.n} pairs, ${alignment.ties} human ties left out`,
      ),
    )
    tiles.push(
      tile(
        shareText(alignment.sameSlot),
        'same slot chosen in both orders',
        `${interval(alignment.sameSlot)}; 0 % would be a judge that never looks at the place`,
      ),
    )
  }
  return `<h2>Outcome</h2><p>Judge: ${escape(evaluation.judge)}.</p><div class="tiles">${tiles.join('')}</div>${cautions(evaluation).map(caution).join('')}`
}

/** What a reader must know before believing a figure of the evaluation. */
export function cautions({ winRate: rate, alignment, failed, equal, judge }: Evaluation): string[] {
  const out: string[] = []
  if (rate.n > 0 && equal === rate.n)
    out.push(
      'Policy and baseline answered every prompt with the same text: training changed nothing that greedy decoding shows.',
    )
  else if (rate.n > 0 && rate.low <= 0.5 && rate.high >= 0.5)
    out.push(`The win rate cannot be told from 50 %: with ${rate.n} prompts its interval holds both better and worse.`)
  if (rate.n < FEW_PAIRS) out.push(`${rate.n} prompts are too few for a conclusion; a few hundred are usual.`)
  if (!alignment) out.push(`The data has no human labels, so nothing here says whether ${judge} judges as people do.`)
  else {
    if (alignment.agreement.low <= 0.5)
      out.push(
        `${judge} cannot be told from chance as a judge: it agrees with people in ${percent(alignment.agreement.value)} of ${alignment.agreement.n} pairs. Every figure that rests on it shows that the machinery runs, and no more; use a stronger labeler by an endpoint.`,
      )
    if (alignment.sameSlot.value > 0.5)
      out.push(
        `${judge} chose the same slot in both orders in ${percent(alignment.sameSlot.value)} of the pairs: it looks at the place more than at the text.`,
      )
    if (alignment.failed > 0)
      out.push(`${alignment.failed} pairs with human labels got no answer from the judge and are left out.`)
  }
  if (failed > 0) out.push(`${failed} comparisons got no answer from the judge and are left out of the win rate.`)
  return out
}

/** Which curves are drawn for which stage, in order. */
const CHARTS: Record<string, [title: string, ...names: string[]][]> = {
  sft: [['SFT: loss', 'loss']],
  'reward-model': [
    ['Reward model: loss', 'loss'],
    ['Reward model: accuracy on its batch', 'accuracy'],
  ],
  rl: [
    ['RL: reward', 'rawReward', 'reward'],
    ['RL: validation reward', 'validationReward'],
    ['RL: KL to the SFT model', 'kl', 'kl3'],
    ['RL: value loss', 'valueLoss'],
    ['RL: explained variance of the value model', 'explainedVariance'],
    ['RL: response length (tokens)', 'length'],
    ['RL: share with an end', 'eosShare'],
    ['RL: entropy', 'entropy'],
    ['RL: gradient norm', 'gradientNorm'],
    ['RL: tokens a second', 'tokensPerSecond'],
  ],
}
const CURVE_NAMES: Record<string, string> = {
  rawReward: 'reward',
  reward: 'after the end-of-text rule',
  kl: 'k1',
  kl3: 'k3',
}

function curves(all: readonly ReportStage[], calibration: Calibration | undefined): string {
  const charts = all.flatMap(({ stage, metrics }) =>
    (CHARTS[stage] ?? []).flatMap(([title, ...names]) => {
      const drawn = names.map((name) => curve(name, metrics)).filter(({ points }) => points.length > 0)
      return drawn.length > 0 ? [lineChart(title, drawn)] : []
    }),
  )
  if (calibration && calibration.bins.length > 1)
    charts.push(
      lineChart('Reward model: calibration', [
        { name: 'held-out pairs', points: calibration.bins.map(({ predicted, observed }) => [predicted, observed]) },
        {
          name: 'perfect',
          points: [
            [0, 0],
            [1, 1],
          ],
        },
      ]),
    )
  return charts.length === 0 ? '' : `<h2>Training</h2><div class="charts">${charts.join('')}</div>`
}

function curve(name: string, metrics: readonly Record<string, number>[]): Curve {
  return {
    name: CURVE_NAMES[name] ?? name,
    points: metrics.flatMap((m) =>
      m.step === undefined || m[name] === undefined ? [] : [[m.step, m[name]] as [number, number]],
    ),
  }
}

/** How the labels came about and what they cost, beside the paper's prices. */
function labels(all: readonly ReportStage[]): string {
  return all
    .filter(({ stage }) => stage === 'label')
    .map(({ summary: s }) => {
      const counts = [
        `${s.labels} labels by ${s.labeler}`,
        `${s.failed} failed`,
        `${s.tooLong} longer than its context`,
        `${s.bounded} with a bound in place of a probability`,
      ]
      const slot =
        typeof s.sameSlotShare === 'number'
          ? [`the same slot chosen in both orders in ${percent(s.sameSlotShare)}`]
          : []
      return `<h2>Labels</h2><p>${escape([...counts, ...slot].join(' · '))}.</p><p>${escape(cost(s))}</p>`
    })
    .join('')
}

function cost(s: Summary): string {
  const paper = `In the paper a pair cost $${COST_OF_A_PAIR.ai} by GPT-4 and $${COST_OF_A_PAIR.human} by people (2023 prices, Appendix L).`
  if (typeof s.requests !== 'number') return `A local labeler: no money but time. ${paper}`
  const reused = s.reusedAnswers ? `, ${formatNumber(Number(s.reusedAnswers))} answers were there already` : ''
  const money =
    Number(s.cost) > 0
      ? `${formatNumber(Number(s.cost), 4)} in all, ${formatNumber(Number(s.cost) / Number(s.labels), 5)} a pair`
      : 'no money is reckoned without labeler.price or new requests'
  return `${formatNumber(s.requests)} requests, ${formatNumber(Number(s.promptTokens))} tokens in, ${formatNumber(Number(s.completionTokens))} out${reused}; cost: ${money}. ${paper}`
}

/** Every checkpoint that could have become the policy (paper §3.3). */
function candidates({ judge, initialReward, candidates }: Choice): string {
  const rows = candidates.map(({ step, validationReward, winRate, chosen }): Cell[] => [
    number(step),
    number(validationReward),
    text(`${shareText(winRate)} (${percent(winRate.low)} to ${percent(winRate.high)})`),
    text(chosen ? 'chosen' : ''),
  ])
  return `<h2>Candidates</h2>${table(['Step', 'Validation reward', 'Win rate against the SFT model', ''], rows)}<p class="soft">Steps with the highest validation reward, of ${escape(formatNumber(initialReward))} before training; the judge, ${escape(judge)}, then compared their greedy responses with the SFT model's. With few validation prompts the choice is mostly noise: the intervals say how much.</p>`
}

function stages(all: readonly ReportStage[]): string {
  const stops = all.flatMap(({ summary: { stopped } }) => (typeof stopped === 'string' ? [caution(stopped)] : []))
  return `<h2>Stages</h2>${stops.join('')}${stageTable(all)}`
}

function droppedRows(dropped: Record<string, number>): string {
  const rows = Object.entries(dropped).map(([reason, count]) => [text(reason), number(count)])
  return rows.length === 0 ? '' : `<h2>Rows left out</h2>${table(['Reason', 'Rows'], rows)}`
}

function contests(all: readonly JudgedContest[]): string {
  const shown = all.slice(0, SHOWN_CONTESTS).map(({ context, baseline, policy, preferPolicy, failed }) => {
    const says = failed
      ? `The judge gave no answer: ${failed}`
      : policy === baseline
        ? 'Equal responses: a tie.'
        : `The judge prefers the policy with probability ${preferPolicy!.toFixed(3)}.`
    return `<div class="contest"><div class="context">${escape(context)}</div><div class="pair"><div><h4>Baseline</h4>${escape(baseline)}</div><div><h4>Policy</h4>${escape(policy)}</div></div><p class="soft">${escape(says)}</p></div>`
  })
  return shown.length === 0
    ? ''
    : `<h2>Responses side by side</h2>${searchBox('Search prompts and responses')}<p class="soft">${shown.length} of ${all.length} held-out prompts, as they come.</p>${shown.join('')}`
}
