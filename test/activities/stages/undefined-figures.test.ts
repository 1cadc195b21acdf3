// Figures that are shares of nothing: no figure of a stage is NaN, and its report says why it is undefined.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseMessage } from '../../../src/activities/child-message'
import { readEvaluation } from '../../../src/activities/result-files'
import { contest } from '../../../src/activities/stages/contest'
import { data as dataStage } from '../../../src/activities/stages/data'
import { evaluate } from '../../../src/activities/stages/evaluate'
import { respond } from '../../../src/activities/stages/respond'
import type { StageName } from '../../../src/contracts/stages'
import { renderReport } from '../../../src/report/report'
import { startEndpoint, type Rule } from '../../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const limits = { responseTokens: 4 }
const file = join(temporaryFolder(), 'rows.jsonl')
const rows = Array.from({ length: 8 }, (_, i) => ({
  prompt: `Post ${i}`,
  reference: `answer ${i}`,
  responses: [`yes ${i}`, `no, never ${i}`],
  preferred: 1 + (i % 2),
}))
writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
const dataArtifact = (evaluationPrompts = 4) =>
  computeStage(dataStage, 'data', { task: 'helpful', data: { path: file, evaluationPrompts }, limits, model })

const ANSWERS: Rule = (prompt) => ({ '1': prompt.length % 2 ? 0.7 : 0.6, '2': 0.3 })
const SILENT: Rule = () => ({ neither: 1 })

/** With a judge over HTTP. */
async function withJudge<T>(rule: Rule, orders: number, use: (judge: object) => Promise<T>): Promise<T> {
  const endpoint = await startEndpoint(rule)
  try {
    return await use({ settings: { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0, orders } })
  } finally {
    await endpoint.close()
  }
}
const isAccepted = (stage: StageName, summary: object) =>
  expect(parseMessage(stage, { type: 'done', summary })).toMatchObject({ summary })

const evaluated = (rule: Rule, orders: number) =>
  withJudge(rule, orders, async (judge) => {
    const data = await dataArtifact()
    const settings = { agreementPairs: 4 }
    const inputs = { baseline: model, policy: model, data, judge, limits, settings: { ...settings, temperature: 1 } }
    return computeStage(evaluate, 'evaluate', inputs)
  })

/** The page of a run with this evaluation. */
function pageOf({ uri }: { uri: string }): string {
  const evaluation = readEvaluation(uri.slice('file://'.length))
  return renderReport({ title: 'x', settings: {}, version: '1', stages: [], dropped: {}, contests: [], evaluation })
}

test('a judge asked in one order has no share of equal slots: null, and the report says why', async () => {
  const made = await evaluated(ANSWERS, 1)
  isAccepted('evaluate', made.summary)
  expect(made.summary.sameSlot).toBeNull()
  expect(made.summary.agreement).toEqual(expect.any(Number))
  const html = pageOf(made)
  expect(html).toContain('undefined: judge.orders is 1')
  expect(html).not.toContain('NaN')
})

test('a judge that answers nothing has neither agreement nor a win rate', async () => {
  const made = await evaluated(SILENT, 2)
  isAccepted('evaluate', made.summary)
  expect(made.summary).toMatchObject({ agreement: null, agreementLow: null, sameSlot: null })
  const html = pageOf(made)
  expect(html).toContain('none of 4 pairs with human labels was judged')
  expect(html).not.toMatch(/NaN|not measurably better than chance/)
})

test('a contest whose bouts all fail has figures, and no NaN among them', async () => {
  const data = await dataArtifact()
  const responses = await computeStage(respond, 'respond', { policy: model, data, limits, temperature: 0 })
  isAccepted('respond', responses.summary)
  const arms = ['a', 'b'].map((name) => ({ name, responses }))
  for (const orders of [1, 2]) {
    const made = await withJudge(SILENT, orders, (judge) =>
      computeStage(contest, 'contest', { data, arms, judge, agreementPairs: 4 }),
    )
    isAccepted('contest', made.summary)
    expect(made.summary).toMatchObject({ agreement: null, sameSlot: null })
    const result = readFileSync(join(made.uri.slice('file://'.length), 'result.json'), 'utf8')
    expect(JSON.parse(result)).toMatchObject({ alignment: { agreement: { value: null, n: 0 } } })
  }
})
