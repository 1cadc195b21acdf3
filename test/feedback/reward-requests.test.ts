// Requests as trainers send them: TRL's conversations, slime's single sample, OpenRLHF's single samples with special
// tokens and through an outage of the labeler's endpoint.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveReward } from '../../src/cli/serve-reward'
import { specialTokens } from '../../src/feedback/special-tokens'
import { temporaryFolder } from '../tiny-folder'
import { startEndpoint, type Endpoint, type Fault } from './endpoint'

let endpoint: Endpoint
let server: Server
let url: string
afterEach(async () => {
  jest.restoreAllMocks()
  server.closeAllConnections()
  server.close()
  await endpoint.close()
})

async function serve({
  fault,
  task = 'helpful',
  context = 'prompts',
}: { fault?: Fault; task?: string; context?: 'prompts' | 'labels' } = {}) {
  endpoint = await startEndpoint((prompt) => (prompt.includes('good') ? { '8': 1 } : { '2': 1 }), fault)
  const input = { task, labeler: { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 } }
  ;({ server } = await serveReward(input, { port: 0, host: '127.0.0.1', context }, temporaryFolder()))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/get_reward`
}

const send = (body: unknown, signal?: AbortSignal) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  })
const ask = async (body: unknown) => {
  const response = await send(body)
  return { status: response.status, body: (await response.json()) as unknown }
}
const GOOD = (8 - 5.5) / 4.5
const user = (content: unknown) => ({ role: 'user', content })
const assistant = (content: unknown) => ({ role: 'assistant', content })

describe('conversations, as TRL passes them', () => {
  test('prompts and completions as turns are scored as the same texts', async () => {
    await serve({ task: 'summarization' })
    const texts = await ask({ prompts: ['A post.', 'Another.'], completions: ['good', 'bad'] })
    const turns = await ask({
      prompts: [[user('A post.')], [user([{ type: 'text', text: 'Another.' }])]],
      completions: [[assistant('good')], [assistant([{ type: 'text', text: 'bad' }])]],
    })
    expect(turns).toEqual({ status: 200, body: texts.body })
    expect(endpoint.prompts).toHaveLength(2) // those of the turns were known
  })

  test('several turns are shown as a conversation, with all but the last turn of a completion', async () => {
    await serve()
    const { status } = await ask({
      prompts: [[{ role: 'system', content: 'Be kind.' }, user('Hi'), assistant('Hello'), user('How?')]],
      completions: [[assistant('Ask.'), user('Whom?'), assistant('A good friend')]],
    })
    expect(status).toBe(200)
    expect(endpoint.prompts[0]).toContain(
      'System: Be kind.\nHuman: Hi\nAssistant: Hello\nHuman: How?\nAssistant: Ask.\nHuman: Whom?',
    )
    expect(endpoint.prompts[0]).toContain('A good friend')
  })

  test.each<[string, object, RegExp]>([
    [
      'a turn without a role',
      { prompts: [[{ content: 'x' }]], completions: ['y'] },
      /prompts\.0.*: a turn without a role/,
    ],
    [
      'a tool call',
      { prompts: ['x'], completions: [[{ role: 'assistant', tool_calls: [{}] }]] },
      /completions\.0.*: .*tool/,
    ],
    ['no turns', { prompts: [[]], completions: ['y'] }, /prompts\.0/],
  ])('%s is refused by name', async (_, body, message) => {
    await serve()
    const answered = await ask(body)
    expect([answered.status, JSON.stringify(answered.body)]).toEqual([400, expect.stringMatching(message)])
  })
})

describe("slime's single sample", () => {
  test('the reply is the number', async () => {
    await serve()
    expect(await ask({ prompt: 'Say x.', response: 'good', label: null })).toEqual({
      status: 200,
      body: expect.closeTo(GOOD, 10),
    })
    expect(await ask({ prompt: [user('Say x.')], response: 'good', label: 3 })).toMatchObject({ status: 200 })
    expect((await ask({ prompt: 'x', response: 7 })).status).toBe(400)
  })

  test('with --context labels its label is shown', async () => {
    await serve({ context: 'labels' })
    expect((await ask({ prompt: '<template>', response: 'good', label: 'the post' })).status).toBe(200)
    expect(endpoint.prompts[0]).toContain('the post')
    expect(JSON.stringify(await ask({ prompt: 'x', response: 'good', label: 1 }))).toMatch(/labels\.0.*not a text/)
  })
})

describe("OpenRLHF's single sample", () => {
  const PROMPT = '<|im_start|>user\nSay x.<|im_end|>\n<|im_start|>assistant\n'
  test.each<[string, string, string]>([
    ['beginning and pads', '<s>Say x. good</s><pad><pad><pad>', 'Say x.'],
    ['pads on the left', '<|endoftext|><|endoftext|>Say x. good<|endoftext|>', 'Say x.'],
    ['a template with its tokens', `<bos>${PROMPT}good<|im_end|>\n<PAD><PAD>`, PROMPT],
    ['a query that was decoded without them', 'user\nSay x.\nassistant\ngood', PROMPT],
    ['a prompt that was decoded without them', `${PROMPT}good<|im_end|>`, 'user\nSay x.\nassistant\n'],
    ['spaces that a decoder adds', '<s> Say x.  good </s>', 'Say x.'],
    ['of T5, GLM and InternLM', '[gMASK]<sop>Say x. good<eop><extra_id_0>[UNUSED_TOKEN_145]', 'Say x.'],
  ])('the response alone is scored: %s', async (_, query, prompt) => {
    await serve()
    expect(await ask({ query: [query], prompts: [prompt], labels: ['x'] })).toMatchObject({
      status: 200,
      body: { rewards: [expect.closeTo(GOOD, 10)] },
    })
    expect(await ask({ query, prompts: prompt, labels: 'x' })).toMatchObject({ status: 200 }) // bare texts
    expect(endpoint.prompts[0]).toMatch(/good\b/)
    expect(endpoint.prompts[0]).not.toMatch(/pad>|<\/s>|good<|UNUSED|endoftext/i)
  })

  test('another prompt is still refused', () => {
    const { after } = specialTokens()
    expect(after('<s>Say y. good', 'Say x.')).toBeUndefined()
    expect(after('Say', 'Say x.')).toBeUndefined()
    expect(after('<s><pad>Say x.', '<s>Say x.</s>')).toBe('')
    expect(after('a'.repeat(100_000), 'a'.repeat(99_999))).toBe('a')
  })

  test('an outage is waited out: the request that met it is answered, and answers are not asked for twice', async () => {
    const told: string[] = []
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean(told.push(String(text))))
    let isDown = true
    await serve({ fault: (_, response) => isDown && Boolean(response.writeHead(503).end('restarting')) })
    const answer = ask({ query: ['Say x. good'], prompts: ['Say x.'], labels: [''] })
    await new Promise((resolve) => setTimeout(resolve, 1200))
    isDown = false
    expect(await answer).toMatchObject({ status: 200, body: { rewards: [expect.closeTo(GOOD, 10)] } })
    expect(endpoint.prompts.length).toBeGreaterThan(1)
    expect(told.join('')).toMatch(/serve-reward: waiting for the labeler: .*HTTP 503 restarting/)
  }, 20_000)

  test('whoever has gone is not waited for; what waiting cannot mend is said at once', async () => {
    jest.spyOn(process.stderr, 'write').mockImplementation(() => true)
    let status = 503
    await serve({ fault: (_, response) => Boolean(response.writeHead(status).end('no')) })
    await expect(send({ prompts: ['x'], completions: ['good'] }, AbortSignal.timeout(700))).rejects.toThrow()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const asked = endpoint.prompts.length
    await new Promise((resolve) => setTimeout(resolve, 2500))
    expect(endpoint.prompts).toHaveLength(asked)
    status = 401
    expect(await ask({ prompts: ['x'], completions: ['good'] })).toMatchObject({ status: 502 })
  }, 20_000)
})
