// The report of a human evaluation.
import type { HumanResult } from '../evaluation/human'
import type { RatingKind } from '../contracts/human-evaluation'
import {
  caution,
  escape,
  formatNumber,
  number,
  page,
  percent,
  searchBox,
  table,
  text,
  withInterval,
  type Cell,
} from './html'
import { HARMLESS_RATES, WIN_RATES } from './paper-figures'
import { repeat } from './provenance'

export interface RatedSample {
  context: string
  responses: { policy: string; text: string }[]
  answers: { rater: string; answer: number[] }[]
}
export interface HumanData {
  title: string
  settings: unknown
  version: string
  task: string
  kind: RatingKind
  result: HumanResult
  samples: RatedSample[]
}

const FEW_PROMPTS = 50
const SHOWN = 200
const SURE = 0.05
const share = (value: number, low: number, high: number): Cell =>
  withInterval(percent(value), formatNumber(100 * low, 0), formatNumber(100 * high, 0))

export function renderHuman(data: HumanData): string {
  const { title, result, samples, settings, version } = data
  return page(
    title,
    [
      `<h1>${escape(title)}</h1>`,
      answers(data)
        .map((sentence) => `<p class="answer">${escape(sentence)}</p>`)
        .join(''),
      cautions(data).map(caution).join(''),
      data.kind === 'rank' ? preferences(data) : rates(data),
      raters(result),
      `<h2>What was rated</h2>${searchBox('Search prompts and responses')}${samples
        .slice(0, SHOWN)
        .map((sample) => shown(sample, data.kind))
        .join('')}`,
      repeat('humanEvaluation', settings, version),
    ].join('\n'),
  )
}

function answers({ kind, result }: HumanData): string[] {
  if (kind === 'verdict')
    return [
      `Called good: ${result.good.map(({ name, share }) => `${name} ${percent(share.value)} (${percent(share.low)} to ${percent(share.high)})`).join(', ')}.`,
    ]
  const sure = result.duels.filter(({ p }) => p < SURE)
  if (sure.length === 0)
    return ['The raters do not tell any policy from another beyond noise (sign test over prompts, Holm-corrected).']
  return sure.map(({ first, second, winRate: w, prompts, p }) => {
    const [winner, loser, value, low, high] =
      w.value > 0.5 ? [first, second, w.value, w.low, w.high] : [second, first, 1 - w.value, 1 - w.high, 1 - w.low]
    return `${winner} is preferred to ${loser} in ${percent(value)} of the ratings (${percent(low)} to ${percent(high)}; ${prompts} prompts, p ${p < 0.001 ? '< 0.001' : p.toFixed(3)}).`
  })
}

function cautions({ result, samples }: HumanData): string[] {
  const out =
    samples.length < FEW_PROMPTS
      ? [`${samples.length} prompts are too few for a conclusion; the paper had some 2,000.`]
      : []
  for (const { name, checks } of result.raters)
    if (checks.n > 0 && checks.value < 0.8)
      out.push(`${name} passed ${percent(checks.value)} of ${checks.n} attention checks.`)
  return out
}

function preferences({ result, task }: HumanData): string {
  const duels = result.duels.map(({ first, second, winRate, prompts, ratings, p }): Cell[] => {
    const paper = WIN_RATES[`${first}/${second}`]?.[task]?.raw
    return [
      text(`${first} against ${second}`),
      share(winRate.value, winRate.low, winRate.high),
      number(prompts),
      number(ratings),
      number(p),
      text(paper === undefined ? '–' : `${paper} %`),
    ]
  })
  const ranks = result.ranks.map(({ name, rank }): Cell[] => [
    text(name),
    withInterval(rank.value.toFixed(2), rank.low.toFixed(2), rank.high.toFixed(2)),
  ])
  return `<h2>Who is preferred</h2>${table(['', 'Share', 'Prompts', 'Ratings', 'p', 'Paper'], duels)}${table(['Policy', 'Mean rank'], ranks)}<p class="soft">95 % intervals draw prompts (bootstrap). Kendall's W ${Number.isFinite(result.kendallW) ? result.kendallW.toFixed(2) : '–'}, mean over the prompts that several raters ranked; the paper's sessions had 0.6 to 0.7.</p>`
}

function rates({ result, task }: HumanData): string {
  const rows = result.good.map(({ name, share: s, ratings }): Cell[] => [
    text(name),
    share(s.value, s.low, s.high),
    number(ratings),
    text(task === 'harmless' && HARMLESS_RATES[name] ? `${HARMLESS_RATES[name].raw} %` : '–'),
  ])
  return `<h2>Called good</h2>${table(['Policy', 'Share', 'Ratings', 'Paper'], rows)}<p class="soft">95 % intervals draw prompts (bootstrap). Cohen's kappa between raters ${Number.isFinite(result.kappa) ? result.kappa.toFixed(2) : '–'}.</p>`
}

function raters({ raters }: HumanResult): string {
  const rows = raters.map(({ name, ratings, medianSeconds, checks }): Cell[] => [
    text(name),
    number(ratings),
    number(medianSeconds, 0),
    checks.n === 0 ? text('–') : text(`${Math.round(checks.value * checks.n)} of ${checks.n}`),
  ])
  return `<h2>Raters</h2>${table(['Rater', 'Ratings', 'Median seconds', 'Attention checks passed'], rows)}`
}

function shown({ context, responses, answers }: RatedSample, kind: RatingKind): string {
  const said = (place: number) =>
    answers
      .map(
        ({ rater, answer }) =>
          `${rater}: ${kind === 'rank' ? answer.indexOf(place) + 1 : answer[place] === 1 ? 'good' : 'bad'}`,
      )
      .join(', ')
  const columns = responses.map(
    ({ policy, text }, place) => `<div><h4>${escape(policy)} · ${escape(said(place))}</h4>${escape(text)}</div>`,
  )
  return `<div class="contest"><div class="context">${escape(context)}</div><div class="many">${columns.join('')}</div></div>`
}
