// `rlaif labeler check` against a scripted server of each dialect: it starts from an address and a name alone, and finds
// settings with which the server labels. What each server refuses, and how it says so, is that of its dialect.
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { commandOutputs } from '../../src/contracts/command-output'
import { checkLabeler, checkLines, checkOutput } from '../../src/cli/labeler-check'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { parse } from '../../src/contracts/parse'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'

const REPLIES = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'fuzz', 'endpoint-replies.json'), 'utf8'),
) as Record<string, Record<'answer' | 'rationale', Completion>>
interface Completion {
  choices: { message: Record<string, unknown>; logprobs?: unknown; finish_reason: string }[]
}

type Body = Record<string, unknown> & { messages: { role: string; content: string }[] }
type Reply = { status: number; body: unknown }
type Dialect = (body: Body, headers: IncomingHttpHeaders) => Reply

const refuse = (status: number, body: unknown): Reply => ({ status, body })
const openaiError = (message: string, param: string | null = null): Reply =>
  refuse(400, { error: { message, type: 'invalid_request_error', param, code: null } })

/** The reply of a dialect to a question about a label, a score or a rationale. */
function completion(dialect: string, body: Body, { thinks = false, isCut = false } = {}): Reply {
  const asked = body.messages.map(({ content }) => content).join('\n')
  const isRationale = /Rationale: ?$/.test(asked)
  const reply = structuredClone(REPLIES[dialect]![isRationale ? 'rationale' : 'answer'])
  const [choice] = reply.choices
  if (isCut) Object.assign(choice!, { finish_reason: 'length' }).message.content = ''
  if (thinks) {
    const token = { token: '<think>', logprob: -0.01 }
    choice!.logprobs = choice!.logprobs && { content: [{ ...token, top_logprobs: [token] }] }
    choice!.message.content = `<think>Well.</think>${String(choice!.message.content)}`
  }
  return { status: 200, body: reply }
}

const limitOf = ({ max_tokens: old, max_completion_tokens: newer }: Body) => Number(newer ?? old)
const DIALECTS: Record<string, Dialect> = {
  openai(body) {
    for (const field of ['top_k', 'chat_template_kwargs', 'continue_final_message', 'add_generation_prompt'])
      if (field in body) return openaiError(`Unrecognized request argument supplied: ${field}`)
    return completion('openai', body)
  },
  'openai-reasoning'(body) {
    if ('max_tokens' in body)
      return openaiError(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        'max_tokens',
      )
    if (body.temperature !== undefined && body.temperature !== 1)
      return openaiError(
        "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
        'temperature',
      )
    if ('logprobs' in body)
      return refuse(403, { error: { message: 'You are not allowed to request logprobs from this model' } })
    return completion('openai-reasoning', body, { isCut: limitOf(body) < 1000 })
  },
  azure(body, headers) {
    if (!headers['api-key'])
      return refuse(401, { error: { code: '401', message: 'Access denied due to invalid subscription key.' } })
    return completion('azure', body)
  },
  anthropic: (body) => completion('anthropic', body),
  google(body) {
    for (const field of ['seed', 'logprobs', 'top_logprobs', 'top_k'])
      if (field in body)
        return refuse(400, [
          {
            error: { code: 400, message: `Invalid JSON payload received. Unknown name "${field}": Cannot find field.` },
          },
        ])
    return completion('google', body, { isCut: limitOf(body) < 500 })
  },
  vllm(body) {
    if (Number(body.top_logprobs) > 5)
      return refuse(400, {
        object: 'error',
        message: `Requested sample logprobs of ${String(body.top_logprobs)}, which is greater than max allowed: 5`,
        code: 400,
      })
    const isOff = (body.chat_template_kwargs as { enable_thinking?: boolean } | undefined)?.enable_thinking === false
    return completion('vllm', body, { thinks: !isOff })
  },
  sglang(body) {
    const isContinued = body.continue_final_message === true && body.messages.at(-1)!.role === 'assistant'
    const reply = completion('sglang', body)
    const [choice] = (reply.body as Completion).choices
    const other = { token: ' Preferred', logprob: -0.01 }
    if (!isContinued && choice!.logprobs) choice!.logprobs = { content: [{ ...other, top_logprobs: [other] }] }
    return reply
  },
  'llama.cpp'(body) {
    if (body.messages.at(-1)!.role === 'assistant' && !('chat_template_kwargs' in body))
      return refuse(500, {
        error: { code: 500, message: 'Assistant response prefill is incompatible with enable_thinking.' },
      })
    const isOff = 'chat_template_kwargs' in body
    return completion('llama.cpp', body, { thinks: !isOff })
  },
  ollama: (body) => completion('ollama', body, { thinks: body.reasoning_effort !== 'none' }),
  tgi(body) {
    if (body.temperature === 0)
      return refuse(422, {
        error: 'Input validation error: `temperature` must be strictly positive',
        error_type: 'validation',
      })
    if (Number(body.top_logprobs) > 5)
      return refuse(422, {
        error: 'Input validation error: `top_n_tokens` must be >= 0 and <= 5. Given: 20',
        error_type: 'validation',
      })
    return completion('tgi', body)
  },
  litellm(body) {
    const unsupported = ['seed', 'logprobs', 'top_logprobs'].filter((field) => field in body)
    if (unsupported.length > 0 && body.drop_params !== true)
      return refuse(400, {
        error: {
          message:
            `litellm.UnsupportedParamsError: anthropic does not support parameters: ${JSON.stringify(unsupported)}, ` +
            'for model=judge. To drop these, set `litellm.drop_params=True`',
          code: '400',
        },
      })
    const reply = completion('litellm', body)
    delete (reply.body as Completion).choices[0]!.logprobs
    return reply
  },
}

let server: Server
let asked = 0
let baseUrl = ''
async function start(dialect: Dialect): Promise<void> {
  asked = 0
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        asked++
        const { status, body } = dialect(JSON.parse(Buffer.concat(chunks).toString()) as Body, request.headers)
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      })
  })
  await new Promise<void>((up) => server.listen(0, '127.0.0.1', up))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
}
afterEach(() => server.close().closeAllConnections())
beforeAll(() => (process.env.LABELER_KEY = 'k-0123456789'))
afterAll(() => delete process.env.LABELER_KEY)

const settingsIn = (lines: string[]): object => (JSON.parse(lines.at(-1)!) as { labeler: object }).labeler
/** What the command prints, which with --json is what its schema says. */
async function check(more: object = {}) {
  const checked = await checkLabeler({ labeler: { baseUrl, model: 'judge', apiKeyEnv: 'LABELER_KEY', ...more } })
  commandOutputs['labeler check'].parse(JSON.parse(JSON.stringify(checkOutput(checked))))
  return { lines: checkLines(checked), isUsable: checked.check.isUsable }
}

test.each<[string, object]>([
  ['openai', {}],
  ['openai-reasoning', { countedAnswers: 8, thinkingTokens: 1024 }],
  ['azure', { dialect: 'azure' }],
  ['anthropic', { countedAnswers: 8 }],
  ['google', { countedAnswers: 8, thinkingTokens: 1024 }],
  ['vllm', { topLogProbs: 5, thinking: 'off' }],
  ['sglang', { dialect: 'vllm' }],
  ['llama.cpp', { thinking: 'off' }],
  ['ollama', { thinking: 'off' }],
  ['tgi', { topLogProbs: 5, request: { omit: ['temperature'] } }],
  ['litellm', { dialect: 'litellm', countedAnswers: 8 }],
])(
  'finds the settings of a server like %s by itself, and every question is answered with them',
  async (name, expected) => {
    await start(DIALECTS[name]!)
    const { lines, isUsable } = await check()
    expect([lines.join('\n'), isUsable]).toEqual([expect.not.stringContaining('✗'), true])
    expect(lines.filter((line) => line.startsWith('✓'))).toHaveLength(6)
    expect(settingsIn(lines)).toMatchObject(expected)
    const labeler = endpointLabeler(parse(labelerSchema, settingsIn(lines), 'labeler') as EndpointSettings)
    const [label] = await labeler.ask([{ text: 'Which?', ending: 'Preferred Summary=' }], ['1', '2'])
    expect(label).toMatchObject({ logProbs: expect.any(Array) })
  },
  60_000,
)

test.each(Object.keys(DIALECTS))(
  'the preset of %s works as it is, with the server told not to think',
  async (name) => {
    await start(DIALECTS[name]!)
    const isLocal = ['vllm', 'llama.cpp', 'ollama', 'tgi'].includes(name)
    const { lines, isUsable } = await check({ dialect: name, ...(isLocal && { thinking: 'off' }) })
    expect([lines.join('\n'), isUsable]).toEqual([expect.not.stringContaining('✗'), true])
  },
  60_000,
)

test('what an endpoint took is said, with its price and the settings; one that refuses all is left after few', async () => {
  await start(DIALECTS.openai!)
  const { lines } = await check({ price: { inputPerMillion: 2, outputPerMillion: 8 } })
  expect(lines.join('\n')).toMatch(/7 requests took \d+ \+ \d+ tokens and cost 0\.\d+: about 0\.\d+ for 1000 pairs/)
  expect(lines.join('\n')).toMatch(/log-probabilities of the 20 likeliest tokens; the answer begins a new turn/)
  expect(lines).toContain('The settings are right as they are:')
  server.close().closeAllConnections()
  await start(() => refuse(404, { error: { message: 'The model `judge` does not exist.' } }))
  const refused = await check()
  expect(refused.isUsable).toBe(false)
  expect(refused.lines.join('\n')).toMatch(/✗ a pair: .*The model `judge` does not exist/)
  expect(asked).toBeLessThan(5)
  await expect(checkLabeler({ labeler: 'default' })).rejects.toThrow(/local model default/)
})
