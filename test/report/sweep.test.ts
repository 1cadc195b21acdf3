import type { SweptTrial } from '../../src/evaluation/sweep'
import { renderSweep, sweepCsv } from '../../src/report/sweep'
import { answers, cautions, findingsOf, headline, type SweepData } from '../../src/report/sweep-findings'
import { normal } from '../../src/random'

const trial = (
  trial: number,
  level: string,
  repeat: number,
  figures: Record<string, number>,
  more: Partial<SweptTrial> = {},
): SweptTrial => ({
  trial,
  levels: { 'rl.klWeight': level },
  repeat,
  seed: repeat,
  state: 'done',
  seconds: 60,
  figures,
  stages: [],
  ...more,
})
const swept = (gain: number, repeats = 6) =>
  Array.from({ length: repeats }, (_, repeat) => [
    trial(2 * repeat, '0.05', repeat, { 'evaluate.winRate': 0.5 + 0.01 * normal([1, repeat]) }),
    trial(2 * repeat + 1, '0.2', repeat, { 'evaluate.winRate': 0.5 + gain + 0.01 * normal([2, repeat]) }),
  ]).flat()
const data = (trials: SweptTrial[], more: Partial<SweepData> = {}): SweepData => ({
  title: 'Sweep',
  name: 'sweep',
  workflow: 'align',
  task: 'summarization',
  metric: 'evaluate.winRate',
  higherIsBetter: true,
  settings: {},
  version: '1',
  trials,
  others: [],
  ...more,
})
const sentences = (one: SweepData) => answers(one, findingsOf(one)).join('\n')

test('a real effect is reported with its interval; a sweep without effects says so', () => {
  expect(sentences(data(swept(0.2)))).toMatch(
    /Best: rl\.klWeight 0\.2 with [67]\d\.\d\u00a0% .*It stays best in 100\u00a0%.*\nrl\.klWeight 0\.2 differs from 0\.05 by (19|20|21)\.\d\u00a0%.*p\s<\s0\.001/s,
  )
  expect(sentences(data(swept(0)))).toMatch(/No setting differs from the first level of its axis beyond noise/)
  expect(sentences(data(swept(0), { metric: 'evaluate.winRat' }))).toBe(
    'No trial has the figure evaluate.winRat. Available: evaluate.winRate.',
  )
})

test('among equals, and with one seed, no setting is called the best', () => {
  const [equal, alone] = [data(swept(0)), data(swept(0.2, 1))]
  for (const one of [equal, alone]) {
    expect(sentences(one)).toMatch(
      /^No setting is best beyond noise\. The highest win rate is .* cannot be told from it/,
    )
    expect(sentences(one) + headline(one, findingsOf(one))).not.toMatch(/Best:|; best /)
  }
  expect(headline(equal, findingsOf(equal))).toMatch(
    /no setting is best beyond noise; highest win rate 5\d\.\d\u00a0% with/,
  )
  const lower = data(swept(0.2), { higherIsBetter: false })
  expect(sentences(lower)).toMatch(/^Best: rl\.klWeight 0\.05/)
  expect(sentences({ ...alone, higherIsBetter: false })).toMatch(/The lowest win rate is/)
})

test.each<[string, SweptTrial[], RegExp]>([
  ['one seed', swept(0, 1), /Only one seed/],
  ['few seeds', swept(0, 2), /Only 2 seeds/],
  [
    'a judge at chance',
    swept(0).map((one) => ({ ...one, figures: { ...one.figures, 'evaluate.agreementLow': 0.44 } })),
    /In 12 of 12 trials the judge is not measurably better than chance/,
  ],
  [
    'trials that were never started',
    [...swept(0), trial(12, '0.5', 0, {}, { state: 'skipped', message: '"budget.hours" is over: 6' })],
    /1 trial was never started: "budget\.hours" is over/,
  ],
  ['trials without the figure', [...swept(0), trial(12, '0.5', 0, {})], /1 finished trial has no evaluate\.winRate/],
])('%s is named in a plain sentence', (_, trials, sentence) => {
  expect(cautions({ trials, metric: 'evaluate.winRate' }).join('\n')).toMatch(sentence)
})

test("the paper's figures are shown next to the levels that it has too", () => {
  const axis = (level: string, value: number) =>
    trial(0, level, 0, { 'study.agreement': value }, { levels: { labeler: level } })
  const one = data([axis('L', 0.8), axis('mine', 0.7)], { preset: 'labeler-size', metric: 'study.agreement' })
  const html = renderSweep(one, findingsOf(one))
  expect(html).toContain('78\u00a0%')
  expect(html).toMatch(/Paper: Table 3\. It also has S 73\.8\u00a0%, XS 62\.7\u00a0%/)
})

test('no interval of a share, or of a difference of shares, ends where there are none', () => {
  const rates = { '0.05': [0.1, 0.9], '0.2': [0.9, 0.1] }
  const trials = Object.entries(rates).flatMap(([level, values]) =>
    values.map((value, repeat) => trial(0, level, repeat, { 'evaluate.winRate': value })),
  )
  const one = data(trials)
  const html = renderSweep(one, findingsOf(one))
  expect(html).toContain('50.0\u00a0% <span class="soft range">0.0\u00a0%–100.0\u00a0%</span>')
  expect(html).toContain('0.0\u00a0% <span class="soft range">−100.0\u00a0% to 100.0\u00a0%</span>')
})

test('the headline says what is done, what is best, and what moved since the other sweep', () => {
  const one = data([...swept(0.3).slice(0, 11), trial(11, '0.2', 5, {}, { state: 'failed', message: 'no device' })], {
    others: [{ called: 'the night of x', report: 'file:///x', trials: swept(0) }],
  })
  expect(headline(one, findingsOf(one))).toMatch(
    /^11 of 12 trials done, 1 failed; best rl\.klWeight 0\.2: win rate (79|80)\.\d\u00a0%; against the night of x: \d figures? moved beyond noise, 1 new failure$/,
  )
})

test('with one seed the report says that nothing can be told, and what to set', () => {
  const one = data(swept(0.3, 1), { others: [{ called: 'the night of x', report: 'file:///x', trials: swept(0, 1) }] })
  expect(headline(one, findingsOf(one))).toMatch(/against the night of x: one seed cannot tell .*: set "seeds" to five/)
  expect(sentences(one)).toMatch(/No effect can be told from noise: .*; set "seeds"/)
  expect(sentences(one)).not.toMatch(/moved beyond noise|differs from/)
  const html = renderSweep(one, findingsOf(one))
  expect(html).toContain('One seed has no noise to compare with')
  expect(html).toMatch(/all trials<\/td><td class="number">1<\/td>/)
})

test('text from outside is shown as text, in the page and in a spreadsheet', () => {
  const evil = '=cmd|"/c calc"!A1<img src=x onerror=alert(1)>'
  const one = data([trial(0, evil, 0, {}, { state: 'failed', message: evil })], {
    title: evil,
    settings: { base: evil },
  })
  expect(renderSweep(one, findingsOf(one))).not.toContain('<img')
  expect(sweepCsv(one).split('\n')[1]).toBe(
    `0,"'=cmd|""/c calc""!A1<img src=x onerror=alert(1)>",0,0,"failed",60,,"'=cmd|""/c calc""!A1<img src=x onerror=alert(1)>"`,
  )
})
