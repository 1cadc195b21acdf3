// Labels from answers about one response at a time, over real HTTP and from a local model.
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { parse } from '../../src/contracts/parse'
import { readTask, taskFolder } from '../../src/data/task'
import { measureAlignment } from '../../src/evaluation/alignment'
import { scoreQuestion } from '../../src/feedback/direct-score'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { isUnanswered, type Labeler } from '../../src/feedback/labeler'
import { localLabeler } from '../../src/feedback/local-labeler'
import { probabilityOfHigher } from '../../src/feedback/pointwise'
import { choseSameSlot, judgePairs } from '../../src/feedback/preference'
import type { PreferenceLabel } from '../../src/feedback/preference-label'
import { loadModelAndTokenizer } from '../../src/model/loaded'
import { uniform } from '../../src/random'
import { writeTinyFolder } from '../tiny-folder'
import { startEndpoint, type Endpoint, type Rule } from './endpoint'

const summarization = readTask(taskFolder('summarization'))
const harmless = readTask(taskFolder('harmless'))

let endpoint: Endpoint | undefined
afterEach(async () => {
  await endpoint?.close()
  endpoint = undefined
})
async function labeler(rule: Rule, more: object = {}): Promise<Labeler> {
  endpoint = await startEndpoint(rule)
  const given = { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0, comparison: 'pointwise', ...more }
  return endpointLabeler(parse(labelerSchema, given, 'labeler') as EndpointSettings)
}
const pairOf = (first: string, second: string) => ({ context: 'A text.', first, second })
const judge = (
  asked: Labeler,
  pairs = [pairOf('good', 'bad')],
  labels: 'soft' | 'hard' = 'soft',
  task = summarization,
) => judgePairs(asked, pairs, { task, technique: { comparison: 'pointwise', labels }, seed: 1 })
const preferFirst = (labels: readonly unknown[]) => labels.map((label) => (label as PreferenceLabel).preferFirst)

/** Probabilities of the scores of a few responses. */
const SCORES: Record<string, Record<string, number>> = {
  good: { '7': 0.2, '8': 0.5, '9': 0.3 },
  bad: { '2': 0.6, '8': 0.4 },
  fair: { '4': 0.5, '6': 0.5 },
}
const shownIn = (prompt: string) => Object.keys(SCORES).find((name) => prompt.includes(`SUMMARY: ${name}`))!
const byScore: Rule = (prompt) => SCORES[shownIn(prompt)]!

describe('the probability that the first is higher, given that the two differ', () => {
  test('is σ(ℓ₁ − ℓ₂) for two levels', () => {
    for (const [first, second] of [
      [0.9, 0.2],
      [0.5, 0.5],
      [0.01, 0.3],
    ] as const) {
      const logOdds = Math.log(first / (1 - first)) - Math.log(second / (1 - second))
      expect(probabilityOfHigher([1 - first, first], [1 - second, second], [-1, 1])).toBeCloseTo(
        1 / (1 + Math.exp(-logOdds)),
        12,
      )
    }
  })

  test('is what counting all pairs of answers gives, in whatever order the levels are listed', () => {
    const values = [3, -2, 10, 0.5]
    const answers = [
      [3, 3, -2, 10, 0.5, 0.5, 0.5, 10],
      [-2, -2, -2, 3, 0.5, 10, 3, 3],
    ] as const
    const share = (side: 0 | 1) =>
      values.map((value) => answers[side].filter((answer) => answer === value).length / answers[side].length)
    const pairs = answers[0].flatMap((one) => answers[1].map((other) => Math.sign(one - other)))
    const higher = pairs.filter((sign) => sign > 0).length
    const expected = higher / (higher + pairs.filter((sign) => sign < 0).length)
    expect(probabilityOfHigher(share(0), share(1), values)).toBeCloseTo(expected, 12)
    expect(probabilityOfHigher(share(1), share(0), values)).toBeCloseTo(1 - expected, 12)
  })

  test('is undefined where both are certain of one level', () => {
    expect(probabilityOfHigher([0, 1], [0, 1], [0, 1])).toBeUndefined()
    expect(probabilityOfHigher([0, 1], [1, 0], [0, 1])).toBe(1)
  })
})

test('a label is computed from the scores of each response alone, by hand', async () => {
  const labels = await judge(await labeler(byScore), [pairOf('good', 'bad'), pairOf('fair', 'good')])
  // good above bad: 0.6 (2) + 0.4 · 0.3 (9 over 8) = 0.72; below: 0.4 · 0.2 (7 under 8) = 0.08
  expect(labels).toEqual([
    { preferFirst: expect.closeTo(0.72 / 0.8, 12), slotOne: [], bounded: true },
    { preferFirst: 0, slotOne: [], bounded: true },
  ])
  expect(choseSameSlot(labels[0] as PreferenceLabel)).toBeUndefined()
})

test('every response is asked about once, with the score question, however many pairs it stands in', async () => {
  const asked = await labeler(byScore)
  const names = ['good', 'bad', 'fair']
  const pairs = names.flatMap((first) => names.filter((name) => name !== first).map((second) => pairOf(first, second)))
  const labels = preferFirst(await judge(asked, pairs))
  expect(endpoint!.prompts.map(shownIn).sort()).toEqual(['bad', 'fair', 'good'])
  const { text } = scoreQuestion(summarization, 'A text.', 'good')
  expect(endpoint!.prompts.find((prompt) => shownIn(prompt) === 'good')).toContain(text.trim())
  pairs.forEach(({ first, second }, i) => {
    const reverse = pairs.findIndex((pair) => pair.first === second && pair.second === first)
    expect(labels[i]! + labels[reverse]!).toBeCloseTo(1, 12)
  })
})

test('the same response to another text is another question', async () => {
  await judge(await labeler(byScore), [pairOf('good', 'bad'), { ...pairOf('good', 'bad'), context: 'Another text.' }])
  expect(endpoint!.prompts).toHaveLength(4)
})

test('the better response is preferred where the pairwise question of a task asks for the worse one', async () => {
  expect(harmless.preference.asksForWorse).toBe(true)
  const rule: Rule = (prompt) => (/RESPONSE: good/.test(prompt) ? { '9': 0.9, '1': 0.1 } : { '9': 0.1, '1': 0.9 })
  const [label] = preferFirst(await judge(await labeler(rule), undefined, 'soft', harmless))
  expect(label).toBeGreaterThan(0.9)
})

test('hard labels are 1 or 0', async () => {
  const asked = await labeler(byScore)
  expect(preferFirst(await judge(asked, [pairOf('good', 'bad'), pairOf('bad', 'good')], 'hard'))).toEqual([1, 0])
  expect(preferFirst(await judge(asked, [pairOf('fair', 'fair')], 'hard'))).toEqual([0.5])
})

test('counted answers say so; where all of them are one score for both, there is no label, and why', async () => {
  const asked = await labeler((prompt) => (shownIn(prompt) === 'bad' ? '3' : '8'), { countedAnswers: 3 })
  const [clear, tied] = await judge(asked, [pairOf('good', 'bad'), pairOf('good', 'fair')])
  expect(clear).toEqual({ preferFirst: 1, slotOne: [], counted: 3 })
  expect(tied).toEqual({
    failed: 'both responses have the value 8 with certainty, so neither is preferred',
    tied: true,
  })
})

test('a response without an answer leaves its pairs without a label, and no others', async () => {
  const asked = await labeler((prompt) => (shownIn(prompt) === 'bad' ? { maybe: 1 } : byScore(prompt, {})))
  const [one, other, clear] = await judge(asked, [pairOf('good', 'bad'), pairOf('bad', 'fair'), pairOf('good', 'fair')])
  expect(one).toMatchObject({ failed: expect.stringMatching(/no score from 1 to 10.*maybe/) })
  expect(other).toEqual(one)
  expect(clear).toMatchObject({ preferFirst: 1 })
})

test('agreement with people is measured; the share of equal slots is that of no pair', async () => {
  const rows = (['good', 'bad'] as const).map((first, i) => ({
    id: `${i}`,
    messages: [],
    context: 'A text.',
    pairs: [{ responses: [first, first === 'good' ? 'bad' : 'good'] as [string, string], preferred: 1 as const }],
  }))
  const technique = { comparison: 'pointwise', labels: 'soft' } as const
  const alignment = await measureAlignment(await labeler(byScore), rows, 10, {
    task: summarization,
    technique,
    seed: 1,
  })
  expect(alignment).toMatchObject({ agreement: { value: 0.5, n: 2 }, sameSlot: { n: 0 }, orders: 0 })
})

test('a local model labels the same whichever response comes first', async () => {
  const tiny = localLabeler('tiny', 'digest', loadModelAndTokenizer(writeTinyFolder()))
  const words = (i: number) => ['red', 'blue', 'a longer one', 'green'][Math.floor(4 * uniform([1, i]))]!
  const pairs = Array.from({ length: 4 }, (_, i) => pairOf(`${words(i)} ${i}`, `${words(i + 9)} other`))
  const labels = await judge(tiny, [...pairs, ...pairs.map(({ first, second }) => pairOf(second, first))])
  expect(labels.filter(isUnanswered)).toEqual([])
  const given = preferFirst(labels)
  pairs.forEach((_, i) => expect(given[i]! + given[i + pairs.length]!).toBeCloseTo(1, 12))
})
