// The report of a comparison: the answer first, the paper's Table 1 with our figures, every policy against every other, and what they wrote.
import type { Alignment } from '../evaluation/alignment'
import type { Interval } from '../evaluation/bootstrap'
import { duelBetween, type Comparison, type Duel, type Prompted, type Standing } from '../evaluation/comparison'
import type { Share } from '../evaluation/statistics'
import { lineChart, type Curve } from './chart'
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
import { HARMLESS_RATES, REWARD_MODEL_ACCURACY, WIN_RATES } from './paper-figures'
import { repeat, stageTable, type StageRecord } from './provenance'

export interface ComparedArm {
  name: string
  /** What the paper calls it, or the method. */
  like: string
  seed: number
  /** Where its own report is. */
  report?: string | undefined
  failed?: string | undefined
  /** Names of its stages' artifacts in `records`. */
  stages: Record<string, string>
  /** Rows of its RL curve. */
  rl: Record<string, number>[]
}
export interface ComparisonData {
  title: string
  task: string
  settings: unknown
  version: string
  judge: string
  labelers: string[]
  seeds: number[]
  alignment: Alignment | undefined
  arms: ComparedArm[]
  /** By URI: each once, however many arms share it. */
  records: Map<string, StageRecord>
  comparison: Comparison
  prompts: Prompted[]
}

const SHOWN_PROMPTS = 200
const FEW_PROMPTS = 50
const SURE = 0.05

export function renderComparison(data: ComparisonData): string {
  return page(
    data.title,
    [
      `<h1>${escape(data.title)}</h1><p class="soft">${data.prompts.length} prompts${data.seeds.length > 1 ? ` over seeds ${data.seeds.join(', ')}` : ''}, judged by ${escape(data.judge)}, both orders.</p>`,
      answers(data)
        .map((sentence) => `<p class="answer">${escape(sentence)}</p>`)
        .join(''),
      cautions(data).map(caution).join(''),
      besidePaper(data),
      matrix(data.comparison),
      standings(data),
      curves(data.arms),
      arms(data),
      samples(data.prompts),
      `<h2>Stages</h2>${stageTable([...data.records.values()])}`,
      repeat('compare', data.settings, data.version),
    ].join('\n'),
  )
}

const withShare = ({ value, low, high, n }: Share): Cell =>
  n === 0 ? number(undefined) : withInterval(percent(value), formatNumber(100 * low, 0), formatNumber(100 * high, 0))
const withBand = ({ value, low, high }: Interval, digits: number): Cell =>
  withInterval(formatNumber(value, digits), formatNumber(low, digits), formatNumber(high, digits))
const paperShare = (value: number | undefined): Cell => ({
  html: value === undefined ? '–' : `${value} %`,
  number: true,
})
const pValue = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3))

/** What was found, in sentences. */
export function answers({ comparison: { duels, standings } }: Pick<ComparisonData, 'comparison'>): string[] {
  const sure = duels.filter(({ p, winRate }) => p < SURE && winRate.n > 0)
  const sentence = (duel: Duel) => {
    const [winner, loser] = duel.winRate.value > 0.5 ? [duel.first, duel.second] : [duel.second, duel.first]
    const { winRate, controlled } = duelBetween(winner, loser, [duel])!
    return `${winner} beats ${loser} on ${percent(winRate.value)} of ${winRate.n} prompts (${percent(winRate.low)} to ${percent(winRate.high)}; p ${pValue(duel.p)}); at equal length ${percent(controlled.value)} (${percent(controlled.low)} to ${percent(controlled.high)}).`
  }
  const rated = standings.filter(({ good }) => good)
  const rates =
    rated.length > 0
      ? [`Good by themselves: ${rated.map(({ name, good }) => `${name} ${percent(good!.value)}`).join(', ')}.`]
      : []
  if (sure.length === 0)
    return [
      'No policy can be told from any other: no win rate differs from 50 % beyond noise (sign test, Holm-corrected).',
      ...rates,
    ]
  return [...sure.map(sentence), ...rates]
}

/** What a reader must know before believing it. */
export function cautions({
  alignment,
  judge,
  labelers,
  comparison: { duels },
  arms,
}: Pick<ComparisonData, 'alignment' | 'judge' | 'labelers' | 'comparison' | 'arms'>): string[] {
  const out: string[] = []
  if (!alignment) out.push(`The data has no human labels, so nothing here says whether ${judge} judges as people do.`)
  else {
    const { agreement, sameSlot } = alignment
    if (agreement.low <= 0.5)
      out.push(
        `${judge} cannot be told from chance as a judge: it agrees with people in ${percent(agreement.value)} of ${agreement.n} pairs. The figures below show that the machinery runs, and nothing about the methods; use a stronger judge by an endpoint.`,
      )
    if (sameSlot.value > 0.5)
      out.push(
        `${judge} chose the same slot in both orders in ${percent(sameSlot.value)} of the pairs: it looks at the place more than at the text.`,
      )
  }
  if (labelers.includes(judge))
    out.push(
      `The judge, ${judge}, is also a labeler of this comparison: policies were trained towards its taste, and it favours them.`,
    )
  const most = Math.max(0, ...duels.map(({ winRate }) => winRate.n))
  if (most < FEW_PROMPTS) out.push(`${most} prompts are too few for a conclusion; a few hundred are usual.`)
  for (const { first, second, winRate, equal } of duels)
    if (winRate.n > 0 && equal === winRate.n)
      out.push(`${first} and ${second} answered every prompt with the same text: they are one policy.`)
  const failed = duels.reduce((sum, duel) => sum + duel.failed, 0)
  if (failed > 0) out.push(`${failed} comparisons got no answer from the judge and are left out.`)
  for (const arm of arms)
    if (arm.failed) out.push(`${arm.name}, seed ${arm.seed}, did not come to an end and is missing: ${arm.failed}`)
  return out
}

/** The paper's Tables 1 and 8–11, as far as the arms reach. */
function besidePaper({ arms, comparison: { duels, standings }, task }: ComparisonData): string {
  const named = new Map(arms.map(({ name, like }) => [like, name]))
  named.set('reference', 'reference')
  const rows = Object.entries(WIN_RATES).flatMap(([pair, figures]): Cell[][] => {
    const [first, second] = pair.split('/').map((like) => named.get(like)) as [string?, string?]
    const duel = first && second ? duelBetween(first, second, duels) : undefined
    if (!duel) return []
    const paper = figures[task]
    return [
      [
        text(`${duel.first} against ${duel.second}`),
        withShare(duel.winRate),
        withShare(duel.controlled),
        { html: pValue(duel.p), number: true },
        paperShare(paper?.raw),
        paperShare(paper?.controlled),
      ],
    ]
  })
  const harmless = standings.flatMap(({ name, good, goodControlled }): Cell[][] => {
    if (!good) return []
    const paper = task === 'harmless' ? HARMLESS_RATES[arms.find((arm) => arm.name === name)?.like ?? ''] : undefined
    return [
      [text(name), withShare(good), withShare(goodControlled!), paperShare(paper?.raw), paperShare(paper?.controlled)],
    ]
  })
  return [
    rows.length > 0
      ? `<h2>Win rates beside the paper's</h2>${table(['', 'Ours', 'At equal length', 'p', 'Paper', 'At equal length'], rows)}<p class="soft">95 % intervals: Wilson's, and of the logistic regression at length ratio 1 (paper, Appendix J). p: exact sign test, corrected for all pairs by Holm's method. Paper: human raters, PaLM 2.</p>`
      : '',
    harmless.length > 0
      ? `<h2>Good by themselves</h2>${table(['Policy', 'Share', 'At the length of the first', 'Paper', 'At equal length'], harmless)}<p class="soft">Each response judged alone; in the paper by people, as harmless or harmful (Tables 1 and 10).</p>`
      : '',
  ].join('')
}

function matrix({ duels, standings }: Comparison): string {
  const names = standings.map(({ name }) => name)
  const cell = (row: string, column: string): string => {
    const duel = duelBetween(row, column, duels)
    if (!duel || duel.winRate.n === 0) return '<td class="n none"></td>'
    const { winRate, p } = duel
    const tone = p >= SURE ? '' : winRate.value > 0.5 ? ' better' : ' worse'
    return `<td class="n${tone}">${withShare(winRate).html}</td>`
  }
  const rows = names.map(
    (row) => `<tr><th>${escape(row)}</th>${names.map((column) => cell(row, column)).join('')}</tr>`,
  )
  return `<h2>Every policy against every other</h2><div class="wide nowrap"><table><thead><tr><th>wins of ↓ against →</th>${names.map((name) => `<th class="n">${escape(name)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div><p class="soft">Coloured where it differs from 50 % beyond noise (p &lt; ${SURE} after correction).</p>`
}

function standings({ comparison, arms, records, task }: ComparisonData): string {
  const figure = (name: string, stage: string, what: string) => {
    const values = arms
      .filter((arm) => arm.name === name)
      .flatMap(({ stages }) => {
        const value = records.get(stages[stage] ?? '')?.summary[what]
        return typeof value === 'number' ? [value] : []
      })
    return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length
  }
  const accuracy = (name: string): Cell => {
    const ours = figure(name, 'reward-model', 'accuracy')
    const paper = REWARD_MODEL_ACCURACY[arms.find((arm) => arm.name === name)?.like ?? '']?.[task]
    return ours === undefined
      ? number(undefined)
      : { html: `${percent(ours)}${paper ? ` <span class="soft">paper ${paper} %</span>` : ''}`, number: true }
  }
  const rows = comparison.standings.map(({ name, responses, length, distinct1, distinct2 }: Standing): Cell[] => [
    text(name),
    number(responses),
    withBand(length, 0),
    withBand(distinct1, 2),
    withBand(distinct2, 2),
    number(figure(name, 'rl', 'kl'), 1),
    number(figure(name, 'rl', 'firstReward')),
    number(figure(name, 'rl', 'lastReward')),
    accuracy(name),
  ])
  return `<h2>What became of each policy</h2>${table(['Policy', 'Responses', 'Characters', 'Distinct-1', 'Distinct-2', 'KL (nats)', 'Reward at first', 'at last', 'Reward model'], rows)}<p class="soft">95 % intervals over prompts: bootstrap for length, delete-a-group jackknife for distinct n-grams. KL to the SFT model a response, and rewards, from training; means over seeds. Reward model: its accuracy on held-out labels of its own kind.</p>`
}

const RL_CURVES: [title: string, name: string][] = [
  ['RL: reward', 'rawReward'],
  ['RL: KL to the SFT model', 'kl'],
  ['RL: response length (tokens)', 'length'],
  ['RL: entropy', 'entropy'],
]

function curves(arms: readonly ComparedArm[]): string {
  const charts = RL_CURVES.flatMap(([title, metric]) => {
    const drawn = arms.flatMap(({ name, seed, rl }): Curve[] => {
      const points = rl.flatMap((row): [number, number][] =>
        row.step === undefined || row[metric] === undefined ? [] : [[row.step, row[metric]]],
      )
      return points.length > 0
        ? [{ name: arms.some((arm) => arm.seed !== seed) ? `${name} ${seed}` : name, points }]
        : []
    })
    return drawn.length > 0 ? [lineChart(title, drawn)] : []
  })
  return charts.length === 0
    ? ''
    : `<h2>Training</h2><div class="charts">${charts.join('')}</div><p class="soft">Rewards of a reward model and of direct scores are on different scales.</p>`
}

function arms({ arms, records }: ComparisonData): string {
  const rows = arms.map(({ name, seed, report, failed, stages }): Cell[] => {
    const own = Object.values(stages).flatMap((uri) => records.get(uri) ?? [])
    const sum = (figure: (record: StageRecord) => number) => own.reduce((total, record) => total + figure(record), 0)
    return [
      text(name),
      number(seed),
      failed ? text(`failed: ${failed}`) : { html: report ? `<a href="${escape(report)}">report</a>` : '' },
      number(
        sum(({ seconds }) => seconds),
        0,
      ),
      number(
        sum(({ summary }) => Number(summary.cost ?? 0)),
        4,
      ),
    ]
  })
  const all = [...records.values()].reduce((total, { seconds }) => total + seconds, 0)
  return `<h2>Arms</h2>${table(['Arm', 'Seed', '', 'Seconds of its stages', 'Cost'], rows)}<p class="soft">Stages that arms share count in each, but were done once: ${escape(formatNumber(Math.round(all)))} seconds in all.</p>`
}

function samples(prompts: readonly Prompted[]): string {
  const shown = prompts.slice(0, SHOWN_PROMPTS).map(({ context, responses, good }) => {
    const columns = Object.entries(responses).map(
      ([name, response]) =>
        `<div><h4>${escape(name)}${good?.[name] === undefined ? '' : ` · good ${percent(good[name])}`}</h4>${escape(response)}</div>`,
    )
    return `<div class="contest"><div class="context">${escape(context)}</div><div class="many">${columns.join('')}</div></div>`
  })
  return `<h2>What they wrote</h2>${searchBox('Search prompts and responses')}<p class="soft">${shown.length} of ${prompts.length} prompts, as they come.</p>${shown.join('')}`
}
