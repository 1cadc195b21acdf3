// Requests that our HTTP servers must not answer: those that a page of another site caused, and those without a token.
import { randomBytes } from 'node:crypto'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { Hono } from 'hono'
import { register } from 'prom-client'
import { startCodecServer } from '../../src/cli/codec-server'
import { serveReward } from '../../src/cli/serve-reward'
import { openAgents } from '../../src/http-agents'
import { refusalByOrigin, type Door } from '../../src/http/guard'
import { atMost, listen, refuseInText, type App } from '../../src/http/server'
import { hasToken, tokenOf } from '../../src/http/token'
import { linkOf } from '../../src/rating/links'
import { openRatingServer, type Evaluation } from '../../src/rating/server'
import { metricsToken, serveMetrics } from '../../src/workers/metrics'
import { rlaif } from '../local-stack'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(120_000)

const portOf = (server: Server) => (server.address() as AddressInfo).port
const open: Server[] = []
const kept = <T extends Server>(server: T): T => (open.push(server), server)
const SET = ['RLAIF_STRICT', 'RLAIF_REWARD_TOKEN', 'RLAIF_CODEC_TOKEN', 'RLAIF_METRICS_TOKEN', 'RLAIF_PAYLOAD_KEYS']
afterEach(() => {
  register.clear()
  for (const name of SET) delete process.env[name]
  for (const server of open.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

interface Asked {
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: string
}

const agent = openAgents()['http:'] // a server may close before it has read all

/** Over raw HTTP: fetch of Node would not send a foreign host or Sec-Fetch-Site. */
const ask = (server: Server, { method = 'GET', path = '/', headers = {}, body = '' }: Asked) =>
  new Promise<{ status: number; text: string }>((done, fail) => {
    const sent = request({ port: portOf(server), host: '127.0.0.1', path, method, headers, agent }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += String(chunk)))
      response.on('end', () => done({ status: response.statusCode!, text }))
    })
    sent.on('error', fail)
    sent.end(body)
  })

/** What a browser says of a page of another site. */
const foreign: [string, Record<string, string>][] = [
  ['a name that was made to lead here', { host: 'evil.example' }],
  ['a name that begins like this machine', { host: '127.0.0.1.evil.example' }],
  ['this machine under another address', { host: '0.0.0.0' }],
  ['no host that can be read', { host: 'a b' }],
  ['the origin of another site', { origin: 'https://evil.example' }],
  ['the origin of another server of this machine', { origin: 'http://127.0.0.1:1' }],
  ['a sandboxed frame', { origin: 'null' }],
  ['an image or script of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
  ['an image of another server here', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }],
  [
    'a frame in a page of another site',
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
  ],
]

describe('no server answers what a page of another site asks', () => {
  test.each(foreign)('%s: metrics', async (_, headers) => {
    const server = kept(await serveMetrics({ host: '127.0.0.1', port: 0 }, 9))
    expect((await ask(server, { path: '/metrics', headers })).status).toBe(403)
    expect((await ask(server, { path: '/metrics' })).status).toBe(200)
  })

  test.each(foreign)('%s: the rating page, whose link it knows', async (_, headers) => {
    const key = randomBytes(32)
    const rated: unknown[] = []
    const evaluation: Evaluation = {
      run: 'people',
      view: async () => ({ kind: 'verdict', items: 'x', item: 0, rated: 0, open: 1, over: false }) as never,
      rate: async (rating) => (rated.push(rating), {}) as never,
      items: async () => [{ context: 'c', responses: ['r'] }] as never,
    }
    const server = kept(await openRatingServer(evaluation, key, 0, '127.0.0.1'))
    const path = linkOf(key, 'people', 'anna')
    const form = { method: 'POST', path, body: 'item=0&r0=1&seconds=2' }
    expect((await ask(server, { path, headers })).status).toBe(403)
    expect((await ask(server, { ...form, headers })).status).toBe(403)
    expect(rated).toEqual([])
    const host = `127.0.0.1:${portOf(server)}`
    expect((await ask(server, { ...form, headers: { host, origin: `http://${host}` } })).status).toBe(303)
    expect((await ask(server, { ...form, headers: { origin: 'null', 'sec-fetch-site': 'same-origin' } })).status).toBe(
      303,
    )
  })

  test.each(foreign)('%s: the codec server', async (_, headers) => {
    process.env.RLAIF_PAYLOAD_KEYS = `a:${randomBytes(32).toString('base64')}`
    const server = kept(await startCodecServer({ port: 0, ui: 'http://127.0.0.1:8233' }))
    const post = { method: 'POST', path: '/decode', body: '{"payloads": []}' }
    const json = { 'content-type': 'application/json' }
    expect((await ask(server, { ...post, headers: { ...json, ...headers } })).status).toBe(403)
    const fromUi = { origin: 'http://127.0.0.1:8233', 'sec-fetch-site': 'same-site' }
    expect((await ask(server, { ...post, headers: { ...json, ...fromUi } })).status).toBe(200)
    expect((await ask(server, { ...post, headers: { 'content-type': 'text/plain', ...fromUi } })).status).toBe(415)
  })
})

test('a body may come in parts, of no length that is known before, and is bounded all the same', async () => {
  const app: App = new Hono()
  app.post(
    '/',
    atMost(100, (c, reason) => c.text(reason, 413)),
    async (c) => c.text(await c.req.text()),
  )
  const door = { address: '127.0.0.1' }
  const server = kept(await listen(app, { port: 0, door, refuse: refuseInText('test') }))
  const send = (parts: string[]) =>
    fetch(`http://127.0.0.1:${portOf(server)}/`, {
      method: 'POST',
      body: Readable.toWeb(Readable.from(parts.map((part) => Buffer.from(part)))) as ReadableStream as never,
      duplex: 'half',
    } as RequestInit)
  expect(await (await send(['a=1', '&b=2'])).text()).toBe('a=1&b=2')
  expect((await send(['x'.repeat(60), 'x'.repeat(60)])).status).toBe(413)
})

test('links from elsewhere open pages, and a TLS proxy may keep the host of its URL or change it', async () => {
  const answer = async (door: Door, headers: Record<string, string>, method = 'GET') => {
    const server = kept(
      createServer((incoming, response) => response.end(refusalByOrigin(incoming, door)?.reason ?? 'in')),
    )
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return (await ask(server, { headers, method })).text
  }
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  const here: Door = { address: '127.0.0.1' }
  expect(await answer(here, link)).toBe('in')
  expect(await answer(here, link, 'POST')).toMatch(/a web page of another site/)
  const ofProxy = { host: 'rate.example', origin: 'https://rate.example' }
  expect(await answer(here, ofProxy)).toMatch(/names the host "rate\.example"/)
  expect(await answer({ ...here, url: 'https://rate.example/' }, ofProxy)).toBe('in')
  expect(await answer(here, { origin: 'https://rate.example', 'sec-fetch-site': 'same-origin' }, 'POST')).toBe('in')
  expect(await answer({ address: '0.0.0.0' }, { host: 'worker-label:9464' })).toBe('in')
})

describe('with RLAIF_STRICT=1 no server runs without a token, and the message names its variable', () => {
  beforeEach(() => (process.env.RLAIF_STRICT = '1'))

  test('serve-reward, on loopback too; /healthz then tells a stranger nothing', async () => {
    const labeler = { baseUrl: 'http://127.0.0.1:9/v1', model: 'm' }
    const start = () =>
      serveReward(
        { task: 'summarization', labeler },
        { port: 0, host: '127.0.0.1', context: 'prompts' },
        temporaryFolder(),
      )
    await expect(start()).rejects.toThrow(/lets no server run without a token; set RLAIF_REWARD_TOKEN/)
    process.env.RLAIF_REWARD_TOKEN = '   '
    await expect(start()).rejects.toThrow(/set RLAIF_REWARD_TOKEN/)
  })

  test('codec-server: the UI sends it in the address of the endpoint', async () => {
    process.env.RLAIF_PAYLOAD_KEYS = `a:${randomBytes(32).toString('base64')}`
    const start = () => startCodecServer({ port: 0, ui: 'http://127.0.0.1:8233' })
    await expect(start()).rejects.toThrow(/set RLAIF_CODEC_TOKEN/)
    process.env.RLAIF_CODEC_TOKEN = 'abc/def'
    const server = kept(await start())
    const headers = { origin: 'http://127.0.0.1:8233', 'content-type': 'application/json' }
    const status = async (path: string, method = 'POST') =>
      (await ask(server, { method, path, headers, ...(method === 'POST' && { body: '{"payloads": []}' }) })).status
    expect(await status('/decode')).toBe(401)
    expect(await status('/abc/decode')).toBe(401)
    expect(await status('/%/decode')).toBe(401)
    expect(await status('/abc%2Fdef/decode')).toBe(200)
    expect(await status('/abc%2Fdef/decode', 'OPTIONS')).toBe(204)
  })

  test('metrics, on loopback and with --metrics-open too', () => {
    const token = (host: string, isOpen: boolean) => () => metricsToken({ host, port: 1 }, isOpen)
    expect(token('127.0.0.1', false)).toThrow(/set RLAIF_METRICS_TOKEN/)
    expect(token('0.0.0.0', true)).toThrow(/set RLAIF_METRICS_TOKEN/)
    delete process.env.RLAIF_STRICT
    expect(token('127.0.0.1', false)()).toBeUndefined()
    expect(token('0.0.0.0', true)()).toBeUndefined()
    expect(token('0.0.0.0', false)).toThrow(/lets other machines read the metrics.*--metrics-open.*RLAIF_METRICS_TOKEN/)
  })

  test('health data of a worker', async () => {
    const run = await rlaif(temporaryFolder(), ['worker', '--roles', 'label', '--health-port', '0'], {
      TEMPORAL_ADDRESS: '127.0.0.1:9',
      RLAIF_STRICT: '1',
    })
    expect([run.code, run.err]).toEqual([2, expect.stringMatching(/set RLAIF_METRICS_TOKEN/)])
  })
})

test('metrics are scraped with the token alone', async () => {
  const server = kept(await serveMetrics({ host: '127.0.0.1', port: 0 }, 9, 'a-token'))
  const status = async (headers: Record<string, string>) => (await ask(server, { path: '/metrics', headers })).status
  expect(await status({})).toBe(401)
  expect(await status({ authorization: 'Bearer a-toke' })).toBe(401)
  expect(await status({ authorization: 'Basic a-token' })).toBe(401)
  expect(await status({ authorization: 'Bearer a-token' })).toBe(200)
})

test('a token that is set holds outside strict mode as well, and none opens nothing when it is empty', () => {
  process.env.RLAIF_REWARD_TOKEN = 'x'
  expect(tokenOf('RLAIF_REWARD_TOKEN', 'test')).toBe('x')
  expect(hasToken({ headers: {} } as never, 'x', '')).toBe(false)
  expect(hasToken({ headers: { authorization: 'Bearer x' } } as never, 'x', 'y')).toBe(true)
})
