// What an endpoint sends with status 200 is not always an answer: empty and cut rationales, filtered and useless
// answers. Each fails its own question, with its reason, and is asked again.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openAnswers, type AnswerFiles } from '../../src/artifacts/answers'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { parse } from '../../src/contracts/parse'
import { readTask, taskFolder } from '../../src/data/task'
import { directRewards, scoreQuestion } from '../../src/feedback/direct-score'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { keepingAnswers } from '../../src/feedback/kept-answers'
import type { Labeler } from '../../src/feedback/labeler'
import { judgePairs } from '../../src/feedback/preference'
import { PLAIN } from '../../src/feedback/technique'
import { judgeAlone } from '../../src/feedback/verdict'
import { temporaryFolder } from '../tiny-folder'
import { startEndpoint, type Endpoint } from './endpoint'

const task = readTask(taskFolder('summarization'))
const pairs = Array.from({ length: 3 }, (_, i) => ({ context: `Post ${i}`, first: 'one', second: 'two' }))

let endpoint: Endpoint
afterEach(() => endpoint?.close())

/** @param replyTo the body of the reply to a prompt */
async function labelerOf(replyTo: (prompt: string) => unknown, more: object = {}) {
  endpoint = await startEndpoint(
    () => '',
    (_, response, prompt) => {
      const reply = replyTo(prompt)
      return Boolean(response.end(typeof reply === 'string' ? reply : JSON.stringify(reply)))
    },
  )
  const settings = parse(labelerSchema, { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0, ...more }, 'labeler')
  return endpointLabeler(settings as EndpointSettings)
}

const choice = (given: object) => ({ choices: [given], usage: { prompt_tokens: 9, completion_tokens: 1 } })
const likely = (probabilities: Record<string, number | null>) => {
  const top = Object.entries(probabilities).map(([token, p]) => ({ token, logprob: p === null ? p : Math.log(p) }))
  return choice({
    message: { content: top[0]!.token },
    finish_reason: 'length', // as for every answer of one token
    logprobs: { content: [{ ...top[0]!, top_logprobs: top }] },
  })
}
const asksForRationale = (prompt: string) => !prompt.endsWith('Preferred Summary=')
const reasoned = (labeler: Labeler) =>
  judgePairs(labeler, pairs, { task, technique: { ...PLAIN, chainOfThought: true, rationaleTokens: 64 }, seed: 1 })
const plainly = (labeler: Labeler) => judgePairs(labeler, pairs, { task, technique: PLAIN, seed: 1 })

test.each<[string, object, RegExp]>([
  [
    'all text is in reasoning_content',
    { message: { content: null, reasoning_content: 'Well, the first …' }, finish_reason: 'length' },
    /^the rationale is empty; the endpoint put its text into "reasoning_content" or thinking tags: "Well, the first …", and was cut: raise labeler\.rationaleTokens, which is 64, or labeler\.thinkingTokens \(the endpoint sent \{"message":\{"content":null,.*, finish_reason length\)$/,
  ],
  [
    'blank',
    { message: { content: ' \n' }, finish_reason: 'stop' },
    /^the rationale is empty \(the endpoint sent " \\n", finish_reason stop\)$/,
  ],
  [
    'only the answer',
    { message: { content: 'Preferred Summary=1' }, finish_reason: 'stop' },
    /^the rationale is empty \(the endpoint sent "Preferred Summary=1", finish_reason stop\)$/,
  ],
  [
    'cut',
    { message: { content: 'The first is better becau' }, finish_reason: 'length' },
    /^the rationale was cut at its length limit: raise labeler\.rationaleTokens, which is 64; it ends with "The first is better becau"$/,
  ],
  ['filtered', { message: { content: 'The' }, finish_reason: 'content_filter' }, /filter withheld the answer/],
])('a rationale that is none gives no label: %s', async (_, reply, reason) => {
  const store = openAnswers(temporaryFolder())
  const labeler = await labelerOf((prompt) =>
    asksForRationale(prompt) ? choice(reply) : likely({ '1': 0.9, '2': 0.1 }),
  )
  const labels = await reasoned(keepingAnswers(labeler, store))
  expect(labels).toEqual(pairs.map(() => ({ failed: expect.stringMatching(reason) })))
  expect(endpoint.prompts.filter((prompt) => !asksForRationale(prompt))).toEqual([])
  await reasoned(keepingAnswers(labeler, store))
  expect(endpoint.prompts).toHaveLength(12) // not kept, so asked again
})

test('a rationale that ran on past its own answer is whole, although it reached the limit', async () => {
  const text = 'The first is better. Preferred Summary=1\n\n>>>> Example'
  const labeler = await labelerOf((prompt) =>
    asksForRationale(prompt)
      ? choice({ message: { content: text }, finish_reason: 'length' })
      : likely({ '1': 0.9, '2': 0.1 }),
  )
  expect(await reasoned(labeler)).toEqual(pairs.map(() => expect.objectContaining({ preferFirst: 0.5 })))
})

test('what a filter withholds, or comes without log-probabilities, fails its question and no other', async () => {
  const labeler = await labelerOf(
    (prompt) => {
      if (prompt.includes('Post 1')) return choice({ message: { content: '' }, finish_reason: 'content_filter' })
      if (prompt.includes('Post 2')) return choice({ message: { content: '1' } })
      return likely({ '1': 0.8, '2': 0.2 })
    },
    { concurrency: 1 },
  )
  expect(await plainly(labeler)).toEqual([
    expect.objectContaining({ preferFirst: 0.5 }),
    { failed: expect.stringMatching(/finish_reason content_filter/) },
    { failed: expect.stringMatching(/no log-probabilities for this question/) },
  ])
})

test('useless answers are not kept: once the server is fixed the same questions get their labels', async () => {
  const root = temporaryFolder()
  let thinks = true
  const labeler = await labelerOf(() => likely(thinks ? { '<think>': 0.98, '\n': 0.02 } : { '1': 0.8, '2': 0.2 }))
  const failed = 'neither "1" nor "2" is among the returned tokens; the likeliest is "<think>" (P = 0.980)'
  expect(await plainly(keepingAnswers(labeler, openAnswers(root)))).toEqual(pairs.map(() => ({ failed })))
  thinks = false
  expect(await plainly(keepingAnswers(labeler, openAnswers(root)))).toEqual(
    pairs.map(() => expect.objectContaining({ preferFirst: 0.5 })),
  )
})

test('useless answers and empty rationales that an earlier version stored are asked again', async () => {
  const labeler = await labelerOf((prompt) =>
    asksForRationale(prompt)
      ? choice({ message: { content: 'The first.' }, finish_reason: 'stop' })
      : likely({ '1': 0.8, '2': 0.2 }),
  )
  for (const [judged, stored] of [
    [plainly, { logProbs: [null, null], floor: -3 }],
    [reasoned, ''],
  ] as const) {
    const root = temporaryFolder()
    const keys = new Set<string>()
    const note = (key: string) => void keys.add(key)
    await judged(keepingAnswers(labeler, { ...openAnswers(temporaryFolder()), find: note, get: note } as AnswerFiles))
    mkdirSync(join(root, 'answers'))
    writeFileSync(join(root, 'answers', 'old.jsonl'), [...keys].map((key) => JSON.stringify([key, stored])).join('\n'))
    const before = endpoint.prompts.length
    const labels = await judged(keepingAnswers(labeler, openAnswers(root)))
    expect(labels).toEqual(pairs.map(() => expect.objectContaining({ preferFirst: 0.5 })))
    expect(endpoint.prompts.length - before).toBe(judged === plainly ? 6 : 12)
  }
})

test('a log-probability of null or a bare -Infinity is probability 0', async () => {
  const labeler = await labelerOf((prompt) => {
    if (!prompt.includes('Post 1')) return likely({ '1': 1, '2': null })
    return '{"choices":[{"message":{"content":"1"},"logprobs":{"content":[{"token":"1","logprob":0.0,"top_logprobs":[{"token":"1","logprob":0.0},{"token":"2","logprob":-Infinity},{"token":"-Infinity \\"","logprob":-3}]}]}}]}'
  })
  expect(await plainly(labeler)).toEqual(
    pairs.map(() => expect.objectContaining({ slotOne: [1, 1], preferFirst: 0.5 })),
  )
})

test('direct scores, verdicts and counted answers say what came instead', async () => {
  const thinking = await labelerOf(() => likely({ '<think>': 1 }))
  const instead = { failed: expect.stringMatching(/; the likeliest is "<think>" \(P = 1\.000\)$/) }
  expect(await directRewards(thinking, [scoreQuestion(task, 'a post', 'a summary')])).toEqual([instead])
  const { verdict } = readTask(taskFolder('harmless'))
  expect(await judgeAlone(thinking, verdict!, [{ context: 'x', response: 'y' }])).toEqual([instead])
  await endpoint.close()
  const counted = await labelerOf(() => choice({ message: { content: '<think>' } }), { countedAnswers: 4 })
  expect(await counted.ask([{ text: 'x', ending: 'y' }], ['1', '2'])).toEqual([
    { failed: 'none of 4 sampled answers is one of 1, 2; the likeliest is "<think>" (4 of 4)' },
  ])
})
