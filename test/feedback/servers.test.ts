// What servers send and refuse, as people reported it: each reply is labelled, or fails with what the server said, and
// what would meet every question stops at the first few.
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { parse } from '../../src/contracts/parse'
import { endpointLabeler, type EndpointLabeler } from '../../src/feedback/endpoint-labeler'
import { isUnanswered, type OptionAnswer } from '../../src/feedback/labeler'
import { startEndpoint, type Endpoint } from './endpoint'

let endpoint: Endpoint
afterEach(() => endpoint?.close())

type Reply = { status?: number; headers?: Record<string, string>; body: unknown }
/** What the server replies to a request, of which this is the number from 1. */
type Server = (request: number, body: Record<string, unknown>) => Reply

async function labelerOf(server: Server, more: object = {}): Promise<EndpointLabeler> {
  endpoint = await startEndpoint(
    () => '',
    (request, response) => {
      const { status = 200, headers = {}, body } = server(request, endpoint.bodies.at(-1)!)
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
      return true
    },
  )
  const given = { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0, concurrency: 1, ...more }
  return endpointLabeler(parse(labelerSchema, given, 'labeler') as EndpointSettings)
}

const questions = (n: number) => Array.from({ length: n }, (_, i) => ({ text: `Question ${i}`, ending: 'Answer=' }))
const ask = (labeler: EndpointLabeler, n = 1) => labeler.ask(questions(n), ['1', '2'])
const writing = { maxTokens: 64, temperature: 0, topK: 0, seed: 1 }

const top = (probabilities: Record<string, number | null>) =>
  Object.entries(probabilities).map(([token, p]) => ({ token, logprob: p === null ? null : Math.log(p) }))
const answer = (probabilities: Record<string, number | null>, message: object = { content: '1' }) => {
  const list = top(probabilities)
  return { choices: [{ message, logprobs: { content: [{ ...list[0]!, top_logprobs: list }] } }] }
}
const wrote = (message: object, finish_reason: string | null = 'stop') => ({ choices: [{ message, finish_reason }] })
const good = { body: answer({ '1': 0.6, '2': 0.4 }) }
const refusal = (status: number, message: string, more: object = {}): Reply => ({
  status,
  body: { error: { message, ...more } },
})

const isLabelled = (answered: unknown) => !isUnanswered(answered) && (answered as OptionAnswer).logProbs.length === 2

describe('replies', () => {
  test.each<[string, unknown]>([
    ['content in parts', answer({ '1': 0.6, '2': 0.4 }, { content: [{ type: 'text', text: '1' }] })],
    ['content of another type, which nobody asks for', answer({ '1': 0.6, '2': 0.4 }, { content: { a: 1 } })],
    ['no message', { choices: [{ logprobs: answer({ '1': 0.6, '2': 0.4 }).choices[0]!.logprobs }] }],
    ['fields of null', { ...answer({ '1': 0.6, '2': 0.4 }), usage: null, error: null, id: null }],
    ['an empty error', { ...answer({ '1': 0.6, '2': 0.4 }), error: {} }],
    ['log-probabilities of null', answer({ '1': 0.6, '2': null })],
    [
      'minus infinity as a word',
      JSON.stringify(answer({ '1': 0.6, '2': null })).replace('"logprob":null', '"logprob":"-inf"'),
    ],
    ['tokens with the marks of their vocabulary', answer({ Ġ1: 0.6, '▁2': 0.4 })],
    ['a byte order mark', `\ufeff${JSON.stringify(answer({ '1': 0.6, '2': 0.4 }))}`],
    [
      'events, unasked',
      [
        { choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] },
        { choices: [{ delta: { content: '1' }, logprobs: answer({ '1': 0.6, '2': 0.4 }).choices[0]!.logprobs }] },
        { choices: [{ delta: {}, finish_reason: 'length' }], usage: { prompt_tokens: 9, completion_tokens: 1 } },
      ]
        .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
        .join('') + 'data: [DONE]\n\n',
    ],
    ['the word NaN', JSON.stringify(answer({ '1': 0.6, '2': null })).replace('"logprob":null', '"logprob":NaN')],
    ['a byte order mark of none, but white space', `\n ${JSON.stringify(answer({ '1': 0.6, '2': 0.4 }))}\n`],
  ])('labelled: %s', async (_, body) => {
    const [answered] = await ask(await labelerOf(() => ({ body })))
    expect([answered, isLabelled(answered)]).toEqual([answered, true])
  })

  test.each<[string, unknown, RegExp]>([
    ['no choices', { id: 'x-17', choices: [] }, /is not a completion: \{"id":"x-17","choices":\[\]\}/],
    ['null', 'null', /is not a completion: null/],
    [
      'a log-probability that is a text',
      {
        choices: [{ logprobs: { content: [{ token: '1', logprob: 'high' }] } }],
      },
      /is none, \["1","high"\]/,
    ],
    ['a log-probability that is missing', { choices: [{ logprobs: { content: [{ token: '1' }] } }] }, /is none, \["1"/],
    ['probabilities above 1', answer({ '1': 0.9, '2': 0.8 }), /sum to 1\.700, more than 1: \{"message"/],
    [
      'nothing but thought',
      answer({ '1': 0.9, '2': 0.1 }, { content: null, reasoning: '1' }),
      /thinks before it ans.*"off"/,
    ],
    ['a broken answer', { choices: [{ message: { content: '' }, finish_reason: 'error' }] }, /broke off .*"error"/],
    ['withheld, by Google', { choices: [{ message: {}, finish_reason: 'SAFETY' }] }, /filter withheld .*SAFETY/],
    ['other tokens', answer({ '<think>': 0.9, ' ': 0.1 }), /^$/],
  ])('failed: %s', async (_, body, reason) => {
    const [answered] = await ask(await labelerOf(() => ({ body })))
    const said = isUnanswered(answered) ? answered.failed : ''
    expect(said).toMatch(reason)
    if (said === '')
      expect(answered).toMatchObject({ logProbs: [undefined, undefined], likeliest: '"<think>" (P = 0.900)' })
  })

  test('an answer that is the only one returned leaves the rest to the other', async () => {
    const [answered] = await ask(await labelerOf(() => ({ body: answer({ '1': 0.9 }) }), { topLogProbs: 1 }))
    expect(answered).toMatchObject({ logProbs: [Math.log(0.9), undefined], floor: expect.closeTo(Math.log(0.1), 10) })
  })
})

describe('rationales', () => {
  const written = async (body: unknown, more: object = {}) => {
    const [text] = await (await labelerOf(() => ({ body }), more)).write(questions(1), writing)
    await endpoint.close()
    return isUnanswered(text) ? `failed: ${text.failed}` : text
  }
  const tagged = wrote({ content: '<think>\nHm, the first.\n</think>\n\nThe first is better.' })
  const apart = wrote({ content: 'The first is better.', reasoning_content: 'Hm, the first.' })
  const begun = wrote({ content: 'Hm, the first.</think>The first is better.' })
  const parts = wrote({
    content: [
      { type: 'thinking', thinking: [{ type: 'text', text: 'Hm, the first.' }] },
      { type: 'text', text: 'The first ' },
      { type: 'text', text: 'is better.' },
    ],
  })
  const channels = wrote({
    content:
      '<|channel|>analysis<|message|>Hm, the first.<|end|><|start|>assistant<|channel|>final<|message|>The first is better.',
  })

  test.each<[string, object]>([
    ['in tags', tagged],
    ['in a field', apart],
    ['without its beginning', begun],
    ['in parts', parts],
    ['in channels', channels],
  ])('what a model thought is stripped, taken or refused: %s', async (_, body) => {
    expect(await written(body)).toBe('The first is better.')
    expect(await written(body, { thinking: 'rationale' })).toBe('Hm, the first.\nThe first is better.')
    expect(await written(body, { thinking: 'refuse' })).toMatch(/labeler\.thinking refuses: "Hm, the first\."/)
  })

  test('thought that is all there is, or is cut, is a rationale only when it is taken whole', async () => {
    const alone = wrote({ content: null, reasoning_content: 'The first is better.' })
    expect(await written(alone)).toMatch(/failed: the rationale is empty; .*labeler\.thinking can take it/)
    expect(await written(alone, { thinking: 'rationale' })).toBe('The first is better.')
    const cut = wrote({ content: null, reasoning_content: 'The first is bet' }, 'length')
    expect(await written(cut, { thinking: 'rationale' })).toMatch(/failed: the rationale was cut/)
    expect(await written(wrote({ content: '<think>The first is bet' }, null))).toMatch(/failed: the rationale is empty/)
    expect(await written(wrote({ content: { a: 1 } }))).toMatch(
      /no text that can be read: \{"message":\{"content":\{"a":1/,
    )
  })

  test('events are put together, thought and text apart', async () => {
    const piece = (delta: object, finish_reason: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ delta, finish_reason }] })}\n\n`
    const events =
      piece({ reasoning_content: 'Hm.' }) + piece({ content: 'The first ' }) + piece({ content: 'is.' }, 'stop')
    expect(await written(`: hello\n\n${events}data: [DONE]\n`)).toBe('The first is.')
    expect(await written(events, { thinking: 'rationale' })).toBe('Hm.\nThe first is.')
    expect(await written(piece({ content: 'The fi' }, 'length'))).toMatch(/was cut/)
  })

  test('counted answers are read behind the thought, and have room for it', async () => {
    const labeler = await labelerOf(() => ({ body: wrote({ content: '<think>1? No.</think>2' }) }), {
      countedAnswers: 3,
      thinkingTokens: 100,
    })
    expect(await ask(labeler)).toEqual([{ logProbs: [-Infinity, 0], counted: 3 }])
    expect(endpoint.bodies[0]).toMatchObject({ max_tokens: 103 })
  })
})

describe('errors within a reply of status 200', () => {
  test.each<[string, object]>([
    ['with a code', { error: { message: 'Provider returned error', code: 429 } }],
    ['with a code in digits', { error: { message: 'slow down', code: '503' } }],
    ['within the choice', { choices: [{ error: { code: 502, message: 'Upstream' }, finish_reason: 'error' }] }],
    ['in a list', [{ error: { code: 500, message: 'Internal' } }] as never],
    ['of vLLM', { object: 'error', message: 'engine is dead', type: 'InternalServerError', code: 500 }],
    ['in words', { error: 'The model is overloaded' }],
    ['of MiniMax', { choices: null, base_resp: { status_code: 1002, status_msg: 'rate limit' } }],
    ['of Google', { error: { status: 'RESOURCE_EXHAUSTED', message: 'Quota exceeded' } }],
    ['in events', 'data: {"error": {"message": "overloaded", "code": 529}}\n\n' as never],
    ['without a word about its kind', { detail: 'oh' }],
  ])('are tried again: %s', async (_, body) => {
    const labeler = await labelerOf((request) => (request === 1 ? { body } : good), { retries: 1 })
    const [answered] = await ask(labeler)
    expect(isLabelled(answered)).toBe(true)
    expect(labeler.usage).toMatchObject({ requests: 2, estimated: 1 }) // the error took nothing
  })

  test('are as final as the status they name, and say why', async () => {
    const labeler = await labelerOf((request) =>
      request === 1
        ? good
        : { body: { error: { message: 'bad seed', code: 400, metadata: { raw: 'x' } }, choices: null } },
    )
    expect((await ask(labeler, 2))[1]).toEqual({ failed: 'HTTP 400 (within a reply of status 200) bad seed' })
    expect(endpoint.prompts).toHaveLength(2)
  })
})

describe('refusals', () => {
  const stops = async (server: Server, n = 60, more: object = {}) => {
    const labeler = await labelerOf(server, { concurrency: 8, ...more })
    const error = await ask(labeler, n).then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    return { error, asked: endpoint.prompts.length }
  }

  test.each<[string, Reply, RegExp]>([
    ['no key', refusal(401, 'Invalid API key'), /HTTP 401 Invalid API key; check .*labeler\.apiKeyEnv/],
    ['no credit', refusal(402, 'Insufficient credits'), /HTTP 402 Insufficient credits; no credit is left/],
    [
      'no quota, as OpenAI says it',
      refusal(429, 'You exceeded your current quota', { code: 'insufficient_quota' }),
      /no credit is left/,
    ],
    ['no credit, as Anthropic says it', refusal(400, 'Your credit balance is too low to access the API.'), /no credit/],
    ['not allowed', refusal(403, 'Country not supported'), /5 questions were refused.*HTTP 403 Country.*check labeler/],
    [
      'no such model',
      refusal(404, 'The model `judge` does not exist.'),
      /HTTP 404 The model .*labeler\.model \("judge"\)/,
    ],
    [
      'another name',
      refusal(
        400,
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      ),
      /set labeler\.request to \{"rename":\{"max_tokens":"max_completion_tokens"\}\}/,
    ],
    [
      'a field',
      refusal(400, 'Unsupported value', { param: 'temperature' }),
      /Unsupported value \(about "temperature"\); set labeler\.request to \{"omit":\["temperature"\]\}/,
    ],
    [
      'a field, as pydantic says it',
      { status: 422, body: { detail: [{ loc: ['body', 'seed'], msg: 'Extra inputs are not permitted' }] } },
      /seed: Extra inputs are not permitted; set labeler\.request to \{"omit":\["seed"\]\}/,
    ],
    [
      'too many log-probabilities',
      refusal(400, 'Requested sample logprobs of 20, which is greater than max allowed: 5'),
      /set labeler\.topLogProbs to 5/,
    ],
    [
      'log-probabilities',
      refusal(400, "'logprobs' is not supported by this model"),
      /set labeler\.countedAnswers to 8/,
    ],
    ['the form', refusal(400, 'no'), /HTTP 400 no; check .*labeler\.request; `rlaif labeler check` tries settings/],
    [
      'an answer of that length',
      refusal(400, 'max_tokens is too large: 9. This model supports at most 4 completion tokens'),
      /lower labeler\.rationaleTokens/,
    ],
  ])('that meet every question stop at the first few: %s', async (_, reply, message) => {
    const { error, asked } = await stops(() => reply)
    expect(error).toMatchObject({ name: 'EndpointRefused', message: expect.stringMatching(message) })
    expect(asked).toBeLessThanOrEqual(5)
  })

  test.each([403, 404, 400, 413])('of one question fail it alone: %s', async (status) => {
    const answers = await ask(
      await labelerOf((request) => (request % 4 === 1 ? refusal(status, 'not this') : good)),
      40,
    )
    expect(answers.filter(isUnanswered)).toHaveLength(10)
    expect(answers[0]).toMatchObject({ failed: expect.stringContaining(`HTTP ${status} not this`) })
  })

  test('of filters are about their question, even where the first ten are withheld', async () => {
    const filtered = refusal(400, "The response was filtered due to Azure OpenAI's content management policy", {
      code: 'content_filter',
    })
    const answers = await ask(await labelerOf((request) => (request <= 10 ? filtered : good)), 12)
    expect(answers.filter(isUnanswered)).toHaveLength(10)
  })

  test('that begin to meet every question stop too, later', async () => {
    const { error, asked } = await stops((request) => (request <= 20 ? good : refusal(403, 'revoked')), 200)
    expect(error).toMatchObject({
      name: 'EndpointRefused',
      message: expect.stringMatching(/\d+ questions were refused.*revoked/),
    })
    expect(asked).toBeLessThan(50)
    const unpaid = await stops((request) => (request <= 20 ? good : refusal(402, 'empty')), 200, { concurrency: 1 })
    expect(unpaid.asked).toBe(23)
  })

  test('of long prompts are told from those of long answers, with any status', async () => {
    const said = [
      'longer than the maximum model length of 4096',
      'max_tokens: 99 > 8, which is the maximum allowed number of output tokens',
    ]
    for (const status of [400, 422, 500]) {
      const labeler = await labelerOf((request) => (request <= 2 ? refusal(status, said[request - 1]!) : good), {
        retries: 2,
      })
      const answers = await ask(labeler, 3)
      expect(answers.map((one) => isUnanswered(one) && (one.tooLong ?? 'failed'))).toEqual([true, 'failed', false])
      expect(endpoint.prompts).toHaveLength(3)
      await endpoint.close()
    }
  })
})

test.each(['1.5', '0', '-3', 'Wed, 21 Oct 2015 07:28:00 GMT', 'soon', '0.001'])(
  'Retry-After %s pauses at least as long as without it',
  async (header) => {
    const labeler = await labelerOf(
      (request) => (request < 3 ? { ...refusal(429, 'slow'), headers: { 'retry-after': header } } : good),
      { retries: 3 },
    )
    const started = Date.now()
    expect(isLabelled((await ask(labeler))[0])).toBe(true)
    expect(Date.now() - started).toBeGreaterThan(header === '1.5' ? 2_900 : 700)
  },
  20_000,
)

describe('settings of the request', () => {
  test('fields are left out, renamed and added; the number of log-probabilities is a setting', async () => {
    const labeler = await labelerOf(() => good, {
      topLogProbs: 5,
      request: { omit: ['temperature'], rename: { max_tokens: 'max_completion_tokens' }, add: { user: 'rlaif' } },
    })
    await ask(labeler)
    expect(endpoint.bodies[0]).toEqual({
      model: 'judge',
      messages: [{ role: 'user', content: 'Question 0\nAnswer=' }],
      max_completion_tokens: 1,
      logprobs: true,
      top_logprobs: 5,
      user: 'rlaif',
    })
    expect(labeler.identity).toMatchObject({ topLogProbs: 5, request: { omit: ['temperature'] } })
  })

  test('thinking is switched off by what the dialect has for it, beside own variables of the template', async () => {
    const add = { chat_template_kwargs: { lang: 'en' } }
    await ask(await labelerOf(() => good, { dialect: 'vllm', thinking: 'off', request: { add } }))
    expect(endpoint.bodies[0]).toMatchObject({ chat_template_kwargs: { lang: 'en', enable_thinking: false } })
  })

  test.each<[string, object]>([
    ['azure', { 'api-key': 'k-0123456789', authorization: undefined }],
    ['openai', { 'api-key': undefined, authorization: 'Bearer k-0123456789' }],
  ])('the key goes where the dialect %s wants it, others by the names of variables', async (dialect, expected) => {
    process.env.LABELER_KEY = 'k-0123456789'
    process.env.GATEWAY_API_KEY = 'Key g-0123456789'
    const headers = { 'X-Gateway': 'GATEWAY_API_KEY' }
    await ask(await labelerOf(() => good, { dialect, apiKeyEnv: 'LABELER_KEY', headers }))
    expect({ 'api-key': undefined, authorization: undefined, ...endpoint.headers[0] }).toMatchObject(expected)
    expect(endpoint.headers[0]).toMatchObject({ 'x-gateway': 'Key g-0123456789' })
    delete process.env.GATEWAY_API_KEY
    await endpoint.close()
    await expect(labelerOf(() => good, { headers })).rejects.toThrow(
      /"labeler\.headers\.X-Gateway" names GATEWAY_API_KEY/,
    )
    await endpoint.close()
    await expect(labelerOf(() => good, { headers: { 'X-Gateway': 'AWS_SECRET_ACCESS_KEY' } })).rejects.toThrow(
      /AWS_SECRET_ACCESS_KEY must not be sent/,
    )
  })

  test('dialects without log-probabilities count answers, within what they take', async () => {
    const labeler = await labelerOf(() => ({ body: wrote({ content: '1' }) }), { dialect: 'openai-reasoning' })
    expect(await ask(labeler)).toEqual([{ logProbs: [0, -Infinity], counted: 8 }])
    expect(endpoint.bodies[0]).toEqual({
      model: 'judge',
      messages: expect.anything(),
      max_completion_tokens: 4099,
    })
  })
})

describe('addresses', () => {
  test("a query such as Azure's is kept behind the route, also of an address that ends with the route", async () => {
    const urls: (string | undefined)[] = []
    const { createServer } = await import('node:http')
    const server = createServer((request, response) => {
      urls.push(request.url)
      request.resume().on('end', () => response.end(JSON.stringify(good.body)))
    })
    await new Promise<void>((up) => server.listen(0, '127.0.0.1', up))
    const { port } = server.address() as { port: number }
    const base = `http://127.0.0.1:${port}/openai/deployments/gpt`
    for (const baseUrl of [
      `${base}?api-version=2024-10-21`,
      `${base}/chat/completions?api-version=2024-10-21`,
      `${base}//`,
    ]) {
      const settings = parse(labelerSchema, { baseUrl, model: 'm' }, 'labeler') as EndpointSettings
      expect(isLabelled((await ask(endpointLabeler(settings)))[0])).toBe(true)
    }
    server.close().closeAllConnections()
    const route = '/openai/deployments/gpt/chat/completions'
    expect(urls).toEqual([`${route}?api-version=2024-10-21`, `${route}?api-version=2024-10-21`, route])
  })

  test.each([
    'http://bob:hunter2hunter@host/v1',
    'https://hunter2hunter@host/v1',
    'http://bob:hunter2/hunter@host/v1',
    'http://host/v1?key=hunter2hunter',
    'http://host/v1?api-version=1&code=hunter2hunter',
    `http://bob:${'x'.repeat(200)}hunter2@host/v1`,
  ])('a secret in an address is refused at the start, and not shown: %s', (baseUrl) => {
    const refused = () => parse(labelerSchema, { baseUrl, model: 'm' }, 'labeler')
    expect(refused).toThrow(/baseUrl/)
    try {
      refused()
    } catch (error) {
      expect((error as Error).message).not.toMatch(/hunter2|xxx/)
    }
  })
})

test('without `usage`, and with counts that cannot be, the estimate counts towards `maxCost`', async () => {
  const price = { inputPerMillion: 1_000_000, outputPerMillion: 0 }
  for (const usage of [undefined, null, {}, { prompt_tokens: 0, completion_tokens: 0 }, { prompt_tokens: 'many' }]) {
    const labeler = await labelerOf(() => ({ body: { ...good.body, usage } }), { price, maxCost: 60 })
    await expect(ask(labeler, 100)).rejects.toThrow(/may exceed labeler\.maxCost/)
    expect(labeler.usage.cost).toBeGreaterThan(40)
    await endpoint.close()
  }
})
