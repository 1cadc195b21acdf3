// Real stages with a jury of endpoints and a local model, with a rubric, and with revisions: what they write, what they
// cost, what a killed attempt pays again, and what reports show.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseMessage } from '../../../src/activities/child-message'
import type { StageHost } from '../../../src/activities/stage'
import { contest } from '../../../src/activities/stages/contest'
import { data as dataStage } from '../../../src/activities/stages/data'
import { guidance as guidanceStage } from '../../../src/activities/stages/guidance'
import { judge as judgeStage } from '../../../src/activities/stages/judge'
import { label } from '../../../src/activities/stages/label'
import { ratingItems } from '../../../src/activities/stages/rating-items'
import { report } from '../../../src/activities/stages/report'
import { respond } from '../../../src/activities/stages/respond'
import { revise } from '../../../src/activities/stages/revise'
import { rl } from '../../../src/activities/stages/rl'
import { sample } from '../../../src/activities/stages/sample'
import { sft } from '../../../src/activities/stages/sft'
import { study } from '../../../src/activities/stages/study'
import { labelledPairSchema } from '../../../src/activities/rows'
import { openAnswers, shelfOf } from '../../../src/artifacts/answers'
import { z } from 'zod'
import { DEFAULT_MODEL_NAME } from '../../../src/model/locate'
import { readJsonl } from '../../../src/json-lines'
import { readItems, readKeys } from '../../../src/rating/items'
import { startEndpoint, type Endpoint, type Fault, type Rule } from '../../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

jest.setTimeout(120_000)

const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const limits = { responseTokens: 4 }
const file = join(temporaryFolder(), 'rows.jsonl')
const rows = Array.from({ length: 8 }, (_, i) => ({
  prompt: `Post ${i}`,
  responses: i % 2 ? [`yes ${i}`, `no, never ${i}`] : [`no, never ${i}`, `yes ${i}`],
  preferred: i % 2 ? 1 : 2,
}))
writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
const dataArtifact = (task = 'helpful') =>
  computeStage(dataStage, 'data', { task, data: { path: file, evaluationPrompts: 4 }, limits, model })
const sampled = (data: object) =>
  computeStage(sample, 'sample', { data, policy: model, limits, settings: { source: 'data' } })
const guidanceOf = (task: string) => computeStage(guidanceStage, 'guidance', { task })

const endpoints: Endpoint[] = []
afterEach(async () => {
  await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()))
})
const price = { inputPerMillion: 1e6, outputPerMillion: 0 }
async function member(name: string, rule: Rule, fault?: Fault) {
  const endpoint = await startEndpoint(rule, fault)
  endpoints.push(endpoint)
  return { baseUrl: endpoint.baseUrl, model: name, retries: 0, concurrency: 1, stopAfterFailures: 2, price }
}
const asked = () => endpoints.map(({ prompts }) => prompts.length)
/** One attempt of the same work after the other: each opens the store of answers anew. */
const attemptsOn = (root: string): Partial<StageHost> => {
  const opened = new Map<string, ReturnType<typeof openAnswers>>()
  return {
    checkpoints: join(root, 'checkpoints'),
    answers(identity) {
      const shelf = shelfOf(identity)
      if (!opened.has(shelf)) opened.set(shelf, openAnswers(root, { run: 'r', work: 'w' }, { shelf }))
      return opened.get(shelf)!
    },
  }
}

const folderOf = ({ uri }: { uri: string }) => uri.slice('file://'.length)
/** Prefers what says yes with this probability, whatever its slot. */
const preferYes =
  (p: number): Rule =>
  (prompt) =>
    / 1 - yes/.test(prompt) ? { '1': p, '2': 1 - p } : { '1': 1 - p, '2': p }
const down: Fault = (request, response) => request > 3 && Boolean(response.writeHead(503).end('restarting'))

type Made = Awaited<ReturnType<typeof computeStage>>
async function reportOf(stages: Record<string, Made>): Promise<string> {
  for (const [stage, { uri, summary }] of Object.entries(stages))
    writeFileSync(join(folderOf({ uri }), 'manifest.json'), JSON.stringify({ stage, version: 1, seconds: 1, summary }))
  const made = await computeStage(report, 'report', { title: 'x', settings: {}, artifacts: Object.values(stages) })
  const html = readFileSync(join(folderOf(made), 'report.html'), 'utf8')
  return html.replace(/<style>.*?<\/style>|<[^>]*>/gs, ' ').replace(/\s+/g, ' ')
}

test('label: each member is asked, kept and priced alone; a killed attempt pays for no answer again', async () => {
  const data = await dataArtifact()
  const samples = await sampled(data)
  const root = temporaryFolder()
  let isDown = true
  const flaky: Fault = (request, response, prompt) => isDown && down(request, response, prompt)
  const jury = [await member('sure', preferYes(0.9)), await member('wrong', preferYes(0.3), flaky), 'default']
  const input = { data, samples, labeler: { settings: { jury }, models: [null, null, model] } }
  await expect(computeStage(label, 'label', input, attemptsOn(root))).rejects.toThrow(
    /labeler\.jury\.1: 2 requests in a row failed/,
  )
  const pairs = Number(samples.summary.pairs)
  const before = asked()
  expect(before[0]).toBe(2 * pairs)
  isDown = false
  const made = await computeStage(label, 'label', input, attemptsOn(root))
  expect(asked()).toEqual([2 * pairs, 2 * pairs + 2]) // the two that failed are asked again
  expect(parseMessage('label', { type: 'done', summary: made.summary })).toMatchObject({ summary: made.summary })
  const labels = readJsonl(join(folderOf(made), 'labels.jsonl'), labelledPairSchema)
  expect(labels).toHaveLength(pairs)
  for (const { members, preferFirst, disagreement } of labels) {
    const ps = members!.map((said) => ('preferFirst' in said ? said.preferFirst : NaN))
    const mean = ps.reduce((a, b) => a + b) / 3
    expect(preferFirst).toBeCloseTo(mean, 12)
    expect(disagreement).toBeCloseTo(Math.sqrt(ps.reduce((sum, p) => sum + (p - mean) ** 2, 0) / 3), 12)
    expect(Math.abs(ps[0]! - 0.5)).toBeCloseTo(0.4, 12)
  }
  const { summary } = made
  const cost = (name: string) =>
    Number(summary[Object.keys(summary).find((key) => key.startsWith(`cost of ${name} at`))!])
  expect(cost('sure') + cost('wrong')).toBeCloseTo(Number(summary.cost), 9)
  expect(summary[`answers of ${DEFAULT_MODEL_NAME}`]).toBe(pairs)
  expect(summary.meanDisagreement).toBeCloseTo(labels.reduce((sum, one) => sum + one.disagreement!, 0) / pairs, 12)

  const text = await reportOf({ data, sample: samples, label: made })
  expect(text).toMatch(/Jury Member Labels Failed Agrees with the jury Agrees with people Calibration error Cost/)
  expect(text).toMatch(/sure at 127\.0\.0\.1:\d+\S* \d+ 0 .*?100 %/)
  expect(text).toMatch(/wrong at 127\.0\.0\.1:\d+\S* \d+ 0 .*?0 %/)
  expect(text).toMatch(/Agreement between members/)
  expect(text).toMatch(/Most disputed in the jury/)
  expect(text).toMatch(
    new RegExp(`P\\(first\\) of the members: sure at .*?, wrong at .*?, ${DEFAULT_MODEL_NAME} 0\\.\\d+`),
  )
})

test('label: a jury of one writes the labels of its member', async () => {
  const data = await dataArtifact()
  const samples = await sampled(data)
  const one = await member('sure', preferYes(0.9))
  const labelsOf = async (settings: object) => {
    const made = await computeStage(label, 'label', { data, samples, labeler: { settings } })
    return readJsonl(join(folderOf(made), 'labels.jsonl'), labelledPairSchema)
  }
  const ofJury = (await labelsOf({ jury: [one] })).map(({ members: _, disagreement: __, ...row }) => row)
  const alone = await labelsOf(one)
  expect(ofJury.map(({ labeler: _, ...row }) => row)).toEqual(alone.map(({ labeler: _, ...row }) => row))
})

test('study: members and criteria are reported alone, with their agreement with people', async () => {
  const data = await dataArtifact()
  const guidance = await guidanceOf('helpful')
  const good = await member('sure', (prompt, body) =>
    prompt.endsWith('=')
      ? preferYes(0.9)(prompt, body)
      : /RESPONSE: yes/.test(prompt)
        ? { yes: 0.9, no: 0.1 }
        : { yes: 0.2, no: 0.8 },
  )
  const bad = await member('wrong', preferYes(0.3))
  const judged = async (settings: object) =>
    computeStage(judgeStage, 'judge', { data, labeler: { settings, guidance }, pairs: 8 })
  const jury = await judged({ jury: [good, bad], combine: 'median' })
  const rubric = await judged({ ...good, comparison: 'pointwise', score: 'rubric' })
  expect([jury.summary.agreement, rubric.summary.agreement]).toEqual([1, 1])
  for (const { uri, summary } of [jury, rubric])
    writeFileSync(
      join(folderOf({ uri }), 'manifest.json'),
      JSON.stringify({ stage: 'judge', version: 1, seconds: 1, summary }),
    )
  const variants = [
    { name: 'jury', judged: jury },
    { name: 'rubric', judged: rubric },
  ]
  const made = await computeStage(study, 'study', { title: 't', settings: {}, variants })
  const { parts } = JSON.parse(readFileSync(join(folderOf(made), 'study.json'), 'utf8')) as {
    parts: { variant: string; name: string; agreement: { value: number }; calibrationError: number; cost?: number }[]
  }
  expect(parts.map(({ variant, name, agreement }) => [variant, name.replace(/ at .*/, ''), agreement.value])).toEqual([
    ['jury', 'sure', 1],
    ['jury', 'wrong', 0],
    ...['answers', 'true', 'complete', 'clear'].map((name) => ['rubric', `criterion ${name}`, 1]),
  ])
  expect(parts[0]!.calibrationError).toBeCloseTo(0.1, 12)
  expect(parts[1]!.calibrationError).toBeCloseTo(0.7, 12)
  expect(readFileSync(join(folderOf(made), 'report.html'), 'utf8')).toContain('Members and criteria')
  expect(made.summary).toMatchObject({ variants: 2 })
})

test('rating items come first where the members of the judging jury are furthest apart', async () => {
  const data = await dataArtifact()
  const responses = async (seed: number) =>
    computeStage(respond, 'respond', { policy: model, data, limits, temperature: 2, seed })
  const arms = [
    { name: 'a', responses: await responses(1) },
    { name: 'b', responses: await responses(2) },
  ]
  /** Apart from the other member by more, the higher the number of the post. */
  const apart: Rule = (prompt) => {
    const number = Number(/Post (\d)/.exec(prompt)![1])
    return / 1 - /.test(prompt) ? { '1': 0.5 + number / 20, '2': 0.5 - number / 20 } : { '1': 0.5, '2': 0.5 }
  }
  const jury = [await member('flat', () => ({ '1': 0.5, '2': 0.5 })), await member('apart', apart)]
  const settings = { jury: jury.map((one) => ({ ...one, orders: 1 })) }
  const held = await computeStage(contest, 'contest', { data, arms, judge: { settings }, agreementPairs: 8 })
  const drawn = { contest: held, kind: 'rank', prompts: 2, checkEvery: 0 }
  const items = await computeStage(ratingItems, 'rating-items', { ...drawn, order: 'disagreement' })
  const numbers = readItems(folderOf(items)).map(({ context }) => Number(/Post (\d)/.exec(context)![1]))
  const all = await computeStage(ratingItems, 'rating-items', { ...drawn, prompts: 8 })
  const every = readItems(folderOf(all)).map(({ context }) => Number(/Post (\d)/.exec(context)![1]))
  expect(numbers).toEqual([...every].sort((a, b) => b - a).slice(0, 2))
  expect(readKeys(folderOf(items))).toHaveLength(2)

  const single = await computeStage(contest, 'contest', { data, arms, judge: { settings: jury[0] }, agreementPairs: 0 })
  await expect(
    computeStage(ratingItems, 'rating-items', { ...drawn, contest: single, order: 'disagreement' }),
  ).rejects.toThrow(/field "order" is "disagreement", but the contest was judged by flat at .*, which is no jury/)
})

test('rl: the rubric is the live reward; each criterion is a metric of every step and validation, and a curve', async () => {
  const data = await dataArtifact()
  const one = await member('judge', (prompt) => ({
    yes: /true/.test(prompt) ? 0.9 : 0.6,
    no: /true/.test(prompt) ? 0.1 : 0.4,
  }))
  const labeler = { settings: { jury: [{ ...one, score: 'rubric' }] }, guidance: await guidanceOf('helpful') }
  const settings = { algorithm: 'rloo', groupSize: 2, batchSize: 2, steps: 2, validateEvery: 1, validationPrompts: 1 }
  const made = await computeStage(rl, 'rl', { data, policy: model, labeler, limits, settings })
  const metrics = readJsonl(join(folderOf(made), 'metrics.jsonl'), z.record(z.string(), z.number()))
  for (const step of metrics) {
    expect(step['criterion true']).toBeCloseTo(0.8, 12)
    expect(step['criterion clear']).toBeCloseTo(0.2, 12)
    expect(step['validation criterion answers']).toBeCloseTo(0.2, 12)
    expect(step.rawReward).toBeCloseTo((3 * 0.2 + 2 * 0.8 + 0.2 + 0.2) / 7, 6)
    expect(step.disagreement).toBe(0)
  }
  const text = await reportOf({ data, rl: made })
  expect(text).toMatch(
    /RL: criteria of the rubric .*answers.*true.*RL: criteria of the rubric on the validation prompts/,
  )
})

test('without a rubric in the task, a labeler that asks by one is refused by name', async () => {
  const data = await dataArtifact('harmless')
  const settings = { ...(await member('judge', () => ({}))), comparison: 'pointwise', score: 'rubric' }
  const labeler = { settings, guidance: await guidanceOf('harmless') }
  await expect(computeStage(judgeStage, 'judge', { data, labeler, pairs: 2 })).rejects.toThrow(
    /field "labeler\.score" asks for the rubric of the task harmless, which has none/,
  )
})

test('revise: responses are rewritten by principles, SFT learns from them, and no attempt pays twice', async () => {
  const data = await dataArtifact('harmless')
  const guidance = await guidanceOf('harmless')
  const root = temporaryFolder()
  let isDown = true
  const flaky: Fault = (request, response, prompt) => isDown && down(request, response, prompt)
  const settings = await member(
    'writer',
    (prompt) => (prompt.endsWith('Critique:') ? 'It is short.' : 'I would rather not.'),
    flaky,
  )
  const input = { policy: model, data, guidance, labeler: { settings }, limits: { responseTokens: 8 }, settings: {} }
  await expect(computeStage(revise, 'revise', input, attemptsOn(root))).rejects.toThrow(/2 requests in a row failed/)
  const [before] = asked()
  isDown = false
  const made = await computeStage(revise, 'revise', input, attemptsOn(root))
  const train = Number(data.summary.train)
  expect(asked()[0]! - before!).toBe(2 * train - 3) // three were answered
  expect(made.summary).toMatchObject({ references: train, failed: 0, changedShare: 1, train })
  const trainRows = readFileSync(join(folderOf(made), 'train.jsonl'), 'utf8')
    .trim()
    .split('\n')
  expect(trainRows.map((row) => (JSON.parse(row) as { reference: string }).reference)).toEqual(
    trainRows.map(() => 'I would rather not.'),
  )
  const again = await computeStage(revise, 'revise', input, attemptsOn(root))
  expect(readFileSync(join(folderOf(again), 'revisions.jsonl'), 'utf8')).toBe(
    readFileSync(join(folderOf(made), 'revisions.jsonl'), 'utf8'),
  )
  const tuned = await computeStage(sft, 'sft', { model, data: made, limits, settings: { epochs: 1, batchSize: 4 } })
  expect(tuned.summary).toMatchObject({ examples: train })
  const text = await reportOf({ data, revise: made, sft: tuned })
  expect(text).toMatch(/Revisions .*A good response .*It is short\. .*I would rather not\./)
})
