// A rubric as the live reward and as preferences, over real HTTP; the truth is computed by hand.
import { parse } from '../../src/contracts/parse'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { readTask, taskFolder, type Criterion } from '../../src/data/task'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { guidanceFor } from '../../src/feedback/guidance-for'
import { juryOf } from '../../src/feedback/jury'
import { liveScores, type LiveScore } from '../../src/feedback/live-score'
import { judgePairs } from '../../src/feedback/preference'
import type { PreferenceLabel } from '../../src/feedback/preference-label'
import type { Technique } from '../../src/feedback/technique'
import { startEndpoint, type Endpoint, type Rule } from './endpoint'

const task = readTask(taskFolder('helpful'))
const yes = [
  { spellings: ['yes'], value: 1 },
  { spellings: ['no'], value: 0 },
]
const rubric: Criterion[] = [
  { name: 'true', question: 'Is it true?', weight: 3, answers: yes },
  { name: 'short', question: 'Is it short? Say a number from 1 to 10.', weight: 1, ending: 'Number: ' },
]
const byRubric: Technique = { comparison: 'pointwise', labels: 'soft', guidance: { rubric } }
const pair = { context: 'A text.', first: 'good', second: 'bad' }

let endpoint: Endpoint
afterEach(() => endpoint.close())
async function labeler(rule: Rule) {
  endpoint = await startEndpoint(rule)
  const given = { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 }
  return endpointLabeler(parse(labelerSchema, given, 'labeler') as EndpointSettings)
}

const P_TRUE: Record<string, number> = { good: 0.8, bad: 0.3 }
const shownIn = (prompt: string) => (prompt.includes('RESPONSE: good') ? 'good' : 'bad')
const rule: Rule = (prompt) => {
  const p = P_TRUE[shownIn(prompt)]!
  if (prompt.includes('Is it true?')) return { ' yes': p, ' no': 1 - p }
  return shownIn(prompt) === 'good' ? { '4': 0.5, '6': 0.5 } : { '8': 0.9, '4': 0.1 }
}

test('the reward is the weighted mean of the criteria, each put to [-1, 1]', async () => {
  const asked = await labeler(rule)
  const shown = ['good', 'bad'].map((response) => ({ context: 'c', response }))
  const scores = (await liveScores(asked, shown, { task, technique: byRubric })) as LiveScore[]
  const short = [(5 - 5.5) / 4.5, (7.6 - 5.5) / 4.5]
  const truth = [2 * 0.8 - 1, 2 * 0.3 - 1]
  scores.forEach(({ reward, criteria }, i) => {
    expect(criteria).toEqual({ true: expect.closeTo(truth[i]!, 12), short: expect.closeTo(short[i]!, 12) })
    expect(reward).toBeCloseTo((3 * truth[i]! + short[i]!) / 4, 12)
  })
  expect(endpoint.prompts[0]).toMatch(/^Is it true\?\n\nCONTEXT: c\nRESPONSE: good\n\nAnswer:$/)
  expect(endpoint.prompts.at(-1)).toMatch(/RESPONSE: bad\n\nNumber: $/)
})

test('a preference is the weighted mean of those by each criterion', async () => {
  const [label] = (await judgePairs(await labeler(rule), [pair], { task, technique: byRubric, seed: 1 })) as [
    PreferenceLabel,
  ]
  const byTruth = (0.8 * 0.7) / (0.8 * 0.7 + 0.2 * 0.3)
  const byLength = (0.5 * 0.1) / (0.5 * 0.9 + 0.5 * 1 * 0.9 + 0.5 * 0.1) // 6 above 4; 8 above both; 4 = 4 is no difference
  expect(label.criteria!.true).toBeCloseTo(byTruth, 12)
  expect(label.criteria!.short).toBeCloseTo(byLength, 12)
  expect(label.preferFirst).toBeCloseTo((3 * byTruth + byLength) / 4, 12)
  expect(label.slotOne).toEqual([])
  expect(endpoint.prompts).toHaveLength(4)
})

test('a criterion in which the responses certainly do not differ is left out; where all are so, there is no label', async () => {
  const same: Rule = (prompt, body) => (prompt.includes('Is it true?') ? { ' yes': 1 } : rule(prompt, body))
  const [label] = (await judgePairs(await labeler(same), [pair], { task, technique: byRubric, seed: 1 })) as [
    PreferenceLabel,
  ]
  expect(label.criteria!.true).toBeNull()
  expect(label.preferFirst).toBe(label.criteria!.short)
  await endpoint.close()
  const tie: Rule = (prompt) => (prompt.includes('Is it true?') ? { ' yes': 1 } : { '5': 1 })
  expect(await judgePairs(await labeler(tie), [pair], { task, technique: byRubric, seed: 1 })).toEqual([
    { failed: 'both responses are at the same level of every criterion with certainty', tied: true },
  ])
})

test('a criterion without an answer leaves neither a score nor a label, and is named', async () => {
  const asked = await labeler((prompt, body) => (prompt.includes('Is it true?') ? { maybe: 1 } : rule(prompt, body)))
  const failed = { failed: expect.stringMatching(/^criterion true: none of "yes", "no" is among the returned tokens/) }
  expect(await judgePairs(asked, [pair], { task, technique: byRubric, seed: 1 })).toEqual([failed])
  const shown = [{ context: 'c', response: 'good' }]
  expect(await liveScores(asked, shown, { task, technique: byRubric })).toEqual([failed])
})

test('a jury of one by rubric has its criteria; hard labels round the mean, not the criteria', async () => {
  const asked = juryOf([{ labeler: await labeler(rule), technique: { ...byRubric, labels: 'hard' } }], 'mean', 1)
  const [label] = (await judgePairs(asked, [pair], { task, seed: 1 })) as [PreferenceLabel]
  expect(label.preferFirst).toBe(1)
  expect(label.criteria!.true).toBeCloseTo(0.56 / 0.62, 12)
  const [score] = await liveScores(asked, [{ context: 'c', response: 'good' }], { task })
  expect(score).toMatchObject({ disagreement: 0, criteria: { true: expect.closeTo(0.6, 12) } })
})

test('the shipped tasks have a rubric and principles, which are no part of their data', () => {
  expect(task.rubric!.map(({ name, weight }) => [name, weight])).toEqual([
    ['answers', 3],
    ['true', 2],
    ['complete', 1],
    ['clear', 1],
  ])
  expect(readTask(taskFolder('harmless')).principles!.length).toBeGreaterThan(5)
  expect(() => guidanceFor({ score: 'rubric' }, { task: 'mine' }, 'judge')).toThrow(
    /field "judge.score" asks for the rubric of the task mine, which has none; add "rubric" to its task.json/,
  )
  expect(() => guidanceFor({ principles: true }, { task: 'mine' }, 'labeler.jury.1')).toThrow(
    /"labeler.jury.1.principles" asks for the principles/,
  )
})
