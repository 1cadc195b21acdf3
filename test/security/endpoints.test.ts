// What a run may have a worker send, and where: whoever starts a run names endpoints, webhooks and variables. And what
// an endpoint may make a worker say.
import dns from 'node:dns'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { notify } from '../../src/activities/notify'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { notifySchema } from '../../src/contracts/run-settings'
import { parse } from '../../src/contracts/parse'
import { checkNumber } from '../../src/feedback/address-rules'
import { checkAllowance } from '../../src/feedback/endpoint-allowance'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { locateModel } from '../../src/model/locate'
import { temporaryFolder } from '../tiny-folder'

const environment = { ...process.env }
let answer: (request: IncomingMessage, response: ServerResponse) => void
let received: { line: string; authorization: string | undefined; signature: unknown }[] = []
let server: Server
let port: number
beforeEach(async () => {
  delete process.env.RLAIF_ENDPOINTS
  received = []
  answer = (_, response) => response.writeHead(400).end('no')
  server = createServer((request, response) => {
    const { method, url, headers } = request
    received.push({
      line: `${method} ${url}`,
      authorization: headers.authorization,
      signature: headers['x-rlaif-signature'],
    })
    request.resume().on('end', () => answer(request, response))
  })
  await new Promise<void>((up) => server.listen(0, '127.0.0.1', up))
  port = (server.address() as AddressInfo).port
})
afterEach(() => {
  jest.restoreAllMocks()
  server.close().closeAllConnections()
  process.env = { ...environment }
})

const settingsOf = (more: object) =>
  parse(
    labelerSchema,
    { baseUrl: `http://127.0.0.1:${port}/v1`, model: 'm', retries: 0, ...more },
    'labeler',
  ) as EndpointSettings
/** The message of what happens when a labeler with these settings is asked. */
async function outcomeOf(more: object): Promise<string> {
  try {
    const [answered] = await endpointLabeler(settingsOf(more)).ask([{ text: 'x', ending: 'y' }], ['1', '2'])
    return JSON.stringify(answered)
  } catch (error) {
    return (error as Error).message
  }
}

describe('a variable named as key', () => {
  test.each([
    'AWS_SECRET_ACCESS_KEY',
    'GITHUB_TOKEN',
    'SLACK_BOT_TOKEN',
    'DATABASE_URL',
    'NPM_TOKEN',
    'STRIPE_API_KEY',
    'HF_TOKEN',
    'RLAIF_PAYLOAD_KEYS',
    'TEMPORAL_API_KEY',
    'PATH',
  ])('%s is sent to no address that a run names, not even on this machine', async (name) => {
    process.env[name] = 'canary-0123456789'
    const message = await outcomeOf({ apiKeyEnv: name })
    expect(received).toEqual([])
    expect(message).toContain(`set RLAIF_ENDPOINTS="http://127.0.0.1:${port}=${name}"`)
    expect(message).not.toContain('canary')
  })

  test('goes to the labeler that it is usually for, over HTTPS, and to no other', () => {
    for (const [address, name] of [
      ['https://api.openai.com/v1', 'OPENAI_API_KEY'],
      ['https://mine.openai.azure.com/openai/v1', 'AZURE_OPENAI_API_KEY'],
      ['https://router.huggingface.co/v1', 'HF_TOKEN'],
    ] as const)
      expect(checkAllowance(address, name)).toBe('public')
    for (const address of [
      'http://api.openai.com/v1',
      'https://api.openai.com:8443/v1',
      'https://api.openai.com.evil.example/v1',
      'https://api.groq.com/openai/v1',
      'https://openai.azure.com/v1',
      'http://10.0.0.5:8000/v1',
    ])
      expect(() => checkAllowance(address, 'OPENAI_API_KEY')).toThrow(/RLAIF_ENDPOINTS="http.*=OPENAI_API_KEY"/)
    expect(() => checkAllowance('https://a.b.openai.azure.com/v1', 'AZURE_OPENAI_API_KEY')).toThrow(/must not be sent/)
  })

  test("a labeler's key goes to this machine, and where the operator lists it", async () => {
    process.env.LABELER_KEY = 'sk-0123456789abcdef'
    await outcomeOf({ apiKeyEnv: 'LABELER_KEY' })
    expect(received[0]!.authorization).toBe('Bearer sk-0123456789abcdef')
    expect(() => checkAllowance('http://10.0.0.5:8000/v1', 'LABELER_KEY')).toThrow(
      /set RLAIF_ENDPOINTS="http:\/\/10\.0\.0\.5:8000=LABELER_KEY"/,
    )
    process.env.RLAIF_ENDPOINTS = 'http://10.0.0.5:8000=LABELER_KEY'
    expect(checkAllowance('http://10.0.0.5:8000/v1', 'LABELER_KEY')).toBe('named')
  })

  test('in strict mode no endpoint is asked that is not listed, with a key or without', async () => {
    process.env.RLAIF_STRICT = '1'
    process.env.OPENAI_API_KEY = 'x'
    expect(await outcomeOf({})).toContain(`set RLAIF_ENDPOINTS="http://127.0.0.1:${port}"`)
    expect(() => checkAllowance('https://api.openai.com/v1', 'OPENAI_API_KEY')).toThrow(/must be listed/)
    await expect(notify({ notify: { url: `http://127.0.0.1:${port}/` }, text: 'x' } as never)).rejects.toThrow(/listed/)
    expect(received).toEqual([])
  })
})

test.each(['/bucket?delete=&x=', '/bucket?', '/v1#', '/a/../bucket', '/a/%2e%2e/b', '/a%2fb', '/a\\..\\b', '/./b'])(
  'no request that a run words itself reaches a server behind the worker: %s',
  async (path) => {
    const baseUrl = `http://127.0.0.1:${port}${path}`
    expect(() => settingsOf({ baseUrl })).toThrow(/must have/)
    expect(() => endpointLabeler({ ...settingsOf({}), baseUrl })).toThrow(/must have/)
    expect(() => parse(notifySchema, { url: baseUrl }, 'notify')).toThrow(/must have/)
    await expect(notify({ notify: { url: baseUrl }, text: 'x' } as never)).rejects.toThrow(/must have/)
    expect(received).toEqual([])
  },
)

test('an address with a user in front is refused', () => {
  expect(() => settingsOf({ baseUrl: 'https://api.openai.com@evil.example/v1' })).toThrow(/must not contain a user/)
})

describe('metadata services of clouds', () => {
  test.each([
    '169.254.169.254',
    '169.254.170.2',
    '169.254.42.42',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '[fe80::a9fe:a9fe]',
    '[::ffff:100.100.100.200]',
    '[64:ff9b::169.254.169.254]',
    '[2002:a9fe:a9fe::1]',
    '1684301000',
  ])('%s is not asked', (host) => {
    expect(() => checkNumber(new URL(`http://${host}/`), 'public')).toThrow(/cloud metadata/)
  })

  test('a name that leads elsewhere when it is asked than when it was checked leads nowhere', async () => {
    const answers = ['93.184.216.34', '169.254.169.254']
    const next = () => [{ address: answers.shift() ?? '169.254.169.254', family: 4 }]
    jest.spyOn(dns.promises, 'lookup').mockImplementation((async () => next()) as never)
    jest.spyOn(dns, 'lookup').mockImplementation(((
      _: string,
      options: dns.LookupAllOptions,
      done: (error: null, found: unknown, family?: number) => void,
    ) => {
      answers.splice(0, 1)
      const [found] = next()
      if (options.all) done(null, [found])
      else done(null, found!.address, 4)
    }) as never)
    expect(await outcomeOf({ baseUrl: 'http://rebinding.example:9/v1', timeoutSeconds: 3 })).toMatch(
      /rebinding\.example resolves to 169\.254\.169\.254, which is an address of cloud metadata/,
    )
  })

  test("a key for this machine leaves it under no name: localhost is this machine's", async () => {
    process.env.LABELER_KEY = 'sk-0123456789abcdef'
    jest
      .spyOn(dns, 'lookup')
      .mockImplementation(((_: string, __: object, done: (error: null, found: unknown) => void) =>
        done(null, [{ address: '93.184.216.34', family: 4 }])) as never)
    expect(
      await outcomeOf({ baseUrl: `http://localhost:${port}/v1`, apiKeyEnv: 'LABELER_KEY', timeoutSeconds: 3 }),
    ).toMatch(/localhost resolves to 93\.184\.216\.34, which is not on this machine/)
  })
})

describe("the labeler's key in messages", () => {
  const KEY = 'sk-canary-AbC+/0123456789xyz'
  const ask = () => outcomeOf({ apiKeyEnv: 'LABELER_KEY', stopAfterFailures: 1 })
  beforeEach(() => (process.env.LABELER_KEY = KEY))
  const escaped = [...KEY].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')

  const unescaped = (text: string) =>
    text.replace(/\\u([\da-f]{4})|%([\da-f]{2})/gi, (_, u, x) => String.fromCharCode(parseInt(String(u ?? x), 16)))

  test.each<[string, number, string, Record<string, string>]>([
    ['in the address of a redirect', 302, '', { location: `https://e.example/login?key=${encodeURIComponent(KEY)}` }],
    ['in the path of a redirect', 307, '', { location: `/${KEY}/x` }],
    ['cut in two by the length of a message', 400, `${'x'.repeat(285)}${KEY}`, {}],
    ['as escapes', 401, `{"error": {"message": "bad ${escaped}"}}`, {}],
    ['as escapes of a text', 401, `bad ${escaped}`, {}],
    ['percent-encoded', 403, `bad ${encodeURIComponent(KEY)}`, {}],
    ['in base64', 404, `bad ${Buffer.from(`u:${KEY}`).toString('base64')}`, {}],
    ['in an answer that is not JSON', 200, `{"choices": ${KEY}`, {}],
    ['as a field that is for nobody', 400, JSON.stringify({ debug: { headers: [`Bearer ${KEY}`] } }), {}],
    ['masked', 401, `Incorrect API key provided: ${KEY.slice(0, 7)}****${KEY.slice(-4)}`, {}],
    ['as the refusal of a model', 200, JSON.stringify({ choices: [{ message: { refusal: `I know ${KEY}` } }] }), {}],
    [
      'as the answer of a model',
      200,
      JSON.stringify({ choices: [{ message: { content: KEY }, logprobs: { content: [{ token: KEY, logprob: 0 }] } }] }),
      {},
    ],
  ])('%s is not there', async (_, status, body, headers) => {
    answer = (__, response) => response.writeHead(status, headers).end(body)
    const message = await ask()
    expect(received[0]!.authorization).toBe(`Bearer ${KEY}`)
    expect(message.length).toBeGreaterThan(20)
    expect(unescaped(message)).not.toMatch(/canary|AbC|0123|9xyz|Y2FuYXJ5|c2stY2/)
  })

  test.each(['sk-canary-0123\n456789', 'sk-canary-0123456789\n', 'sk canary 0123456789', 'sk-canary-é0123456789'])(
    'a key with white space or other letters is refused without a word of it (%#)',
    async (key) => {
      process.env.LABELER_KEY = key
      const message = await ask()
      expect(message).toMatch(/LABELER_KEY.*has white space, line breaks or letters beyond ASCII/)
      expect(message).not.toMatch(/canary|0123/)
      expect(received).toEqual([])
    },
  )
})

describe('a notification', () => {
  const told = (more: object) => notify({ notify: { url: `http://127.0.0.1:${port}/`, ...more }, text: 'x' } as never)
  test.each(['AWS_SECRET_ACCESS_KEY', 'RLAIF_REWARD_TOKEN', 'STRIPE_WEBHOOK_SECRET', 'LABELER_KEY'])(
    'is not signed by %s, which signs something else',
    async (name) => {
      process.env[name] = 'weak'
      await expect(told({ secretEnv: name })).rejects.toThrow(
        /only variables called RLAIF_NOTIFY_… are used; put its value into one, e\.g\. RLAIF_NOTIFY_KEY/,
      )
      expect(received).toEqual([])
    },
  )

  test('goes to no address out of any variable', async () => {
    process.env.DATABASE_URL = `http://127.0.0.1:${port}/`
    await expect(told({ url: undefined, urlEnv: 'DATABASE_URL' })).rejects.toThrow(/RLAIF_NOTIFY_… or …_WEBHOOK_URL/)
    expect(received).toEqual([])
    process.env.SLACK_WEBHOOK_URL = process.env.DATABASE_URL
    process.env.RLAIF_NOTIFY_KEY = 'strong'
    answer = (_, response) => response.end('ok')
    await told({ url: undefined, urlEnv: 'SLACK_WEBHOOK_URL', secretEnv: 'RLAIF_NOTIFY_KEY' })
    expect(received).toMatchObject([{ line: 'POST /', signature: expect.stringMatching(/^sha256=/) }])
  })
})

test("the Hub's token goes to the Hub alone: not where a page's link leads, or a redirect that says it is a cache", async () => {
  const foreign: (string | undefined)[] = []
  const other = createServer((request, response) => {
    foreign.push(request.headers.authorization)
    response
      .writeHead(200, {
        'content-type': 'application/json',
        'x-cache': 'Hit from cloudfront',
        etag: '"x"',
        'content-range': 'bytes 0-0/2',
      })
      .end('[]')
  })
  await new Promise<void>((up) => other.listen(0, '127.0.0.1', up))
  const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  process.env.HF_TOKEN = 'hf_canary0123456789'
  process.env.HF_ENDPOINT = `http://127.0.0.1:${port}`
  process.env.RLAIF_CACHE = temporaryFolder()
  const file = { type: 'file', path: 'model.safetensors', size: 2 }
  answer = ({ url }, response) => {
    if (url!.includes('/tree/'))
      response
        .writeHead(200, { 'content-type': 'application/json', link: `<${elsewhere}/next>; rel="next"` })
        .end(JSON.stringify([file]))
    else response.writeHead(302, { location: `${elsewhere}/file?signature=0123456789` }).end()
  }
  const message = await locateModel(`hf:a/b@${'0'.repeat(40)}`).catch((error: Error) => error.message)
  other.close().closeAllConnections()
  expect(received[0]!.authorization).toBe('Bearer hf_canary0123456789')
  expect(foreign.length).toBeGreaterThan(1)
  expect(foreign.filter(Boolean)).toEqual([])
  expect(message).not.toMatch(/canary|signature=/)
})
