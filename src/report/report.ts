// The report of a run as one HTML file. A figure that shows nothing comes with a sentence that says so.
import type { Alignment } from '../evaluation/alignment'
import type { Calibration } from '../evaluation/calibration'
import type { JuryAgreement } from '../evaluation/jury-agreement'
import { kinshipRemarks, spokenName } from '../evaluation/model-family'
import type { RewardProbe } from '../evaluation/reward-probe'
import type { Share } from '../evaluation/statistics'
import type { JudgedContest } from '../evaluation/win-rate'
import { preferenceSection } from './preference-optimization'
import { curveSection, type ReportStage } from './training-curves'
import { cautionList, escape, heading, note, type Origin, page, type Sample, sampleSection } from './html'
import { contestCautions, judgeCautions, noneJudged, noSameSlot } from './judge-cautions'
import { withAnswerDays } from './labeler-answers'
import { labelledPairSection, type ShownLabel } from './labelled-pairs'
import { jurySection, memberAlignmentTable } from './jury'
import { labelSections } from './label-figures'
import { reproduction, stageTable } from './provenance'
import { beforeAndAfter } from './before-and-after'
import { probeSection } from './reward-probe'
import { revisionSection, type ShownRevision } from './revisions'
import { distinctCautions, trainedBy } from './stage-cautions'
import { counted, formatCount, formatNumber, formatPercent, isOrAre } from '../number-format'
import { countCell, numberCell, shareCell, table, textCell, type Cell } from './table'

export interface Evaluation {
  judge: string
  winRate: Share
  /** The length-controlled win rate; artifacts of earlier versions have none. */
  controlled?: Share
  equal: number
  failed: number
  alignment?: Alignment | undefined
  length: { policy: number; baseline: number }
  /** Shares of responses that are good on their own, where the task asks for a verdict. */
  verdict?: { policy: Share; baseline: Share }
}
/** Checkpoints that a judge chose among. */
export interface Choice {
  judge: string
  /** Validation reward before training. */
  initialReward: number
  candidates: { step: number; validationReward: number; winRate: Share; chosen: boolean }[]
}
/** Rows that were left out for one reason, and the first of them. */
export interface DroppedRows {
  rows: number
  where?: string
  row?: string
}
export interface ReportData {
  title: string
  origin?: Origin | undefined
  settings: unknown
  /** Version of this package. */
  version: string
  stages: ReportStage[]
  dropped: Record<string, DroppedRows>
  evaluation?: Evaluation
  choice?: Choice
  calibration?: Calibration
  probe?: RewardProbe | undefined
  /** Some of what was rewritten before SFT. */
  revisions?: ShownRevision[]
  /** Of labels by a jury. */
  jury?: JuryAgreement | undefined
  /** Labels to read, by what is notable about them. */
  labelled?: { name: string; labels: ShownLabel[] }[]
  contests: JudgedContest[]
}

const SHOWN_CONTESTS = 200

export function renderReport(data: ReportData): string {
  return page(data.title, data.origin, [
    beforeAndAfter(data.contests, data.stages),
    cautionList(distinctCautions(data.stages)),
    data.evaluation ? outcomeSection(data.evaluation, data.stages) : '',
    preferenceSection(data.stages),
    curveSection(data.stages, data.calibration),
    probeSection(data.probe),
    data.choice ? candidateSection(data.choice) : '',
    revisionSection(data.revisions ?? []),
    labelSections(data.stages),
    jurySection(data.jury, data.stages.find(({ stage }) => stage === 'label')?.summary ?? {}),
    labelledPairSection(data.labelled ?? []),
    stageSection(data.stages),
    droppedSection(data.dropped),
    contestSection(data.contests),
    reproduction(isInputOfReport(data.settings) ? 'report' : 'align', data.settings, data.version),
  ])
}

const isInputOfReport = (settings: unknown) =>
  typeof settings === 'object' && settings !== null && 'artifacts' in settings

// ---- Outcome

const shareText = ({ value, n }: Share) => (n > 0 ? formatPercent(value) : '–')
const intervalText = ({ low, high, n }: Share) =>
  n > 0 ? `95 % interval ${formatPercent(low)} to ${formatPercent(high)}` : 'undefined'

const tile = (figure: string, label: string, remark: string): string =>
  `<div class="tile"><b>${escape(figure)}</b>${escape(label)}<br><span>${escape(remark)}</span></div>`

function outcomeSection(evaluation: Evaluation, stages: readonly ReportStage[]): string {
  const { judge, alignment } = evaluation
  const tiles = [...winRateTiles(evaluation), ...(alignment ? alignmentTiles(alignment) : [])]
  return [
    heading('Outcome'),
    `<p>Judge: ${escape(withAnswerDays(spokenName(judge), stages.find(({ stage }) => stage === 'evaluate')?.summary))}.</p>`,
    `<div class="tiles">${tiles.join('')}</div>`,
    memberAlignmentTable(alignment?.members),
    ...kinshipRemarks({ judge, ...trainedBy(stages) }).map(note),
    cautionList(cautions(evaluation)),
  ].join('')
}

function winRateTiles({ winRate, controlled, equal, length, verdict }: Evaluation): string[] {
  const controlledTile = (share: Share) =>
    tile(
      shareText(share),
      'at equal length',
      `${intervalText(share)}; regression on the ratio of lengths as in the paper, Appendix J`,
    )
  return [
    ...(verdict ? [verdictTile(verdict)] : []),
    tile(
      shareText(winRate),
      'win rate against the baseline',
      `${intervalText(winRate)}, ${counted(winRate.n, 'prompt')}, ${counted(equal, 'identical response')}`,
    ),
    ...(controlled && winRate.n > 0 ? [controlledTile(controlled)] : []),
    tile(
      `${formatCount(length.policy)} : ${formatCount(length.baseline)}`,
      'mean characters',
      'policy : baseline; judges tend to prefer longer responses',
    ),
  ]
}

const verdictTile = ({ policy, baseline }: NonNullable<Evaluation['verdict']>): string =>
  tile(
    `${shareText(baseline)} → ${shareText(policy)}`,
    'judged good on their own',
    `baseline → policy; ${intervalText(baseline)} → ${intervalText(policy)}, ${counted(policy.n, 'prompt')}`,
  )

const alignmentTiles = ({ agreement, sameSlot, orders, ties, failed, members }: Alignment): string[] => [
  tile(
    shareText(agreement),
    'judge agrees with people',
    agreement.n > 0
      ? `${intervalText(agreement)}, ${counted(agreement.n, 'pair')}, ${counted(ties, 'human tie')} left out`
      : noneJudged(failed),
  ),
  tile(
    shareText(sameSlot),
    'same slot chosen in both orders',
    sameSlot.n > 0
      ? `${intervalText(sameSlot)}; a judge without position bias would have 0 %`
      : agreement.n > 0
        ? noSameSlot(orders, members !== undefined)
        : noneJudged(failed),
  ),
]

/** What a reader must know before believing a figure of the evaluation. */
export function cautions({ winRate, alignment, failed, equal, judge }: Evaluation): string[] {
  return [
    ...winRateCautions(winRate, equal),
    ...contestCautions({ prompts: winRate.n, equal, failed }),
    ...judgeCautions(judge, alignment),
    ...(alignment && alignment.failed > 0 && alignment.agreement.n > 0
      ? [
          `${counted(alignment.failed, 'pair')} with human labels got no answer from the judge ` +
            `and ${isOrAre(alignment.failed)} left out.`,
        ]
      : []),
    ...(failed > 0 && winRate.n === 0
      ? [`The judge answered none of ${counted(failed, 'comparison')}: there is no win rate.`]
      : []),
  ]
}

function winRateCautions({ n, low, high }: Share, equal: number): string[] {
  if (n > 0 && equal === n) return [] // said of the prompts
  if (n > 0 && low <= 0.5 && high >= 0.5)
    return [
      `The win rate does not differ from 50 % beyond noise: over ${counted(n, 'prompt')} its interval contains 50 %.`,
    ]
  return []
}

// ---- Checkpoints, stages, rows, responses

/** Every checkpoint that could have become the policy (paper §3.3). */
function candidateSection({ judge, initialReward, candidates }: Choice): string {
  const rows = candidates.map(({ step, validationReward, winRate, chosen }): Cell[] => [
    countCell(step),
    numberCell(validationReward, 3),
    shareCell(winRate),
    textCell(chosen ? 'chosen' : ''),
  ])
  const remark = [
    `The steps with the highest validation reward (before training it was ${formatNumber(initialReward, 3)}).`,
    `The judge, ${spokenName(judge)}, compared their greedy responses with those of the SFT model.`,
    'With few validation prompts the choice is mostly noise; the intervals show how much.',
  ]
  return [
    heading('Candidates'),
    table(['Step', 'Validation reward', 'Win rate against the SFT model', ''], rows),
    note(remark.join(' ')),
  ].join('')
}

function stageSection(stages: readonly ReportStage[]): string {
  return heading('Stages') + stageTable(stages)
}

function droppedSection(dropped: Record<string, DroppedRows>): string {
  const rows = Object.entries(dropped).map(([reason, { rows, where = '', row = '' }]) => [
    textCell(reason),
    countCell(rows),
    textCell(where),
    textCell(row),
  ])
  return rows.length === 0
    ? ''
    : heading('Rows left out') + table(['Reason', 'Rows', 'Where the first is', 'What it holds'], rows, { fold: true })
}

function contestSection(contests: readonly JudgedContest[]): string {
  if (contests.length === 0) return ''
  const samples = contests.slice(0, SHOWN_CONTESTS).map(contestSample)
  return sampleSection({
    title: 'Responses side by side',
    remark: `${samples.length} of ${counted(contests.length, 'held-out prompt')}, in their original order.`,
    layout: 'pair',
    samples,
  })
}

const contestSample = (contest: JudgedContest): Sample => ({
  context: contest.context,
  responses: [
    { title: 'Baseline', text: contest.baseline },
    { title: 'Policy', text: contest.policy },
  ],
  remark: judgement(contest),
})

function judgement({ baseline, policy, preferPolicy, failed }: JudgedContest): string {
  if (failed) return `The judge gave no answer: ${failed}`
  if (policy === baseline) return 'Identical responses: a tie.'
  return `The judge prefers the policy with probability ${formatNumber(preferPolicy, 3)}.`
}
