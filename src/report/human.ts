// The report of a human evaluation.
import type { RatingKind } from '../contracts/human-evaluation'
import type { HumanResult } from '../evaluation/human'
import { SIGNIFICANCE_LEVEL } from '../evaluation/statistics'
import { answerList, cautionList, heading, note, type Origin, page, type Sample, sampleSection } from './html'
import { fewPromptsCaution, USUAL_OF_PEOPLE } from './judge-cautions'
import { HARMLESS_RATES, WIN_RATES } from './paper-figures'
import { reproduction } from './provenance'
import { counted, formatCount, formatNumber, formatP, formatPercent, pInWords } from '../number-format'
import {
  countCell,
  estimateCell,
  figureCell,
  numberCell,
  paperCell,
  shareCell,
  table,
  textCell,
  type Cell,
} from './table'

export interface RatedSample {
  context: string
  responses: { policy: string; text: string }[]
  answers: { rater: string; answer: number[] }[]
}
interface HumanData {
  title: string
  origin?: Origin | undefined
  settings: unknown
  version: string
  task: string
  kind: RatingKind
  result: HumanResult
  samples: RatedSample[]
}

const SHOWN_SAMPLES = 200
const PASSED_CHECKS = 0.8

export function renderHuman(data: HumanData): string {
  const { title, origin, kind, result, samples, settings, version } = data
  return page(title, origin, [
    answerList(answers(data)),
    cautionList(cautions(data)),
    kind === 'rank' ? preferenceSection(data) : rateSection(data),
    raterSection(result),
    sampleSection({
      title: 'Rated responses',
      layout: 'many',
      samples: samples.slice(0, SHOWN_SAMPLES).map((sample) => ratedSample(sample, kind)),
    }),
    reproduction('humanEvaluation', settings, version),
  ])
}

/** What was found, in sentences. */
export function answers({ kind, result: { good, duels } }: Pick<HumanData, 'kind' | 'result'>): string[] {
  if (kind === 'verdict') {
    const shares = good.map(
      ({ name, share: { value, low, high } }) =>
        `${name} ${formatPercent(value)} (${formatPercent(low)} to ${formatPercent(high)})`,
    )
    return [`Rated good: ${shares.join(', ')}.`]
  }
  const significant = duels.filter(({ p }) => p < SIGNIFICANCE_LEVEL)
  if (significant.length === 0)
    return ['The raters prefer no policy over another beyond noise (sign test over prompts, Holm-corrected).']
  return significant.map(preferenceSentence)
}

function preferenceSentence({ first, second, winRate: w, prompts, p }: HumanResult['duels'][number]): string {
  const [winner, loser, value, low, high] =
    w.value > 0.5 ? [first, second, w.value, w.low, w.high] : [second, first, 1 - w.value, 1 - w.high, 1 - w.low]
  return (
    `${winner} is preferred to ${loser} in ${formatPercent(value)} of the ratings ` +
    `(${formatPercent(low)} to ${formatPercent(high)}; ${counted(prompts, 'prompt')}, ${pInWords(p)}).`
  )
}

/** What a reader must know before believing the figures. */
const cautions = ({ result, samples }: HumanData): string[] => [
  ...fewPromptsCaution(samples.length, USUAL_OF_PEOPLE),
  ...raterCautions(result),
]

/** Raters who did not look closely. */
export const raterCautions = ({ raters }: Pick<HumanResult, 'raters'>): string[] =>
  raters
    .filter(({ checks }) => checks.n > 0 && checks.value < PASSED_CHECKS)
    .map(
      ({ name, checks }) => `${name} passed ${formatPercent(checks.value)} of ${counted(checks.n, 'attention check')}.`,
    )

function preferenceSection({ result, task }: HumanData): string {
  const duels = result.duels.map(({ first, second, winRate, prompts, ratings, p }): Cell[] => {
    const paper = WIN_RATES[`${first}/${second}`]?.[task]?.raw
    return [
      textCell(`${first} against ${second}`),
      shareCell(winRate),
      countCell(prompts),
      countCell(ratings),
      figureCell(formatP(p)),
      paperCell(paper),
    ]
  })
  const ranks = result.ranks.map(({ name, rank }): Cell[] => [textCell(name), estimateCell(rank, 2)])
  const remark = [
    '95 % intervals by bootstrap over prompts.',
    `Kendall's W ${formatNumber(result.kendallW, 2)}, mean over the prompts that several raters ranked;`,
    "in the paper's rating sessions it was 0.6 to 0.7.",
  ]
  return [
    heading('Preferences'),
    table(['', 'Share', 'Prompts', 'Ratings', 'p', 'Paper'], duels),
    table(['Policy', 'Mean rank'], ranks),
    note(remark.join(' ')),
  ].join('')
}

function rateSection({ result, task }: HumanData): string {
  const rows = result.good.map(({ name, share, ratings }): Cell[] => [
    textCell(name),
    shareCell(share),
    countCell(ratings),
    paperCell(task === 'harmless' ? HARMLESS_RATES[name]?.raw : undefined),
  ])
  return [
    heading('Rated good'),
    table(['Policy', 'Share', 'Ratings', 'Paper'], rows),
    note(`95 % intervals by bootstrap over prompts. Cohen's kappa between raters: ${formatNumber(result.kappa, 2)}.`),
  ].join('')
}

function raterSection({ raters }: HumanResult): string {
  const rows = raters.map(({ name, ratings, medianSeconds, checks }): Cell[] => [
    textCell(name),
    countCell(ratings),
    numberCell(medianSeconds, 0),
    figureCell(checks.n === 0 ? '–' : `${formatCount(checks.value * checks.n)} of ${checks.n}`),
  ])
  return heading('Raters') + table(['Rater', 'Ratings', 'Median seconds', 'Attention checks passed'], rows)
}

function ratedSample({ context, responses, answers }: RatedSample, kind: RatingKind): Sample {
  const shown = (answer: readonly number[], position: number) =>
    kind === 'rank' ? answer.indexOf(position) + 1 : answer[position] === 1 ? 'good' : 'not good'
  const ratingsOf = (position: number) =>
    answers.map(({ rater, answer }) => `${rater}: ${shown(answer, position)}`).join(', ')
  return {
    context,
    responses: responses.map(({ policy, text }, position) => ({ title: `${policy} · ${ratingsOf(position)}`, text })),
  }
}
