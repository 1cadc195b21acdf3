// An endpoint's faults over real HTTP: every question is answered or fails with its reason, and no request is made
// needlessly.
import { parse } from '../../src/contracts/parse'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { openAnswers } from '../../src/artifacts/answers'
import { endpointLabeler, type EndpointLabelerOptions } from '../../src/feedback/endpoint-labeler'
import { keepingAnswers } from '../../src/feedback/kept-answers'
import { isUnanswered, type Labeler, type OptionAnswer } from '../../src/feedback/labeler'
import { uniform } from '../../src/random'
import { temporaryFolder } from '../tiny-folder'
import { startEndpoint, type Endpoint, type Fault, type Rule } from './endpoint'

const rule: Rule = () => ({ '1': 0.6, '2': 0.4 })
const questions = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => ({ text: `Question ${from + i}`, ending: 'Answer=' }))

let endpoint: Endpoint
afterEach(() => endpoint?.close())

const settingsOf = (given: object) => parse(labelerSchema, given, 'labeler') as EndpointSettings

interface Asking extends EndpointLabelerOptions {
  delayMs?: number
}

async function labeler(fault?: Fault, more: Partial<EndpointSettings> = {}, { delayMs = 0, ...options }: Asking = {}) {
  endpoint = await startEndpoint(rule, fault, delayMs)
  return endpointLabeler(settingsOf({ baseUrl: endpoint.baseUrl, model: 'judge', ...more }), options)
}
const ask = (asked: Awaited<ReturnType<typeof labeler>>, n = 1) => asked.ask(questions(n), ['1', '2'])

test('429 with Retry-After, 500s, cut bodies and bad JSON are retried; each question is answered once', async () => {
  const seen = new Map<string, number>()
  const fault: Fault = (_, response, prompt) => {
    const tries = (seen.get(prompt) ?? 0) + 1
    seen.set(prompt, tries)
    const kind = tries === 1 ? Math.floor(6 * uniform([prompt])) : 5
    if (kind === 0) response.writeHead(429, { 'retry-after': '0' }).end('slow down')
    else if (kind === 1) response.writeHead(500).end('oops')
    else if (kind === 2)
      response.writeHead(200, { 'content-length': 500 }).write('{"choices": [', () => response.destroy())
    else if (kind === 3) response.end('{"choices": ')
    else if (kind === 4) response.destroy()
    return kind < 5
  }
  const answers = await ask(await labeler(fault, { concurrency: 16 }), 120)
  expect(answers.filter(isUnanswered)).toEqual([])
  for (const [prompt, tries] of seen) expect(tries).toBe(Math.floor(6 * uniform([prompt])) < 5 ? 2 : 1)
}, 30_000)

test('a question whose tries are used up fails with its reason; the others are answered', async () => {
  const fault: Fault = (_, response, prompt) =>
    prompt.includes('Question 3\n') && Boolean(response.writeHead(503).end('overloaded'))
  const answers = await ask(await labeler(fault, { retries: 1 }), 6)
  expect(answers.flatMap((answer, i) => (isUnanswered(answer) ? [[i, answer.failed]] : []))).toEqual([
    [3, expect.stringMatching(/HTTP 503 overloaded, after 2 tries$/)],
  ])
  expect(endpoint.prompts).toHaveLength(7)
}, 30_000)

test('a stalled request ends at its timeout', async () => {
  const fault: Fault = (_, __, prompt) => prompt.includes('Question 1\n')
  const answers = await ask(await labeler(fault, { timeoutSeconds: 1, retries: 0 }), 2)
  expect(answers[1]).toMatchObject({ failed: expect.stringMatching(/timeout/) })
})

test('a prompt too long for the endpoint is distinguished from a failure', async () => {
  const fault: Fault = (_, response, prompt) =>
    prompt.includes('Question 1\n') &&
    Boolean(response.writeHead(400).end('{"error": "This model\'s maximum context length is 4096 tokens"}'))
  const answers = await ask(await labeler(fault), 3)
  expect(answers[1]).toMatchObject({ tooLong: true })
  expect(endpoint.prompts).toHaveLength(3)
})

test('an endpoint that goes down stops the stage after stopAfterFailures, not after all questions', async () => {
  const fault: Fault = (request, response) => request > 5 && Boolean(response.writeHead(502).end('gone'))
  await expect(
    ask(await labeler(fault, { retries: 0, stopAfterFailures: 4, concurrency: 1 }), 100),
  ).rejects.toMatchObject({
    name: 'EndpointDown',
    message: expect.stringMatching(/4 requests in a row failed .*HTTP 502 gone; answers so far are kept/),
  })
  expect(endpoint.prompts).toHaveLength(9)
})

test('an endpoint that is down, refuses the key or has no log-probabilities fails at once with a remedy', async () => {
  const gone = endpointLabeler(
    settingsOf({ baseUrl: 'http://127.0.0.1:9/v1', model: 'm', timeoutSeconds: 1, retries: 0 }),
  )
  await expect(ask(gone, 50)).rejects.toThrow(
    /the endpoint does not answer: http:\/\/127\.0\.0\.1:9.*is labeler\.baseUrl right\?/,
  )
  await expect(
    ask(await labeler((_, response) => Boolean(response.writeHead(401).end('bad key'))), 50),
  ).rejects.toThrow(/HTTP 401 bad key; check labeler\.baseUrl, labeler\.model/)
  expect(endpoint.prompts).toHaveLength(1)
  await endpoint.close()
  await expect(
    ask(await labeler((_, response) => Boolean(response.end('{"choices": [{"message": {"content": "1"}}]}')))),
  ).rejects.toThrow(/no log-probabilities \(model judge\).*labeler\.countedAnswers/)
})

test('concurrency and the rate of requests stay within their limits', async () => {
  await ask(await labeler(undefined, { concurrency: 5 }, { delayMs: 20 }), 40)
  expect(endpoint.mostAtOnce).toBe(5)
  await endpoint.close()
  const started = Date.now()
  await ask(await labeler(undefined, { requestsPerMinute: 1200, concurrency: 20 }), 21)
  expect(Date.now() - started).toBeGreaterThan(20 * 50 - 100)
})

test('tokens are counted and priced, and a stage stops before it would exceed its limit', async () => {
  const price = { inputPerMillion: 1_000_000, outputPerMillion: 0 }
  const asked = await labeler(undefined, { price, maxCost: 100, concurrency: 1 })
  await expect(ask(asked, 100)).rejects.toMatchObject({
    name: 'EndpointRefused',
    message: expect.stringMatching(/may exceed labeler\.maxCost = 100 \(\d+\.\d+ is spent\); answers so far are kept/),
  })
  expect(asked.usage.cost).toBeLessThanOrEqual(100)
  expect(asked.usage.cost).toBeGreaterThan(80)
  expect(asked.usage.promptTokens).toBe(asked.usage.cost)
  expect(() => parse(labelerSchema, { baseUrl: 'http://h/v1', model: 'm', maxCost: 1 }, 'labeler')).toThrow(
    /maxCost.*requires "price" as well/,
  )
})

test.each(['labeler', 'judge'] as const)('messages about a %s name the fields of that setting', async (role) => {
  const fails = async (fault: Fault | undefined, more: Partial<EndpointSettings>, message: string) => {
    const asked = await labeler(fault, { retries: 0, concurrency: 1, ...more }, { role })
    await expect(ask(asked, 30)).rejects.toThrow(message)
    await endpoint.close()
  }
  const status =
    (code: number, after = 0): Fault =>
    (request, response) =>
      request > after && Boolean(response.writeHead(code, { location: '/elsewhere' }).end('no'))
  const price = { inputPerMillion: 1_000_000, outputPerMillion: 0 }

  await fails(status(503), {}, `is it up, and is ${role}.baseUrl right?`)
  await fails(status(503, 1), { stopAfterFailures: 2 }, `${role}: 2 requests in a row failed`)
  await fails(status(401), {}, `check ${role}.baseUrl, ${role}.model ("judge") and ${role}.apiKeyEnv`)
  await fails(status(302), {}, `set ${role}.baseUrl to where it leads`)
  await fails((_, response) => Boolean(response.end('{"choices": [{}]}')), {}, `or set ${role}.countedAnswers`)
  await fails(undefined, { price, maxCost: 50 }, `${role}: the next request may exceed ${role}.maxCost = 50`)
  await expect(labeler(undefined, { apiKeyEnv: 'RLAIF_TEST_KEY' }, { role })).rejects.toThrow(
    `${role}: field "${role}.apiKeyEnv" names RLAIF_TEST_KEY, which is not set`,
  )
})

test('the key comes from the named environment variable, is sent as a bearer token and never shown', async () => {
  process.env.RLAIF_TEST_KEY = 'sk-test'
  const asked = await labeler(
    (_, response, prompt) =>
      prompt.includes('Question 1\n') && Boolean(response.writeHead(400).end('bad request by sk-test')),
    { apiKeyEnv: 'RLAIF_TEST_KEY' },
  )
  const answers = await ask(asked, 2)
  expect(new Set(endpoint.keys)).toEqual(new Set(['Bearer sk-test']))
  expect(JSON.stringify([answers, asked.identity, asked.name])).not.toContain('sk-test')
  expect(answers[1]).toMatchObject({ failed: 'HTTP 400 bad request by ***' })
  delete process.env.RLAIF_TEST_KEY
  expect(() =>
    endpointLabeler(settingsOf({ baseUrl: 'http://127.0.0.1/v1', model: 'm', apiKeyEnv: 'RLAIF_TEST_KEY' })),
  ).toThrow(/RLAIF_TEST_KEY, which is not set/)
})

test('a stored answer equals the given one: missing stays missing, and probability 0 stays probability 0', async () => {
  const root = temporaryFolder()
  const given: OptionAnswer = { logProbs: [undefined, -Infinity, -1.25], floor: -Infinity }
  let asked = 0
  const source: Labeler = {
    name: 'given',
    identity: {},
    ask: (questions, _, onAnswer) => Promise.resolve(questions.map((_, i) => (asked++, onAnswer?.(i, given), given))),
    write: () => Promise.resolve([]),
  }
  const twice = [...questions(1), ...questions(1)]
  expect(await keepingAnswers(source, openAnswers(root)).ask(twice, ['1', '2', '3'])).toEqual([given, given])
  expect(await keepingAnswers(source, openAnswers(root)).ask(twice, ['1', '2', '3'])).toEqual([given, given])
  expect(asked).toBe(1)
})

test('answers of a local model are stored in whole groups: a kill within a group leaves none of it', async () => {
  const root = temporaryFolder()
  let asked: number[] = []
  const source = (failAt: number): Labeler => ({
    name: 'local',
    identity: {},
    groupSize: 4,
    ask(list, _, onAnswer) {
      asked.push(list.length)
      list.forEach((_, i) => {
        if (i === failAt && asked.length === 2) throw new Error('killed')
        onAnswer?.(i, { logProbs: [-1, -2] })
      })
      return Promise.resolve([])
    },
    write: () => Promise.resolve([]),
  })
  await expect(keepingAnswers(source(2), openAnswers(root)).ask(questions(10), ['1', '2'])).rejects.toThrow('killed')
  asked = []
  const places: number[] = []
  const again = await keepingAnswers(source(-1), openAnswers(root)).ask(questions(10), ['1', '2'], (place) =>
    places.push(place),
  )
  expect(asked).toEqual([4, 2])
  expect(again).toHaveLength(10)
  expect(places.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('no answer is paid for twice: after a crash only missing and failed questions are asked again', async () => {
  const root = temporaryFolder()
  let down = true
  const asked = await labeler(
    (request, response) => down && request > 30 && Boolean(response.writeHead(502).end('gone')),
    { retries: 0, stopAfterFailures: 2, concurrency: 4 },
  )
  await expect(keepingAnswers(asked, openAnswers(root)).ask(questions(100), ['1', '2'])).rejects.toThrow(
    /in a row failed/,
  )
  down = false
  const before = endpoint.prompts.length
  const again = keepingAnswers(asked, openAnswers(root))
  const answers = await again.ask(questions(100), ['1', '2'])
  expect(answers.filter(isUnanswered)).toEqual([])
  expect(again.reused).toBe(30)
  expect(endpoint.prompts.length - before).toBe(70)
  const third = keepingAnswers(asked, openAnswers(root))
  expect(await third.ask(questions(100), ['1', '2'])).toEqual(answers)
  expect(endpoint.prompts.length - before).toBe(70)
  await third.ask(questions(1), ['1', '2', '3']) // another question of the same text
  expect(endpoint.prompts.length - before).toBe(71)
})
