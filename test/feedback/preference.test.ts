import { readTask, taskFolder } from '../../src/data/task'
import { parse } from '../../src/contracts/parse'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { choseSameSlot, judgePairs, slotOneProbability } from '../../src/feedback/preference'
import type { PreferenceLabel } from '../../src/feedback/preference-label'
import { PLAIN, type Technique } from '../../src/feedback/technique'
import type { Labeler } from '../../src/feedback/labeler'
import { startEndpoint, type Endpoint, type Fault, type Rule } from './endpoint'

const summarization = readTask(taskFolder('summarization'))
const harmless = readTask(taskFolder('harmless'))
const pair = { context: 'A text.', first: 'good', second: 'bad' }

let endpoint: Endpoint
afterEach(() => endpoint?.close())

const settingsOf = (baseUrl: string, more: Partial<EndpointSettings> = {}) =>
  parse(labelerSchema, { baseUrl, model: 'judge', ...more }, 'labeler') as EndpointSettings

async function labeler(rule: Rule, fault?: Fault, more?: Partial<EndpointSettings>) {
  endpoint = await startEndpoint(rule, fault)
  return endpointLabeler(settingsOf(endpoint.baseUrl, more))
}
const judge = (asked: Labeler, task = summarization, pairs = [pair], technique: Partial<Technique> = {}) =>
  judgePairs(asked, pairs, { task, technique: { ...PLAIN, ...technique }, seed: 1 })

/** Prefers "good" with probability 0.8, but adds 0.15 to whatever stands first. */
const leansToSlotOne: Rule = (prompt) => {
  const goodIsFirst = /1 - good/.test(prompt)
  const one = (goodIsFirst ? 0.8 : 0.2) + 0.15
  return { '1': 0.9 * one, '2': 0.9 * (1 - one), The: 0.1 }
}

test('probabilities of both orders are averaged, the swapped one as 1 − p: position bias cancels', async () => {
  const [label] = await judge(await labeler(leansToSlotOne))
  expect(label).toMatchObject({
    preferFirst: expect.closeTo(0.8, 10),
    slotOne: [expect.closeTo(0.95, 10), expect.closeTo(0.35, 10)],
  })
})

test('probabilities are averaged, not logits', async () => {
  const [label] = await judge(
    await labeler((prompt) => (/1 - good/.test(prompt) ? { '1': 0.99, '2': 0.01 } : { '1': 0.5, '2': 0.5 })),
  )
  expect(label).toMatchObject({ preferFirst: expect.closeTo((0.99 + 0.5) / 2, 10) })
})

test('with one order position bias remains, and whether the same slot was chosen is undefined', async () => {
  const [label] = await judge(await labeler(leansToSlotOne), summarization, [pair], { orders: 1 })
  expect(label).toMatchObject({ preferFirst: expect.closeTo(0.95, 10), slotOne: [expect.closeTo(0.95, 10)] })
  expect(choseSameSlot(label as PreferenceLabel)).toBeUndefined()
  expect(endpoint.prompts).toHaveLength(1)
})

test('position bias costs accuracy in one order, and both orders restore it', async () => {
  // The better response wins by 0.1 to 0.3; slot 1 is given 0.25 more. Half of the pairs show the better one first.
  const pairs = Array.from({ length: 60 }, (_, i) =>
    i % 2 === 0 ? { context: `${i}`, first: 'good', second: 'bad' } : { context: `${i}`, first: 'bad', second: 'good' },
  )
  const rule: Rule = (prompt) => {
    const margin = 0.05 + (0.1 * (Number(/Text - (\d+)/.exec(prompt)![1]) % 3)) / 2
    const one = 0.5 + (/1 - good/.test(prompt) ? margin : -margin) + 0.25
    return { '1': one, '2': 1 - one }
  }
  const right = (labels: unknown[]) =>
    labels.filter((label, i) => (label as PreferenceLabel).preferFirst > 0.5 === (pairs[i]!.first === 'good')).length /
    pairs.length
  const asked = await labeler(rule)
  expect(right(await judge(asked, summarization, pairs, { orders: 1 }))).toBeCloseTo(0.5)
  expect(right(await judge(asked, summarization, pairs))).toBe(1)
})

test('the harmless task asks for the more harmful response, and its label is inverted', async () => {
  const namesBadAsMoreHarmful: Rule = (prompt) =>
    /1 - bad/.test(prompt) ? { '1': 0.9, '2': 0.1 } : { '1': 0.1, '2': 0.9 }
  const [label] = await judge(await labeler(namesBadAsMoreHarmful), harmless)
  expect(label).toMatchObject({ preferFirst: expect.closeTo(0.9, 10) })
  expect(endpoint.prompts[0]).toMatch(/more harmful/)
})

test('hard labels are 1 and 0; equal probabilities stay one half', async () => {
  const rule: Rule = (prompt) => (prompt.includes('equal') ? { '1': 0.5, '2': 0.5 } : leansToSlotOne(prompt, {}))
  const labels = await judge(await labeler(rule), summarization, [pair, { ...pair, context: 'equal' }], {
    labels: 'hard',
  })
  expect(labels.map((label) => (label as PreferenceLabel).preferFirst)).toEqual([1, 0.5])
})

describe('chain of thought', () => {
  const rule: Rule = (prompt) => {
    if (!prompt.endsWith('Preferred Summary='))
      return /1 - good/.test(prompt) ? 'The first is better. Preferred Summary=1' : 'The second is better.'
    return prompt.includes('The first is better') ? { '1': 0.9, '2': 0.1 } : { '1': 0.2, '2': 0.8 }
  }

  test('a rationale is written for each order, then the answer is read after it', async () => {
    const [label] = await judge(await labeler(rule), summarization, [pair], { chainOfThought: true })
    expect(label).toMatchObject({
      preferFirst: expect.closeTo(0.85, 10),
      rationales: ['The first is better. Preferred Summary=1', 'The second is better.'],
    })
    const [write, , read] = endpoint.prompts
    expect(write).toMatch(/Rationale:$/)
    expect(endpoint.bodies[0]).toMatchObject({ max_tokens: 512, temperature: 0 })
    // An answer that the labeler wrote by itself is cut off its rationale.
    expect(read).toBe(`${write} The first is better.\n\nPreferred Summary=`)
  })

  test('self-consistency averages over sampled rationales, each with its own seed', async () => {
    const seeds = new Set<unknown>()
    const sampled: Rule = (prompt, body) => {
      if (prompt.endsWith('Preferred Summary=')) return rule(prompt, body)
      const nth = [...seeds.add(body.seed)].indexOf(body.seed)
      return nth % 2 === 0 ? 'The first is better.' : 'The second is better.'
    }
    const [label] = await judge(
      await labeler(sampled, undefined, { dialect: 'vllm', concurrency: 1 }),
      summarization,
      [pair],
      { chainOfThought: true, samples: 4, temperature: 0.7, topK: 40 },
    )
    // Every order saw two rationales for "1" (0.9) and two for "2" (0.2); the swapped order counts as 1 − p.
    expect(label).toMatchObject({
      preferFirst: expect.closeTo(0.5, 10),
      slotOne: [expect.closeTo(0.55, 10), expect.closeTo(0.55, 10)],
    })
    const writing = endpoint.bodies.filter((body) => body.max_tokens === 512)
    expect(writing).toHaveLength(8)
    expect(writing[0]).toMatchObject({ temperature: 0.7, top_k: 40 })
    expect(new Set(writing.map(({ seed }) => seed)).size).toBe(4)
  })

  test('a rationale that fails leaves the pair without a label and costs no further question', async () => {
    const fault: Fault = (_, response, prompt) =>
      prompt.includes('broken') && Boolean(response.writeHead(400).end('no'))
    const labels = await judge(await labeler(rule, fault), summarization, [pair, { ...pair, context: 'broken' }], {
      chainOfThought: true,
    })
    expect(labels).toEqual([expect.objectContaining({ preferFirst: expect.any(Number) }), { failed: 'HTTP 400 no' }])
    expect(endpoint.prompts.filter((prompt) => prompt.includes('broken'))).toHaveLength(2)
  })
})

test('"1" and " 1" are one answer', async () => {
  const [label] = await judge(await labeler(() => ({ '1': 0.3, ' 1': 0.3, '2': 0.4 })))
  expect(label).toMatchObject({ slotOne: [expect.closeTo(0.6, 10), expect.closeTo(0.6, 10)] })
  expect(choseSameSlot(label as PreferenceLabel)).toBe(true)
})

test('an option missing from the returned list is bounded by the least returned, and the label says so', async () => {
  const [label] = await judge(
    await labeler((prompt) => (/1 - good/.test(prompt) ? { '1': 0.7, The: 0.2, A: 0.1 } : { '1': 0.5, '2': 0.5 })),
  )
  expect(label).toMatchObject({ slotOne: [expect.closeTo(0.7 / 0.8, 10), 0.5], bounded: true })
  expect(slotOneProbability({ logProbs: [undefined, undefined], floor: -3 })).toMatchObject({
    failed: expect.stringMatching(/neither/),
  })
})

test('a pair that fails does not fail the others, and is never given 0.5', async () => {
  const rule: Rule = (prompt) => (prompt.includes('broken') ? { The: 1 } : leansToSlotOne(prompt, {}))
  const labels = await judge(await labeler(rule), summarization, [pair, { ...pair, context: 'broken' }, pair])
  expect(labels[0]).toHaveProperty('preferFirst')
  expect(labels[1]).toEqual({
    failed: 'neither "1" nor "2" is among the returned tokens; the likeliest is "The" (P = 1.000)',
  })
  expect(labels[2]).toEqual(labels[0])
})

test('without log-probabilities, sampled answers are counted and the label says how many', async () => {
  let asked = 0
  const [label] = await judge(
    await labeler(() => ['1', ' 2', '1.', 'Neither'][asked++ % 4]!, undefined, { countedAnswers: 8, concurrency: 1 }),
  )
  expect(label).toMatchObject({ slotOne: [expect.closeTo(2 / 3, 10), expect.closeTo(2 / 3, 10)], counted: 8 })
  expect(endpoint.prompts).toHaveLength(16)
})

test.each<[EndpointSettings['route'], EndpointSettings['dialect'], object]>([
  [
    'chat',
    'openai',
    {
      messages: [{ role: 'user', content: expect.stringMatching(/Preferred Summary=$/) }],
      logprobs: true,
      top_logprobs: 20,
      max_tokens: 1,
    },
  ],
  [
    'chat',
    'vllm',
    {
      messages: [{ role: 'user' }, { role: 'assistant', content: 'Preferred Summary=' }],
      continue_final_message: true,
      add_generation_prompt: false,
    },
  ],
  ['chat', 'llama.cpp', { messages: [{ role: 'user' }, { role: 'assistant', content: 'Preferred Summary=' }] }],
  ['completion', 'vllm', { prompt: expect.stringMatching(/Preferred Summary=$/), logprobs: 20 }],
])('the %s route in the dialect of %s', async (route, dialect, body) => {
  const [label] = await judge(await labeler(leansToSlotOne, undefined, { route, dialect }))
  expect(label).toMatchObject({ preferFirst: expect.closeTo(0.8, 10) })
  expect(endpoint.bodies[0]).toMatchObject(body)
})
