import { createHash } from 'node:crypto'
import { labelSections } from '../../src/report/label-figures'
import { wilson } from '../../src/evaluation/statistics'
import { cautions, renderReport, type Evaluation, type ReportData } from '../../src/report/report'

const evaluation: Evaluation = {
  judge: 'SmolLM2',
  winRate: wilson(70, 100),
  equal: 0,
  failed: 0,
  alignment: { agreement: wilson(75, 100), sameSlot: wilson(18, 100), ties: 0, failed: 0 },
  length: { policy: 160, baseline: 130 },
}

test('a good judge on enough prompts brings no caution', () => {
  expect(cautions(evaluation)).toEqual([])
})

test.each<[string, Partial<Evaluation>, RegExp]>([
  [
    'a judge at chance',
    { alignment: { ...evaluation.alignment!, agreement: wilson(53, 100) } },
    /SmolLM2 is not measurably better than chance as a judge: it agrees with people on 53\u00a0% of 100 pairs/,
  ],
  [
    'a judge with position bias',
    { alignment: { ...evaluation.alignment!, sameSlot: wilson(90, 100) } },
    /same slot in both orders in 90\u00a0%/,
  ],
  ['no human labels', { alignment: undefined }, /no human labels/],
  ['a win rate that may be 50 %', { winRate: wilson(55, 100) }, /does not differ from 50 % beyond noise/],
  ['too few prompts', { winRate: wilson(16, 16) }, /16 prompts are too few/],
  ['a policy that did not change', { winRate: wilson(8, 16), equal: 16 }, /training changed nothing/],
  ['comparisons without an answer', { failed: 3 }, /3 comparisons got no answer/],
])('%s is named in a plain sentence', (_, change, sentence) => {
  expect(cautions({ ...evaluation, ...change }).join('\n')).toMatch(sentence)
})

test('text of a model is shown as text; the page loads nothing, and no script but its own can run', () => {
  const evil = '<script>alert(1)</script><img src=x onerror=alert(2)>'
  const data: ReportData = {
    title: evil,
    settings: { task: evil },
    version: '1',
    stages: [
      {
        stage: 'rl',
        version: 1,
        seconds: 1,
        summary: { judge: evil },
        uri: 'file:///x',
        sha256: 'abc',
        metrics: [
          { step: 1, rawReward: 1 },
          { step: 2, rawReward: 2 },
        ],
      },
    ],
    dropped: { [evil]: { rows: 1, where: evil, row: evil } },
    evaluation: { ...evaluation, judge: evil },
    contests: [{ id: 'a', context: evil, baseline: evil, policy: `${evil}!`, preferPolicy: 0.7 }],
  }
  const html = renderReport(data)
  expect(html).not.toMatch(/<img|onerror=alert\(2\)>/)
  const [script, ...others] = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, code]) => code!)
  expect(others).toEqual([])
  expect(html).toContain(`script-src 'sha256-${createHash('sha256').update(script!).digest('base64')}'`)
  expect(html).not.toMatch(/(src|href)="https?:/)
  expect(html).toMatch(/<svg/)
  expect(html).toMatch(/default-src 'none'/)
})

test('labels are counted, with what went wrong, and their price is shown next to the paper’s', () => {
  const summary = {
    labeler: 'judge-9',
    labels: 980,
    failed: 15,
    tooLong: 5,
    bounded: 2,
    sameSlotShare: 0.25,
    meanConfidence: 0.4,
    reusedAnswers: 40,
    requests: 1960,
    promptTokens: 1_600_000,
    completionTokens: 1960,
    cost: 4.9,
  }
  const html = renderReport({
    title: 'x',
    settings: {},
    version: '1',
    stages: [{ stage: 'label', version: 1, seconds: 1, summary, uri: 'file:///x', sha256: 'abc', metrics: [] }],
    dropped: {},
    contests: [],
  })
  expect(html).toContain(
    '980 labels by judge-9 · 15 failed · 5 longer than its context window · ' +
      '2 with a bound instead of a probability · same slot chosen in both orders in 25\u00a0%.',
  )
  expect(html).toContain(
    '1,960 requests, 1,600,000 tokens in, 1,960 out, 40 answers reused from earlier; cost: 4.90 in total, ' +
      '0.0050 per pair. In the paper a pair cost $0.06 when labelled by GPT-4 and $0.67 when labelled by people',
  )
})

test('the curve of the validation reward begins before training', () => {
  const stage = (summary: object) => ({
    stage: 'rl',
    version: 1,
    seconds: 1,
    summary: summary as never,
    uri: 'file:///x',
    sha256: 'abc',
    metrics: [
      { step: 6, validationReward: 0.6 },
      { step: 12, validationReward: 0.8 },
    ],
  })
  const html = (summary: object) =>
    renderReport({ title: 'x', settings: {}, version: '1', stages: [stage(summary)], dropped: {}, contests: [] })
  const ticks = (page: string) => [...page.matchAll(/<text[^>]*>([\d.]+)<\/text>/g)].map(([, tick]) => Number(tick))
  expect(Math.min(...ticks(html({ validationBefore: 0.21 })))).toBe(0)
  expect(Math.min(...ticks(html({})))).toBeGreaterThan(0.5)
})

test('a same-slot figure stands beside no word of having none: of a labeler alone, and of a jury of different techniques', () => {
  const said = (more: object) =>
    labelSections([
      {
        stage: 'label',
        summary: { labels: 10, labeler: 'L', failed: 0, tooLong: 0, bounded: 0, sameSlotShare: null, ...more },
      },
    ])
  const ofBoth = 'same slot chosen in both orders in 25\u00a0%'
  expect(said({ sameSlotShare: 0.25 })).toMatch(new RegExp(`${ofBoth}[.;,]`))
  expect(said({ tied: 1 })).toContain('same slot: –, as each response was asked about alone and has none')
  const mixed = said({ tied: 1, meanDisagreement: 0.1, sameSlotShare: 0.25 })
  expect(mixed).toContain(`${ofBoth} of the pairs that all who answered were shown in both orders`)
  expect(mixed).not.toContain('asked about')
  expect(said({ tied: 1, meanDisagreement: 0.1 })).toContain(
    'as a member of the jury was asked about each response alone',
  )
})
