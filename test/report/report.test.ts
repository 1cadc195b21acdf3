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

test('a good judge on enough prompts needs no caution', () => {
  expect(cautions(evaluation)).toEqual([])
})

test.each<[string, Partial<Evaluation>, RegExp]>([
  ['a judge at chance', { alignment: { ...evaluation.alignment!, agreement: wilson(53, 100) } }, /SmolLM2 cannot be told from chance as a judge: it agrees with people in 53 % of 100 pairs/],
  ['a judge that looks at the place', { alignment: { ...evaluation.alignment!, sameSlot: wilson(90, 100) } }, /same slot in both orders in 90 %/],
  ['no human labels', { alignment: undefined }, /no human labels/],
  ['a win rate that may be 50 %', { winRate: wilson(55, 100) }, /cannot be told from 50 %/],
  ['too few prompts', { winRate: wilson(16, 16) }, /16 prompts are too few/],
  ['a policy that did not change', { winRate: wilson(8, 16), equal: 16 }, /training changed nothing/],
  ['comparisons without an answer', { failed: 3 }, /3 comparisons got no answer/],
])('%s is said in a plain sentence', (_, change, sentence) => {
  expect(cautions({ ...evaluation, ...change }).join('\n')).toMatch(sentence)
})

test('text of a model is shown as text, and the page loads nothing and runs nothing', () => {
  const evil = '<script>alert(1)</script><img src=x onerror=alert(2)>'
  const data: ReportData = {
    title: evil,
    settings: { task: evil },
    stages: [{ stage: 'rl', seconds: 1, summary: { judge: evil }, input: {}, uri: 'file:///x', metrics: [{ step: 1, rawReward: 1 }, { step: 2, rawReward: 2 }] }],
    dropped: { [evil]: 1 },
    evaluation: { ...evaluation, judge: evil },
    contests: [{ id: 'a', context: evil, baseline: evil, policy: `${evil}!`, preferPolicy: 0.7 }],
  }
  const html = renderReport(data)
  expect(html).not.toMatch(/<script|<img|onerror=alert\(2\)>/)
  expect(html).not.toMatch(/(src|href)="https?:/)
  expect(html).toMatch(/<svg/)
  expect(html).toMatch(/default-src 'none'/)
})
