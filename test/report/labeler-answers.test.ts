// From when the answers of labeler and judge are, in the report of a run.
import { answerDays } from '../../src/report/labeler-answers'
import { renderReport } from '../../src/report/report'

const stage = (name: string, summary: Record<string, string | number>) => ({
  stage: name,
  seconds: 1,
  uri: `file:///store/${name}`,
  sha256: '0'.repeat(64),
  version: 1,
  summary,
  metrics: [],
})
const share = { value: 0.5, low: 0.4, high: 0.6, n: 100 }

test('the days of the answers, and how many have none', () => {
  expect(answerDays({ answersFrom: '2026-11-01', answersTo: '2026-11-01' })).toBe('answers of 2026-11-01')
  expect(answerDays({ answersFrom: null, answersTo: null, undatedAnswers: 3 })).toMatch(/^3 answers of unknown date/)
  expect(answerDays({})).toBe('')
})

test('the report says them next to labeler and judge, with estimated cost and cut rationales', () => {
  const html = renderReport({
    title: 'x',
    settings: {},
    version: '1',
    stages: [
      stage('label', {
        labeler: 'L',
        labels: 10,
        requests: 20,
        cost: 5,
        estimatedRequests: 20,
        rationales: 20,
        cutRationales: 5,
        answersFrom: '2025-01-02',
        answersTo: '2026-11-25',
      }),
      stage('evaluate', { answersFrom: '2026-11-24', answersTo: '2026-11-24' }),
    ],
    dropped: {},
    contests: [],
    evaluation: { judge: 'J', winRate: share, equal: 0, failed: 0, length: { policy: 1, baseline: 1 } },
  })
  expect(html).toContain('10 labels by L · answers of 2025-01-02 to 2026-11-25')
  expect(html).toContain('Judge: J (answers of 2026-11-24).')
  expect(html).toContain('Tokens and cost of 20 requests are estimates')
  expect(html).toContain('5 of 20 rationales (25\u00a0%) by L were cut off')
})
