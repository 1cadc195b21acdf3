// Rewards for external trainers, over real HTTP on both sides: as OpenRLHF's executor requests them, and as a TRL
// reward function does.
import type { Server } from 'node:http'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveReward } from '../../src/cli/serve-reward'
import { openAgents } from '../../src/http-agents'
import { uniform } from '../../src/random'
import { temporaryFolder } from '../tiny-folder'
import { startEndpoint, type Endpoint, type Fault, type Rule } from './endpoint'

const agent = openAgents()['http:'] // the service may close before it has read all
let endpoint: Endpoint
let server: Server
let url: string
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await endpoint.close()
  delete process.env.RLAIF_REWARD_TOKEN
})

/** A labeler that prefers what is good: 8 with probability 0.75, 6 with 0.25. */
const prefersGood: Rule = (prompt) => (prompt.includes('good') ? { '8': 0.75, '6': 0.25 } : { '2': 1 })

async function serve(
  rule: Rule = prefersGood,
  {
    fault,
    context = 'prompts',
    host = '127.0.0.1',
    task = 'summarization',
  }: { fault?: Fault; context?: 'prompts' | 'labels'; host?: string; task?: string } = {},
): Promise<void> {
  endpoint = await startEndpoint(rule, fault)
  const input = { task, labeler: { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 } }
  ;({ server } = await serveReward(input, { port: 0, host, context }, temporaryFolder()))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
async function ask(
  body: unknown,
  { path = '/get_reward', headers = {} }: { path?: string; headers?: Record<string, string> } = {},
) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
  return {
    status: response.status,
    body: (await response.json()) as {
      rewards?: number[]
      scores?: number[]
      extra_logs?: { direct_score: number[] }
      error?: string
    },
  }
}

test("OpenRLHF's request: the response follows the prompt; the reward is the expected score in [-1, 1]", async () => {
  await serve()
  const { status, body } = await ask({
    query: ['POST: a cat.\nTL;DR: a good cat', 'POST: a dog.\nTL;DR: bad'],
    prompts: ['POST: a cat.\nTL;DR:', 'POST: a dog.\nTL;DR:'],
    labels: ['', ''],
  })
  const expected = [(0.75 * 8 + 0.25 * 6 - 5.5) / 4.5, (2 - 5.5) / 4.5]
  expect(status).toBe(200)
  expect(body.rewards).toEqual(expected.map((reward) => expect.closeTo(reward, 10)))
  expect(body.scores).toEqual(body.rewards)
  expect(body.extra_logs!.direct_score).toEqual([expect.closeTo(7.5, 10), expect.closeTo(2, 10)])
  expect(endpoint.prompts[0]).toMatch(/POST: a cat\.\nTL;DR:.*a good cat/s)
})

test('a task that asks in words: the expected value of its answers, put to [-1, 1], and the response alone is shown', async () => {
  await serve((prompt) => (prompt.includes('sun') ? { ' positive': 0.75, ' Negative': 0.25 } : { negative: 1 }), {
    task: 'cheerful',
  })
  const { body } = await ask({ prompts: ['Write about x.', 'Write about y.'], completions: ['The sun!', 'Rain.'] })
  expect(body.rewards).toEqual([expect.closeTo(0.5, 10), -1])
  expect(body.extra_logs!.direct_score).toEqual([expect.closeTo(0.75, 10), 0])
  expect(endpoint.prompts.join()).not.toContain('Write about')
})

test('prompts and completions, as in a TRL reward function; what was scored before is not asked again', async () => {
  await serve()
  const body = { prompts: ['x', 'y'], completions: ['good', 'bad'] }
  const first = await ask(body)
  const asked = endpoint.prompts.length
  expect((await ask(body)).body).toEqual(first.body)
  expect(endpoint.prompts.length).toBe(asked)
})

test('with --context labels the labeler is shown the labels, not the prompts with their chat template', async () => {
  await serve(prefersGood, { context: 'labels' })
  await ask({
    query: ['<|user|>template<|end|>good'],
    prompts: ['<|user|>template<|end|>'],
    labels: ['the post itself'],
  })
  expect(endpoint.prompts[0]).toContain('the post itself')
  expect(endpoint.prompts[0]).not.toContain('template')
  expect((await ask({ prompts: ['x'], completions: ['y'] })).body.error).toMatch(/field "labels\.0" is not a text/)
})

test('a response without a score fails the request; nothing is made up', async () => {
  await serve((prompt) => (prompt.includes('odd') ? { banana: 1 } : { '8': 1 }))
  const { status, body } = await ask({ prompts: ['x', 'x'], completions: ['fine', 'odd'] })
  expect(status).toBe(502)
  expect(body.rewards).toBeUndefined()
  expect(body.error).toMatch(/gave no score for response 1/)
})

test('with a token, only requests with it in header or query string are answered; /healthz needs none', async () => {
  process.env.RLAIF_REWARD_TOKEN = 'let-me-in'
  await serve()
  const body = { prompts: ['x'], completions: ['good'] }
  expect((await ask(body)).status).toBe(401)
  expect((await ask(body, { headers: { authorization: 'Bearer let-me-out' } })).status).toBe(401)
  expect((await ask(body, { headers: { authorization: 'Bearer let-me-in' } })).status).toBe(200)
  expect((await ask(body, { path: '/get_reward?token=let-me-in' })).status).toBe(200)
  expect(endpoint.prompts).toHaveLength(1)
  const up = await fetch(`${url}/healthz`)
  expect([up.status, await up.json()]).toEqual([200, { labeler: expect.any(String), task: 'summarization' }])
})

test('on an address that others can reach it does not start without a token', async () => {
  await serve()
  await expect(serveReward({}, { port: 0, host: '0.0.0.0', context: 'prompts' }, temporaryFolder())).rejects.toThrow(
    /set RLAIF_REWARD_TOKEN/,
  )
})

test.each<[string, unknown, RegExp]>([
  ['no JSON', 'query', /is not valid JSON/],
  ['no responses', { prompts: ['x'] }, /requires "query".*or "completions"/],
  [
    'lists of different length',
    { prompts: ['x'], completions: ['a', 'b'] },
    /must have the same length as the other lists/,
  ],
  ['a query of another prompt', { prompts: ['x'], query: ['y z'] }, /"query\.0" does not start with its prompt/],
  ['nothing', { prompts: [], completions: [] }, /field "prompts"/],
  ['numbers', { prompts: [1], completions: ['a'] }, /field "prompts\.0" got 1/],
  ['too many', { prompts: Array.from({ length: 9000 }, () => 'x'), completions: [] }, /field "prompts"/],
])('%s is refused with what is wrong', async (_, body, message) => {
  await serve()
  const answer = await ask(body)
  expect(answer.status).toBe(400)
  expect(answer.body.error).toMatch(message)
  expect(endpoint.prompts).toHaveLength(0)
})

test('2,000 garbage bodies and an endless body are refused, and the service still answers', async () => {
  await serve()
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    '"prompts"',
    ':',
    '"completions"',
    ',',
    'null',
    '1e999',
    '"\\u0000"',
    '\u0000',
    '🜚',
    '"query"',
  ]
  const bodies = Array.from({ length: 2000 }, (_, i) =>
    Array.from(
      { length: Math.floor(20 * uniform(['length', i])) },
      (_, j) => pieces[Math.floor(pieces.length * uniform([i, j]))]!,
    ).join(''),
  )
  const statuses = new Set<number>()
  for (const body of bodies) statuses.add((await ask(body)).status)
  expect([...statuses]).toEqual([400])
  const ended = await new Promise<string>((done) => {
    const headers = { 'content-type': 'application/json' }
    const endless = request(`${url}/get_reward`, { method: 'POST', headers, agent }, (response) =>
      done(String(response.statusCode)),
    )
    endless.on('error', () => done('closed'))
    const chunk = Buffer.alloc(1024 * 1024, 120)
    for (let i = 0; i < 40; i++) endless.write(chunk)
  })
  expect(['400', 'closed']).toContain(ended)
  expect((await ask({ prompts: ['x'], completions: ['good'] })).status).toBe(200)
})

describe('what a web page of another site may have sent is refused before anything is asked', () => {
  const body = JSON.stringify({ prompts: ['x'], completions: ['good'] })
  /** Over raw HTTP: fetch of Node would not send a foreign host. */
  const post = (headers: Record<string, string>, path = '/get_reward') =>
    new Promise<{ status: number; error: string }>((done, fail) => {
      const sent = request(`${url}${path}`, { method: 'POST', headers, agent }, (response) => {
        let text = ''
        response.on('data', (chunk) => (text += String(chunk)))
        response.on('end', () =>
          done({ status: response.statusCode!, error: String((JSON.parse(text) as { error?: string }).error) }),
        )
      })
      sent.on('error', fail).end(body)
    })
  const json = { 'content-type': 'application/json' }

  test.each<[string, Record<string, string>, number, RegExp]>([
    ['a name that was made to lead here', { ...json, host: 'evil.example:8500' }, 403, /names the host "evil\.example/],
    ['a page of another site', { ...json, origin: 'https://evil.example' }, 403, /web page of https:\/\/evil\.example/],
    ['a page of another local server', { ...json, origin: 'http://127.0.0.1:3000' }, 403, /web page of http/],
    ['a sandboxed page', { ...json, origin: 'null' }, 403, /web page of null/],
    ['a no-cors request of a page', { 'content-type': 'text/plain;charset=UTF-8' }, 415, /must be application\/json/],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415, /must be application\/json/],
    ['no content type', {}, 415, /is missing; it must be application\/json/],
    ['a type that only begins so', { 'content-type': 'application/jsonp' }, 415, /must be application\/json/],
  ])('%s', async (_, headers, status, error) => {
    await serve()
    expect(await post(headers)).toEqual({ status, error: expect.stringMatching(error) })
    expect(endpoint.prompts).toHaveLength(0)
  })

  test('the machine itself may ask, by any of its own names and through a tunnel', async () => {
    await serve()
    for (const host of [`localhost:${url.split(':')[2]}`, '127.0.0.1:9000', '[::1]:8500'])
      expect((await post({ 'content-type': 'application/json; charset=utf-8', host })).status).toBe(200)
    expect((await post({ ...json, origin: url, host: url.slice('http://'.length) })).status).toBe(200)
  })

  test('with a token, too: a page must not find out whether it is right', async () => {
    process.env.RLAIF_REWARD_TOKEN = 'let-me-in'
    await serve()
    expect((await post({ ...json, origin: 'https://evil.example' }, '/get_reward?token=let-me-in')).status).toBe(403)
  })
})

describe('special tokens around prompt and response are no part of them', () => {
  const shown = async (given: object) => {
    const { status } = await ask(given)
    expect(status).toBe(200)
    return endpoint.prompts.at(-1)!
  }

  test.each([
    ['<s> POST: a cat. A good cat</s><pad><pad>', 'POST: a cat.'],
    ['<|endoftext|><|endoftext|>POST: a cat. A good cat<|im_end|>\n<|endoftext|>', 'POST: a cat.'],
    ['<bos>POST: a cat. A good cat<end_of_turn>\n<eos>', '<bos>POST: a cat.'],
    ['POST: a cat. A good cat [SEP] [PAD] [PAD]', '<s>POST: a cat.'],
    ['<｜begin▁of▁sentence｜>POST: a cat. A good cat<｜end▁of▁sentence｜>', 'POST: a cat.'],
  ])('%s', async (query, prompt) => {
    await serve()
    const clean = await shown({ prompts: ['POST: a cat.'], completions: ['A good cat'] })
    await endpoint.close()
    server.close()
    await serve()
    expect(await shown({ query: [query], prompts: [prompt] })).toBe(clean)
    expect(await shown({ prompts: [prompt], completions: [`A good cat${query.split('good cat')[1]}`] })).toBe(clean)
  })

  test('inside a text they stay, and names of other tokens can be given', async () => {
    await serve()
    expect(await shown({ prompts: ['x'], completions: ['a <s> b good'] })).toContain('a <s> b good')
    server.close()
    await endpoint.close()
    endpoint = await startEndpoint(prefersGood)
    const input = { task: 'summarization', labeler: { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 } }
    const flags = { port: 0, host: '127.0.0.1', context: 'prompts' as const, specialTokens: '§end§,<*>' }
    ;({ server } = await serveReward(input, flags, temporaryFolder()))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const prompt = await shown({ query: ['<*>x good</s>§end§<*>'], prompts: ['x'] })
    expect(prompt).toContain('good</s>')
    expect(prompt).not.toMatch(/§end§|<\*>/)
  })
})
