// Stages whose labeler or judge is asked about each response alone: what they ask, and what their figures and reports
// say about slots.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseMessage } from '../../../src/activities/child-message'
import { readEvaluation } from '../../../src/activities/result-files'
import { contest } from '../../../src/activities/stages/contest'
import { data as dataStage } from '../../../src/activities/stages/data'
import { evaluate } from '../../../src/activities/stages/evaluate'
import { judge as judgeStage } from '../../../src/activities/stages/judge'
import { label } from '../../../src/activities/stages/label'
import { report } from '../../../src/activities/stages/report'
import { respond } from '../../../src/activities/stages/respond'
import { sample } from '../../../src/activities/stages/sample'
import { study } from '../../../src/activities/stages/study'
import { readJsonl } from '../../../src/json-lines'
import { labelledPairSchema } from '../../../src/activities/rows'
import { renderReport } from '../../../src/report/report'
import { stageCautions } from '../../../src/report/stage-cautions'
import { startEndpoint, type Endpoint, type Rule } from '../../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const limits = { responseTokens: 4 }
const file = join(temporaryFolder(), 'rows.jsonl')
const responses = (i: number): [string, string] => [`yes ${i}`, `no, never ${i}`]
const rows = Array.from({ length: 8 }, (_, i) => ({
  prompt: `Post ${i}`,
  reference: `answer ${i}`,
  responses: i % 2 ? responses(i) : responses(i).reverse(),
  preferred: i % 2 ? 1 : 2,
}))
writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
const dataArtifact = () =>
  computeStage(dataStage, 'data', { task: 'helpful', data: { path: file, evaluationPrompts: 4 }, limits, model })

/** People prefer what says yes, and so does this labeler. */
const YES: Rule = (prompt) => (/RESPONSE: yes/.test(prompt) ? { '8': 0.7, '2': 0.3 } : { '8': 0.3, '2': 0.6, '5': 0.1 })

let endpoint: Endpoint
let settings: object
async function serve(rule: Rule) {
  endpoint = await startEndpoint(rule)
  settings = { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0, comparison: 'pointwise' }
}
afterEach(() => endpoint.close())
const folderOf = ({ uri }: { uri: string }) => uri.slice('file://'.length)
const distinct = (texts: readonly string[]) => new Set(texts).size

async function sampledPairs(data: object) {
  return computeStage(sample, 'sample', { data, policy: model, limits, settings: { source: 'data' } })
}
const labelled = async (rule: Rule) => {
  await serve(rule)
  const data = await dataArtifact()
  return computeStage(label, 'label', { data, samples: await sampledPairs(data), labeler: { settings } })
}

test('label: each response is asked about once; the labels have no slots, and the report says why', async () => {
  const made = await labelled(YES)
  expect(parseMessage('label', { type: 'done', summary: made.summary })).toMatchObject({ summary: made.summary })
  expect(made.summary).toMatchObject({ failed: 0, tied: 0, bounded: expect.any(Number), sameSlotShare: null })
  const pairs = readJsonl(join(folderOf(made), 'labels.jsonl'), labelledPairSchema)
  expect(pairs.length).toBe(made.summary.labels)
  expect(endpoint.prompts).toHaveLength(2 * pairs.length)
  expect(distinct(endpoint.prompts)).toBe(2 * pairs.length)
  pairs.forEach(({ first, preferFirst, slotOne }) => {
    expect(preferFirst > 0.5).toBe(first.text.startsWith('yes'))
    expect(slotOne).toEqual([])
  })
  const stages = [{ ...made, stage: 'label', seconds: 1 }] as never
  const html = renderReport({ title: 'x', settings: {}, version: '1', stages, dropped: {}, contests: [] })
  expect(html).toContain('same slot: –, as each response was asked about alone and has none')
})

type Made = Awaited<ReturnType<typeof computeStage>>

/** The report's section of labelled pairs, as text. */
async function labelledPairsOf(stages: Record<string, Made>): Promise<string> {
  for (const [stage, { uri, summary }] of Object.entries(stages))
    writeFileSync(join(folderOf({ uri }), 'manifest.json'), JSON.stringify({ stage, version: 1, seconds: 1, summary }))
  const made = await computeStage(report, 'report', { title: 'x', settings: {}, artifacts: Object.values(stages) })
  const html = readFileSync(join(folderOf(made), 'report.html'), 'utf8')
  return html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .match(/Labelled pairs .*? Stages /)![0]
}

test('report: labels of pairs that people decided are shown with what people preferred, contradictions first', async () => {
  await serve((prompt) =>
    YES(
      prompt.replace(/yes|no, never/, (word) => (word === 'yes' ? 'no, never' : 'yes')),
      {},
    ),
  )
  const data = await dataArtifact()
  const samples = await sampledPairs(data)
  const made = await computeStage(label, 'label', { data, samples, labeler: { settings } })
  const text = await labelledPairsOf({ data, sample: samples, label: made })
  expect(text).toMatch(/Contradicted by people Human: Post \d/)
  const preferred = [...text.matchAll(/(First|Second), preferred by people (yes|no, never) \d/g)]
  expect(preferred).toHaveLength(Number(made.summary.labels))
  expect(preferred.every(([, , word]) => word === 'yes')).toBe(true)
})

test("report: a policy's samples of a prompt that people answered too are not taken for people's pairs", async () => {
  await serve(YES)
  const data = await dataArtifact()
  const samples = await computeStage(sample, 'sample', { data, policy: model, limits, settings: { temperature: 2 } })
  const made = await computeStage(label, 'label', {
    data,
    samples,
    labeler: { settings },
    settings: { maxFailedShare: 1 },
  })
  const text = await labelledPairsOf({ data, sample: samples, label: made })
  expect(text).toMatch(/Most certain/)
  expect(text).not.toMatch(/preferred by people|Contradicted/)
})

const sampledGroups = async (pairs: string) => {
  const data = await dataArtifact()
  const sampling = { responses: 6, pairs, temperature: 2 }
  return { data, samples: await computeStage(sample, 'sample', { data, policy: model, limits, settings: sampling }) }
}

/** The earlier in the alphabet a response's last letter, the better: a score that differs between samples. */
const LETTER: Rule = (prompt) => {
  const p = 0.05 + 0.9 * ((prompt.charCodeAt(prompt.indexOf('RESPONSE:') + 10) % 17) / 17)
  return { '8': p, '2': 1 - p }
}

test.each([
  ['extremes', 3],
  ['neighbours', 5],
])(
  'label: of six responses to a prompt the pairs by %s are labelled, each response asked once',
  async (pairs, count) => {
    await serve(LETTER)
    const { data, samples } = await sampledGroups(pairs)
    const prompts = 4
    expect(samples.summary).toMatchObject({ perPrompt: 6, pairing: pairs, pairs: prompts * count })
    const made = await computeStage(label, 'label', { data, samples, labeler: { settings } })
    expect(distinct(endpoint.prompts)).toBe(endpoint.prompts.length)
    expect(endpoint.prompts.length).toBeLessThanOrEqual(prompts * 6)
    const { labels, failed, tied } = made.summary as Record<string, number>
    expect(labels! + failed! + tied!).toBe(prompts * count)
    const labelled = readJsonl(join(folderOf(made), 'labels.jsonl'), labelledPairSchema)
    expect(new Set(labelled.map(({ id }) => id)).size).toBe(labelled.length)
    expect(labelled.every(({ id }) => /#\d-\d$/.test(id))).toBe(true)
  },
)

test('label: pairs that are ranked by score are refused for a labeler that is asked about pairs', async () => {
  await serve(LETTER)
  const { data, samples } = await sampledGroups('extremes')
  await expect(
    computeStage(label, 'label', { data, samples, labeler: { settings: { ...settings, comparison: 'pairwise' } } }),
  ).rejects.toThrow(/"sample.pairs" is "extremes".*set "labeler.comparison" to "pointwise"/)
})

test('label: responses that certainly have the same value are counted apart; more attempts would not help', async () => {
  const certain: Rule = (prompt) => (/RESPONSE: yes [123]/.test(prompt) ? { '9': 1 } : { '3': 1 })
  const made = await labelled(certain)
  const { labels, tied, failed } = made.summary as Record<string, number>
  expect(failed).toBe(0)
  expect(tied).toBeGreaterThan(0)
  expect(labels).toBeGreaterThan(0)
  const failures = readFileSync(join(folderOf(made), 'failures.jsonl'), 'utf8')
    .trim()
    .split('\n')
  expect(failures).toHaveLength(tied!)
  expect(failures[0]).toContain('both responses have the value 3 with certainty')
  await endpoint.close()
  await expect(labelled(() => ({ '3': 1 }))).rejects.toThrow(/in \d+ pairs both responses have the same value/)
})

test('a caution that labels go by position is none of labels without positions', () => {
  const summary = { labels: 100, undecided: 0, firstShare: 0.97, sameSlotShare: null }
  expect(stageCautions({ stage: 'label', summary })).toEqual([expect.stringContaining('go by position')])
  expect(stageCautions({ stage: 'label', summary: { ...summary, tied: 0 } })).toEqual([])
})

test('evaluate: win rates, agreement with people, and no share of equal slots', async () => {
  await serve(YES)
  const data = await dataArtifact()
  const inputs = { baseline: model, policy: model, data, judge: { settings }, limits }
  const made = await computeStage(evaluate, 'evaluate', { ...inputs, settings: { agreementPairs: 4, temperature: 1 } })
  expect(made.summary).toMatchObject({ agreement: 1, sameSlot: null })
  const evaluation = readEvaluation(folderOf(made))
  expect(evaluation.alignment).toMatchObject({ orders: 0, sameSlot: { n: 0 } })
  const html = renderReport({
    title: 'x',
    settings: {},
    version: '1',
    stages: [],
    dropped: {},
    contests: [],
    evaluation,
  })
  expect(html).toContain('undefined: judge.comparison is &#34;pointwise&#34;, so each response was judged alone')
  expect(html).not.toContain('NaN')
})

test('contest: a response that meets several others is asked about once', async () => {
  await serve(YES)
  const data = await dataArtifact()
  const written = (seed: number) =>
    computeStage(respond, 'respond', { data, policy: model, limits, temperature: 1, seed })
  const arms = [1, 2, 3].map(async (seed) => ({ name: `arm${seed}`, responses: await written(seed) }))
  const input = { data, arms: await Promise.all(arms), judge: { settings }, agreementPairs: 0 }
  const made = await computeStage(contest, 'contest', input)
  const ofScores = endpoint.prompts.filter((prompt) => !/\n1 - .*\n2 - /.test(prompt))
  expect(made.summary.bouts).toBe(4 * 6) // three arms and the references, on four prompts
  expect(ofScores.length).toBe(distinct(ofScores))
  expect(ofScores.length).toBeLessThanOrEqual(4 * 4)
})

test('a label study compares it with pairs, and says of which variant the same slot is undefined', async () => {
  await serve((prompt) => (/RESPONSE: /.test(prompt) ? YES(prompt, {}) : { '1': 0.6, '2': 0.4 }))
  const data = await dataArtifact()
  const judged = async (more: object) => {
    const made = await computeStage(judgeStage, 'judge', {
      data,
      pairs: 8,
      labeler: { settings: { ...settings, ...more } },
    })
    writeFileSync(join(folderOf(made), 'manifest.json'), JSON.stringify({ summary: made.summary, seconds: 1 }))
    return made
  }
  const alone = await judged({})
  expect(alone.summary).toMatchObject({ agreement: 1, sameSlot: null, requests: 16 })
  const pairs = await judged({ comparison: 'pairwise' })
  expect(pairs.summary).toMatchObject({ sameSlot: 1 })
  const variants = [
    { name: 'pairs', judged: pairs },
    { name: 'alone', judged: alone },
  ]
  const made = await computeStage(study, 'study', { title: 'x', settings: {}, variants })
  const html = readFileSync(join(folderOf(made), 'report.html'), 'utf8')
  expect(html).toContain('Same slot is undefined, as each response was asked about alone and has no slot: alone.')
  expect(html).not.toContain('asked in one order')
})
