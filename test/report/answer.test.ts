// What a run found, as the command says it at its end.
import { claimsOf } from '../../src/evaluation/claims'
import { compare } from '../../src/evaluation/comparison'
import { humanResult } from '../../src/evaluation/human'
import type { SweptTrial } from '../../src/evaluation/sweep'
import { answerOf } from '../../src/report/answer'
import type { Answer } from '../../src/report/answer-tables'
import { foundationsOf } from '../../src/report/foundations'
import { stageSentence } from '../../src/report/stage-sentences'
import { findingsOf } from '../../src/report/sweep-findings'

/** As the command reads a file next to a report. */
const asRead = (content: unknown): unknown =>
  JSON.parse(JSON.stringify(content), (_, value: unknown) => (value === null ? NaN : value))
const found = (workflow: string, content: unknown, summary = {}): Answer =>
  answerOf({ workflow, result: { report: { summary } }, file: () => asRead(content) })!
const shown = ({ columns, rows }: Answer): string[] =>
  rows.map((row) =>
    columns
      .map(({ show }) => show(row))
      .join(' | ')
      .replaceAll('\u00a0', ' '),
  )
const said = ({ sentences }: Answer): string => sentences.join(' ').replaceAll('\u00a0', ' ')

const evaluation = {
  ...{ judge: 'gpt-4o', contests: 300, failed: 0, equal: 0 },
  ...{ winRate: 0.62, winRateLow: 0.564, winRateHigh: 0.673, lengthControlledWinRate: 0.58 },
  ...{ agreement: 0.72, agreementLow: 0.66, agreementHigh: 0.77 },
}
const aligned = (summary: object, method = 'rlaif', workflow = 'align') =>
  answerOf({
    workflow,
    result: { method, stages: { data: { summary: {} }, evaluate: { summary } }, report: { summary: {} } },
    file: () => undefined,
  })!

test('an alignment ends with its win rate, the interval, and against what', () => {
  expect(said(aligned(evaluation))).toBe(
    "The policy's win rate against the SFT model is 62 % of 300 prompts (95 % interval 56 % to 67 %), " +
      '58 % at equal length, judged by gpt-4o.',
  )
  expect(
    said(aligned({ ...evaluation, lengthControlledWinRateLow: 0.004, lengthControlledWinRateHigh: 0.98 })),
  ).toContain(', 58 % at equal length (0 % to 98 %), judged by')
  expect(said(aligned(evaluation, 'sft'))).toMatch(/against the base model/)
  expect(aligned(evaluation)).toMatchObject({ cautions: [], figures: evaluation, rows: [] })
  expect(said(aligned({ ...evaluation, winRateLow: 0.45 }))).toMatch(/it does not differ from 50 % beyond noise/)
  expect(said(aligned({ ...evaluation, winRate: null, failed: 300 }))).toMatch(/There is no win rate.*none of 300/)
  expect(said(aligned({ ...evaluation, verdictRate: 0.8, baselineVerdictRate: 0.6 }))).toMatch(
    /Judged good on their own: 80 % of the policy's responses, 60 % of those of the SFT model\./,
  )
  expect(aligned({ ...evaluation, contests: 8, equal: 8, failed: 2 }).cautions).toEqual([
    expect.stringMatching(/gave the same response to every prompt/),
    '8 prompts are too few for a conclusion; a few hundred are usual.',
    '2 comparisons got no answer from the judge and are left out of the win rate.',
  ])
  expect(aligned({ ...evaluation, agreement: null }).cautions[0]).toMatch(/nothing shows whether the judge judges/)
  expect(aligned({ ...evaluation, agreementLow: 0.4 }).cautions[0]).toMatch(/not measurably better than chance/)
})

test('an alignment that ends early answers with its last stage; a single stage with its own figures', () => {
  const summary = {
    pairs: 400,
    heldOut: 100,
    undecided: 4,
    accuracy: 0.7,
    accuracyLow: 0.6,
    accuracyHigh: 0.78,
    loss: 0.5,
  }
  const stages = { data: { summary: {} }, 'reward-model': { summary } }
  const early = answerOf({ workflow: 'align', result: { method: 'rlaif', stages }, file: () => undefined })!
  expect(said(early)).toMatch(/trained on 400 labels and agrees with 70 % of 96 held-out ones \(95 % interval 60 %/)
  expect(said(answerOf({ workflow: 'rewardModel', result: { summary }, file: () => undefined })!)).toBe(said(early))
  expect(said(answerOf({ workflow: 'evaluate', result: { summary: evaluation }, file: () => undefined })!)).toMatch(
    /win rate against its baseline is 62 %/,
  )
  expect(answerOf({ workflow: 'notification', result: undefined, file: () => undefined })).toBeUndefined()
})

test('a comparison ends with a row for each pair of policies', () => {
  const prompts = Array.from({ length: 40 }, (_, i) => ({
    ...{ id: String(i), context: 'c' },
    responses: { sft: 'a b', rlaif: `a ${i}` },
  }))
  const bouts = prompts.map(({ id }) => ({
    id,
    first: 'sft',
    second: 'rlaif',
    preferFirst: Number(id) < 8 ? 0.9 : 0.1,
  }))
  const answer = found('compare', { ...compare(prompts, bouts, 1), judge: 'gpt-4o' })
  expect(said(answer)).toMatch(/^rlaif beats sft on 80 % of 40 prompts/)
  expect(answer.cautions.join()).toMatch(/40 prompts are too few for a conclusion/)
  expect(answer.columns.map(({ title }) => title)).toEqual([
    ...['policy', 'against', 'wins', 'at equal length', 'p', 'prompts'],
  ])
  expect(shown(answer)).toEqual([expect.stringMatching(/^sft \| rlaif \| 20 % {2}10–35 \| .* \| < 0\.001 \| 40$/)])
  expect(answer.rows[0]).toMatchObject({ first: 'sft', second: 'rlaif', winRate: 0.2, prompts: 40 })
  expect(answer.cautions.join()).toMatch(/no human labels, so nothing here shows whether gpt-4o judges as people do/)
})

test('a comparison that the judge did not answer has no numbers, and says so by dashes', () => {
  const prompts = [{ id: '0', context: 'c', responses: { sft: 'a', rlaif: 'b' } }]
  const answer = found('compare', compare(prompts, [{ id: '0', first: 'sft', second: 'rlaif', failed: 'no' }], 1))
  expect(said(answer)).toMatch(/^No policy beats another/)
  expect(shown(answer)).toEqual(['sft | rlaif | – | – | – | 0'])
  expect(answer.rows[0]).toMatchObject({ winRate: null, p: null })
})

test('a sweep ends with its best setting, first in the table of settings', () => {
  const trial = (n: number, level: string, seed: number, winRate?: number): SweptTrial => ({
    ...{ trial: n, levels: { 'rl.klWeight': level }, repeat: seed, seed, stages: [] },
    ...{ state: winRate === undefined ? 'failed' : 'done' },
    figures: winRate === undefined ? {} : { 'evaluate.winRate': winRate },
  })
  const trials = [trial(0, '0.05', 1, 0.5), trial(1, '0.2', 1, 0.7), trial(2, '0.05', 2, 0.52), trial(3, '0.2', 2)]
  const metric = 'evaluate.winRate'
  const answer = found('sweep', {
    ...{ name: 'betas', metric, trials },
    ...findingsOf({ trials, metric, higherIsBetter: true, others: [] }),
  })
  expect(said(answer)).toMatch(
    /^No setting is best beyond noise\. The highest .* is \d\d\.\d %.*, with rl\.klWeight 0\.2;/,
  )
  expect(answer.columns.map(({ title }) => title)).toEqual(['settings', 'win rate', 'trials', 'failed'])
  expect(shown(answer)).toEqual(['rl.klWeight 0.2 | 70.0 % | 2 | 1', 'rl.klWeight 0.05 | 51.0 % | 2 | 0'])
  expect(answer.cautions.join()).toMatch(/Only 2 seeds/)
})

test('a human evaluation ends with the preferences, or the shares that are good', () => {
  const keys = Array.from({ length: 12 }, (_, i) => ({ id: String(i), policies: ['x', 'y'], check: false }))
  const result = (kind: 'rank' | 'verdict', answer: number[]) =>
    humanResult({ kind, keys, ratings: keys.map((_, i) => [i, 0, answer, 5]), raters: ['anna'], seed: 1 })
  const ranked = found('humanEvaluation', result('rank', [0, 1]))
  expect(said(ranked)).toMatch(/^x is preferred to y in 100 % of the ratings/)
  expect(shown(ranked)).toEqual([expect.stringMatching(/^x \| y \| 100 % {2}\d+–100 \| < 0\.001 \| 12 \| 12$/)])
  const judged = found('humanEvaluation', result('verdict', [1, 0]))
  expect(said(judged)).toMatch(/^Rated good: x 100 %/)
  expect(shown(judged)).toEqual([
    expect.stringMatching(/^x \| 100 % {2}\d+–100 \| 12$/),
    expect.stringMatching(/^y \| 0 % {2}0–\d+ \| 12$/),
  ])
})

test('a miniature study ends with the count of claims and each of them', () => {
  const answer = found('miniature', { claims: claimsOf([]) })
  expect(said(answer)).toMatch(/^0 of \d+ claims hold in miniature/)
  expect(shown(answer).every((row) => row.startsWith('undecided | '))).toBe(true)
})

test('where the files are out of reach, the summary of the report answers', () => {
  const answer = answerOf({
    workflow: 'sweep',
    result: { report: { summary: { headline: '4 of 4 trials done; best rl.klWeight 0.05' } } },
    file: () => undefined,
  })!
  expect(said(answer)).toBe('4 of 4 trials done; best rl.klWeight 0.05.')
})

test('what an alignment rests on: data, labels, judge, kinship and cautions', () => {
  const sentences = foundationsOf([
    { stage: 'model', summary: { model: 'default', parameters: 134_515_008 } },
    { stage: 'data', summary: { source: 'posts.jsonl', train: 84, evaluation: 16, dropped: 3, humanPairs: 50 } },
    { stage: 'label', summary: { labeler: 'policy', labels: 480, failed: 2 } },
    { stage: 'evaluate', summary: { ...evaluation, judge: 'policy', agreementLow: 0.4 } },
  ]).map((sentence) => sentence.replaceAll('\u00a0', ' '))
  expect(sentences.slice(0, 3)).toEqual([
    'The data, posts.jsonl, gave 84 prompts to train on and 16 held out, with 50 pairs that people compared, and 3 rows were left out.',
    'The initial policy labelled 480 pairs, and gave no answer to 2.',
    'The judge is the initial policy; it agrees with people on 72 % of the pairs that they compared (95 % interval 40 % to 77 %), which is not measurably better than chance.',
  ])
  expect(sentences.join(' ')).toMatch(/Judge and labeler are both the initial policy/)
})

test('every stage that computes has a sentence without holes, whatever its figures', () => {
  const stages = ['model', 'data', 'sft', 'sample', 'label', 'human-labels', 'reward-model', 'rl', 'choose', 'respond']
  for (const stage of [...stages, 'judge', 'contest', 'evaluate', 'rating-items'])
    expect(stageSentence(stage, {})).not.toMatch(/undefined|NaN|null/)
  expect(stageSentence('report', {})).toBeUndefined()
})

test('one candidate alone was not chosen by anybody', () => {
  const choice = (candidates: number) => stageSentence('choose', { step: 4, candidates, judge: 'gpt-4o' })
  expect(choice(1)).toBe('The policy is that of step 4, the only candidate.')
  expect(choice(3)).toBe('Gpt-4o chose step 4 among 3 checkpoints.')
})
