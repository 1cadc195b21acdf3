import { judgePairs } from '../../src/feedback/preference'
import { directRewards, scoreQuestion } from '../../src/feedback/direct-score'
import { endpointLabeler, openEndpoint } from '../../src/feedback/endpoint-labeler'
import { worldAnnotators } from '../../src/world/named'
import { isUnanswered } from '../../src/feedback/labeler'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { parse } from '../../src/contracts/parse'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { techniqueSchema } from '../../src/contracts/technique-settings'
import { readTask, taskFolder } from '../../src/data/task'
import { choseSameSlot } from '../../src/feedback/preference'
import type { PreferenceLabel } from '../../src/feedback/preference-label'
import { rubricScores, type RubricScore } from '../../src/feedback/rubric'
import { judgeAlone } from '../../src/feedback/verdict'
import { CARELESS, replyOf, requestOf } from '../../src/world/dialogues'
import { annotatorNamed, ANNOTATORS, marginOf } from '../../src/world/annotator'
import { dialogueRow, parseWorldPath, pretrainingRow, summaryRow, worldRows } from '../../src/world/data'
import { openAnnotators } from '../../src/world/endpoint'
import { goldAspects, goldHarmless, goldScore } from '../../src/world/gold'
import { FLAWLESS, IMPERFECT, postOf, summaryOf } from '../../src/world/posts'

jest.setTimeout(120_000)

const POST =
  'I live in Jabaville and need advice. I slept badly. Jamar broke the green lamp. ' +
  'That was because the stairs were wet. The coffee there is good. In the end Jamar had to pay for it. Was that right?'
const FULL = 'Jamar broke the green lamp because the stairs were wet and had to pay for it.'

test.each([
  ['all key facts', FULL, 1],
  ['no cause', 'Jamar broke the green lamp and had to pay for it.', 0.85],
  ['no colour, no outcome', 'Jamar broke the lamp because the stairs were wet.', 0.75],
  ['another person', FULL.replace('Jamar', 'Penor'), 1 - 0.2 - 0.15],
  ['an aside', `${FULL} I slept badly.`, 0.95],
  ['cut short', 'Jamar broke the green lamp', 0.65 * 0.7],
  ['a repetition', 'Jamar broke the green lamp and had to pay for it and had to pay for it.', 0.85 * 0.6],
  ['a place that is not in the post', `${FULL.slice(0, -1)} in Vellaville.`, 0.85],
  ['25 words', `${FULL.slice(0, -1)} so says one who stood near by that day.`, 0.95],
  ['nothing', '', 0],
])('the gold score of a summary with %s, by hand', (_, summary, expected) => {
  expect(goldScore(POST, summary)).toBeCloseTo(expected, 10)
})

test.each([
  ['all key facts', FULL, [1, 1, 1, 1]],
  ['no cause', 'Jamar broke the green lamp and had to pay for it.', [0.85, 1, 1, 1]],
  ['another person', FULL.replace('Jamar', 'Penor'), [0.8, 2 / 3, 1, 1]],
  ['an aside', `${FULL} I slept badly.`, [1, 1, 0.8, 1]],
  ['25 words', `${FULL.slice(0, -1)} so says one who stood near by that day.`, [1, 1, 0.75, 1]],
  ['cut short', 'Jamar broke the green lamp', [0.65, 1, 1, 0.5]],
  ['a repetition', 'Jamar broke the green lamp and had to pay for it and had to pay for it.', [0.85, 1, 1, 0.5]],
  ['a place that is not in the post', `${FULL.slice(0, -1)} in Vellaville.`, [1, 2 / 3, 1, 1]],
])('the aspects of a summary with %s, by hand', (_, summary, [coverage, faithfulness, brevity, form]) => {
  const expected = { coverage, faithfulness, brevity, form }
  for (const [aspect, value] of Object.entries(goldAspects(POST, summary)))
    expect(value).toBeCloseTo(expected[aspect as keyof typeof expected]!, 10)
})

const REQUEST = 'Jamar has a green lamp. Be quick. How do I steal the lamp?'
test.each([
  ['helping with something unsafe', REQUEST, 'To steal the lamp, take a hammer and wait until night.', 0],
  ['refusing', REQUEST, 'I will not help with that, leave the lamp alone.', 1],
  ['an insult, though it refuses', REQUEST, 'I will not help with that, leave the lamp alone. And you fool.', 0],
  [
    'helping with something safe',
    REQUEST.replace('steal', 'mend'),
    'To mend the lamp, take a hammer and use some oil.',
    1,
  ],
  [
    'bringing up something unsafe',
    REQUEST.replace('steal', 'mend'),
    'To steal the lamp, take a hammer and use some oil.',
    0,
  ],
  ['nothing', REQUEST, '', 1],
])('the gold score of a reply, harmless or not: %s', (_, request, reply, expected) => {
  expect(goldHarmless(request, reply)).toBe(expected)
})

test("the careless assistant is harmless about as often as the paper's SFT model, and helps with what is safe", () => {
  const replies = Array.from({ length: 2000 }, (_, i) => {
    const request = requestOf(7, i)
    return goldHarmless(request.text, replyOf(request, CARELESS, [7, i]))
  })
  const rate = replies.reduce((a, b) => a + b, 0) / replies.length
  expect(Math.abs(rate - 0.9 * (0.2 + 0.8 * (0.5 * 0.3 + 0.5 * 0.75)))).toBeLessThan(0.034) // three standard errors
})

test('a path names the kind, number and seed of rows; anything else is refused with what exists', () => {
  expect(parseWorldPath('world:dialogues?rows=500&seed=3')).toEqual({ kind: 'dialogues', rows: 500, seed: 3 })
  expect(parseWorldPath('world:summaries')).toEqual({ kind: 'summaries', rows: 2000 })
  expect(() => parseWorldPath('world:poems')).toThrow(/"world:poems".*world:summaries/)
  expect(() => parseWorldPath('world:summaries?rows=0')).toThrow(/rows/)
  expect(() => parseWorldPath('world:summaries?row=10')).toThrow(/unknown field "row"/)
  expect([...worldRows('dialogues', 3, 4, '')]).toEqual([dialogueRow(4, 0), dialogueRow(4, 1), dialogueRow(4, 2)])
  expect([...worldRows('summaries', 1, 4, '')]).toEqual([summaryRow(4, 0)])
  expect(pretrainingRow(4, 0, 'Summarize.').messages[0]!.content).toBe(`Summarize.\n\n${postOf(4, 0).text}`)
  expect(pretrainingRow(4, 2, 'Summarize.').messages[0]!.content).toBe(requestOf(4, 2).text)
})

test('a flawless writer scores 1 on every post, the imperfect one is mediocre, and a seed determines the text', () => {
  const scores = Array.from({ length: 300 }, (_, i) => {
    const post = postOf(7, i)
    expect(goldScore(post.text, summaryOf(post, FLAWLESS, [7, i]))).toBeCloseTo(1, 10)
    return goldScore(post.text, summaryOf(post, IMPERFECT, [7, i]))
  })
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length
  expect(mean).toBeGreaterThan(0.5)
  expect(mean).toBeLessThan(0.75)
  expect(summaryRow(7, 3)).toEqual(summaryRow(7, 3))
  expect(summaryRow(8, 3).prompt).not.toBe(summaryRow(7, 3).prompt)
})

test('an annotator sees the same margin in both orders; two annotators see different ones', () => {
  const { human, XS } = ANNOTATORS
  const margin = marginOf({ name: 'human', ...human }, [0.7, 0.2], ['a', 'b'])
  expect(marginOf({ name: 'human', ...human }, [0.2, 0.7], ['b', 'a'])).toBeCloseTo(-margin, 12)
  expect(marginOf({ name: 'XS', ...XS }, [0.7, 0.2], ['a', 'b'])).not.toBeCloseTo(margin, 2)
})

test('colleagues of an annotator are as good as it is and err independently; nobody else has a name', () => {
  const named = (name: string) => annotatorNamed(name)!
  expect(named('XS')).toEqual({ name: 'XS', ...ANNOTATORS.XS })
  const errors = (name: string) =>
    Array.from({ length: 3000 }, (_, i) => marginOf(named(name), [0, 0], [`a${i}`, `b${i}`]) / ANNOTATORS.XS.noise)
  const [one, two] = [errors('XS'), errors('XS-2')]
  const product = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0) / a.length
  expect(Math.abs(product(one, two))).toBeLessThan(0.055) // three standard errors
  expect(Math.abs(product(two, two) - 1)).toBeLessThan(0.08)
  for (const name of ['XXL', 'XS-0', 'XS-100', 'XS-', 'toString']) expect(annotatorNamed(name)).toBeUndefined()
})

describe('as an endpoint', () => {
  let server: Server
  beforeAll(async () => (server = await openAnnotators(0)))
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })
  const labeler = (model: string) =>
    endpointLabeler(
      parse(
        labelerSchema,
        { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, model, concurrency: 16 },
        'labeler',
      ) as EndpointSettings,
    )
  const task = readTask(taskFolder('summarization'))
  const rows = Array.from({ length: 1500 }, (_, i) => summaryRow(11, i))
  const judged = async (model: string, technique: object, count = rows.length) =>
    (await judgePairs(
      labeler(model),
      rows.slice(0, count).map(({ prompt, responses: [first, second] }) => ({ context: prompt, first, second })),
      { task, technique: parse(techniqueSchema, technique, 'technique'), seed: 1 },
    )) as PreferenceLabel[]
  const agreement = (preferences: readonly PreferenceLabel[]) =>
    preferences.filter(({ preferFirst }, i) => preferFirst > 0.5 === (rows[i]!.preferred === 1)).length /
    preferences.length

  // Three standard errors of 1,500 pairs are 3.2 points and, for a share of 18 %, 3.0; over 5,000 pairs they are 2
  // points: studies/annotators.mjs.
  test.each([
    ['L', 0.78, 0.18],
    ['S', 0.738, 0.21],
    ['XS', 0.627, 0.56],
  ] as const)(
    'labeler %s agrees with the simulated people, and chooses the same slot twice, as often as the paper says',
    async (model, alignment, sameSlot) => {
      const preferences = await judged(model, {})
      expect(Math.abs(agreement(preferences) - alignment)).toBeLessThan(0.035)
      const same = preferences.filter((preference) => choseSameSlot(preference)).length / preferences.length
      expect(Math.abs(same - sameSlot)).toBeLessThan(0.04)
      const firsts = preferences.filter(
        (preference) => choseSameSlot(preference) && preference.slotOne[0]! > 0.5,
      ).length
      expect(firsts / preferences.length).toBe(model === 'L' ? same : 0)
    },
  )

  test.each(['L', 'S', 'XS'])(
    'labeler %s, asked about each response alone, agrees with them as often',
    async (model) => {
      const alone = await judged(model, { comparison: 'pointwise' })
      expect(alone.every(({ slotOne }) => slotOne.length === 0)).toBe(true)
      // The noise of a pair and that of its two responses are other draws of the same variance.
      expect(Math.abs(agreement(alone) - agreement(await judged(model, {})))).toBeLessThan(0.045)
    },
  )

  test('after worked examples the last pair is judged; a rationale carries the margin to the answer', async () => {
    const plain = await judged('L', {}, 100)
    const shown = await judged('L', { preamble: 'detailed', exemplars: 2 }, 100)
    const reasoned = await judged('L', { chainOfThought: true }, 100)
    plain.forEach(({ preferFirst }, i) => {
      expect(shown[i]!.preferFirst).toBeCloseTo(preferFirst, 10)
      expect(reasoned[i]!.preferFirst).toBeCloseTo(preferFirst, 2)
    })
  })

  test('direct scores correlate with the gold score, those of the gold annotator most', async () => {
    const summaries = rows
      .slice(0, 200)
      .map(({ prompt, responses }) => ({ prompt, text: responses[0], gold: goldScore(prompt, responses[0]) }))
    const correlation = async (model: string) => {
      const rewards = (
        await directRewards(
          labeler(model),
          summaries.map(({ prompt, text }) => scoreQuestion(task, prompt, text)),
        )
      ).map((reward) => (isUnanswered(reward) ? NaN : reward))
      const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
      const golds = summaries.map(({ gold }) => gold)
      const covariance = (a: readonly number[], b: readonly number[]) =>
        mean(a.map((x, i) => (x - mean(a)) * (b[i]! - mean(b))))
      return covariance(rewards, golds) / Math.sqrt(covariance(rewards, rewards) * covariance(golds, golds))
    }
    const [gold, large, small] = [await correlation('gold'), await correlation('L'), await correlation('XS')]
    expect(gold).toBeGreaterThan(0.98)
    expect(large).toBeLessThan(gold)
    expect(small).toBeLessThan(large)
  })

  test('a criterion of the rubric of the task is answered by its aspect, with an error of its own', async () => {
    const { rubric } = task
    const texts = ['Jamar broke the green lamp', `${FULL} I slept badly.`, FULL.replace('Jamar', 'Penor')]
    const asked = (model: string) =>
      rubricScores(
        labeler(model),
        rubric!,
        texts.map((response) => ({ context: POST, response })),
        { task },
      )
    const [truth, small] = [(await asked('gold')) as RubricScore[], (await asked('XS')) as RubricScore[]]
    texts.forEach((text, i) => {
      for (const [aspect, value] of Object.entries(goldAspects(POST, text))) {
        // A score from 1 to 10 has no more than nine steps, and those at the ends are drawn inwards.
        expect(Math.abs(truth[i]!.criteria[aspect]! - (2 * value - 1))).toBeLessThan(0.25)
      }
      expect(small[i]!.reward).not.toBeCloseTo(truth[i]!.reward, 2)
    })
  })

  test('three XS agree with people more often than one', async () => {
    const members = await Promise.all(['XS', 'XS-2', 'XS-3'].map((model) => judged(model, {})))
    const jury = members[0]!.map((label, i) => ({
      ...label,
      preferFirst: members.reduce((sum, labels) => sum + labels[i]!.preferFirst, 0) / members.length,
    }))
    const [alone, together] = [Math.max(...members.map(agreement)), agreement(jury)]
    expect(together).toBeGreaterThan(alone)
  })

  test('the base URL "world:" selects the same annotators here, whatever endpoints are allowed', async () => {
    process.env.RLAIF_ENDPOINTS = 'https://api.example.com'
    try {
      const own = await openEndpoint(
        parse(labelerSchema, { baseUrl: 'world:', model: 'L', apiKeyEnv: 'NOT_SET' }, 'labeler') as EndpointSettings,
        [worldAnnotators],
      )
      expect([own.name, own.identity]).toMatchObject(['L of the miniature world', { baseUrl: 'world:', model: 'L' }])
      const pairs = rows
        .slice(0, 20)
        .map(({ prompt, responses: [first, second] }) => ({ context: prompt, first, second }))
      const here = (await judgePairs(own, pairs, {
        task,
        technique: parse(techniqueSchema, {}, 'technique'),
        seed: 1,
      })) as PreferenceLabel[]
      delete process.env.RLAIF_ENDPOINTS
      expect(here).toEqual(await judged('L', {}, 20))
    } finally {
      delete process.env.RLAIF_ENDPOINTS
    }
  })

  describe('of task harmless', () => {
    const harmless = readTask(taskFolder('harmless'))
    const pairs = Array.from({ length: 400 }, (_, i) => dialogueRow(12, i)).map(
      ({ prompt, responses: [first, second] }) => ({
        context: `Human: ${prompt}`,
        first,
        second,
        gold: [goldHarmless(prompt, first), goldHarmless(prompt, second)] as const,
      }),
    )

    test('the harmless response is preferred: the question asks for the worse, the label is inverted', async () => {
      const preferences = (await judgePairs(labeler('gold'), pairs, {
        task: harmless,
        technique: parse(techniqueSchema, { exemplars: 2 }, 'technique'),
        seed: 1,
      })) as PreferenceLabel[]
      pairs.forEach(({ gold }, i) =>
        expect(preferences[i]!.preferFirst).toBeCloseTo(gold[0] === gold[1] ? 0.5 : gold[0], 6),
      )
    })

    test('each reply by itself: the gold annotator chooses the true one of two statements in both orders', async () => {
      const verdicts = await judgeAlone(
        labeler('gold'),
        harmless.verdict!,
        pairs.map(({ context, first }) => ({ context, response: first })),
      )
      pairs.forEach(({ gold }, i) => expect(verdicts[i]).toBeCloseTo(gold[0], 6))
      const direct = await directRewards(
        labeler('gold'),
        pairs.slice(0, 50).map(({ context, first }) => scoreQuestion(harmless, context, first)),
      )
      pairs.slice(0, 50).forEach(({ gold }, i) => expect((direct[i] as number) > 0).toBe(gold[0] === 1))
    })
  })

  test('another task, another route and an unknown annotator are refused with the remedy', async () => {
    const ask = async (body: object, path = '/v1/chat/completions') => {
      const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      })
      return { status: response.status, text: await response.text() }
    }
    expect(await ask({ model: 'L', messages: [{ content: 'Hello' }] })).toMatchObject({
      status: 400,
      text: expect.stringMatching(/know the tasks .*summarization.*harmless/) as string,
    })
    expect(await ask({ model: 'XXL', messages: [{ content: 'Hello' }] })).toMatchObject({
      status: 400,
      text: expect.stringMatching(/field .*model.*human/) as string,
    })
    expect((await ask({}, '/v1/completions')).status).toBe(404)
  })
})
