import { readTask, taskFolder } from '../../src/data/task'
import { parse } from '../../src/contracts/parse'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/settings'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { choseSameSlot, judgePairs, preferenceQuestion, slotOneProbability } from '../../src/feedback/preference'
import { startEndpoint, type Endpoint, type Fault, type Rule } from './endpoint'

const summarization = readTask(taskFolder('summarization'))
const harmless = readTask(taskFolder('harmless'))
const pair = { context: 'A text.', first: 'good', second: 'bad' }

let endpoint: Endpoint
afterEach(() => endpoint?.close())

async function labeler(rule: Rule, fault?: Fault, more: Partial<EndpointSettings> = {}) {
  endpoint = await startEndpoint(rule, fault)
  return endpointLabeler(parse(labelerSchema, { baseUrl: endpoint.baseUrl, model: 'judge', ...more }, 'labeler') as EndpointSettings)
}

/** Prefers "good" with probability 0.8, but adds 0.15 to whatever stands first. */
const leansToSlotOne: Rule = (prompt) => {
  const goodIsFirst = /1 - good/.test(prompt)
  const one = (goodIsFirst ? 0.8 : 0.2) + 0.15
  return { '1': 0.9 * one, '2': 0.9 * (1 - one), The: 0.1 }
}

test('probabilities of both orders are averaged after turning the second round: a liking for a slot cancels', async () => {
  const [label] = await judgePairs(await labeler(leansToSlotOne), summarization, [pair])
  expect(label).toMatchObject({ preferFirst: expect.closeTo(0.8, 10), slotOne: [expect.closeTo(0.95, 10), expect.closeTo(0.35, 10)] })
})

test('probabilities are averaged, not logits', async () => {
  const [label] = await judgePairs(await labeler((prompt) => (/1 - good/.test(prompt) ? { '1': 0.99, '2': 0.01 } : { '1': 0.5, '2': 0.5 })), summarization, [pair])
  expect(label).toMatchObject({ preferFirst: expect.closeTo((0.99 + 0.5) / 2, 10) })
})

test('the harmless task asks for the more harmful response, and its answer is turned round', async () => {
  const namesBadAsMoreHarmful: Rule = (prompt) => (/1 - bad/.test(prompt) ? { '1': 0.9, '2': 0.1 } : { '1': 0.1, '2': 0.9 })
  const [label] = await judgePairs(await labeler(namesBadAsMoreHarmful), harmless, [pair])
  expect(label).toMatchObject({ preferFirst: expect.closeTo(0.9, 10) })
  expect(endpoint.prompts[0]).toMatch(/more harmful/)
})

test('the prompt has the paper\'s structure: preamble, sample, ending', () => {
  const { text, ending } = preferenceQuestion(summarization, pair)
  expect(`${text}\n${ending}`).toBe(`${summarization.preference.preamble}\n\nText - A text.\nSummary 1 - good\nSummary 2 - bad\n\nPreferred Summary=`)
})

test('"1" and " 1" are one answer', async () => {
  const [label] = await judgePairs(await labeler(() => ({ '1': 0.3, ' 1': 0.3, '2': 0.4 })), summarization, [pair])
  expect(label).toMatchObject({ slotOne: [expect.closeTo(0.6, 10), expect.closeTo(0.6, 10)] })
  expect(choseSameSlot(label as never)).toBe(true)
})

test('neither option among the returned tokens is a failed label, never 0.5', () => {
  expect(slotOneProbability([undefined, undefined])).toMatchObject({ failed: expect.stringMatching(/neither/) })
  expect(slotOneProbability([Math.log(0.7), undefined])).toBe(1)
})

test('a pair that fails does not fail the others', async () => {
  const rule: Rule = (prompt) => (prompt.includes('broken') ? { The: 1 } : leansToSlotOne(prompt))
  const labels = await judgePairs(await labeler(rule), summarization, [pair, { ...pair, context: 'broken' }, pair])
  expect(labels[0]).toHaveProperty('preferFirst')
  expect(labels[1]).toMatchObject({ failed: expect.stringMatching(/neither "1" nor "2"/) })
  expect(labels[2]).toEqual(labels[0])
})

test('server errors and 429 are tried again, by Retry-After where it is given', async () => {
  const fault: Fault = (request, response) => {
    if (request > 2) return false
    response.writeHead(request === 1 ? 429 : 500, { 'retry-after': '0' }).end('busy')
    return true
  }
  const [label] = await judgePairs(await labeler(leansToSlotOne, fault), summarization, [pair])
  expect(label).toHaveProperty('preferFirst')
  expect(endpoint.prompts).toHaveLength(4)
})

test('an endpoint that is not there, refuses the key or gives no log-probabilities fails with what to do', async () => {
  const gone = endpointLabeler({ baseUrl: 'http://127.0.0.1:9/v1', model: 'm', concurrency: 1, timeoutSeconds: 1, retries: 0 })
  await expect(judgePairs(gone, summarization, [pair])).rejects.toThrow(/the endpoint does not answer: http:\/\/127\.0\.0\.1:9.*is labeler\.baseUrl right\?/)
  const refusing = await labeler(leansToSlotOne, (_, response) => Boolean(response.writeHead(401).end('bad key')))
  await expect(judgePairs(refusing, summarization, [pair])).rejects.toThrow(/HTTP 401 bad key; check labeler\.baseUrl, labeler\.model/)
  await endpoint.close()
  const silent = await labeler(leansToSlotOne, (_, response) => Boolean(response.end('{"choices": [{"message": {"content": "1"}}]}')))
  await expect(judgePairs(silent, summarization, [pair])).rejects.toThrow(/no log-probabilities \(model judge\)/)
})

test('the key comes from the named environment variable and is sent as a bearer token', async () => {
  process.env.RLAIF_TEST_KEY = 'sk-test'
  await judgePairs(await labeler(leansToSlotOne, undefined, { apiKeyEnv: 'RLAIF_TEST_KEY' }), summarization, [pair])
  expect(new Set(endpoint.keys)).toEqual(new Set(['Bearer sk-test']))
  delete process.env.RLAIF_TEST_KEY
  expect(() => endpointLabeler({ baseUrl: 'http://h/v1', model: 'm', apiKeyEnv: 'RLAIF_TEST_KEY', concurrency: 1, timeoutSeconds: 1, retries: 0 })).toThrow(/RLAIF_TEST_KEY, which is not set/)
})
