// What Temporal stores when RLAIF_PAYLOAD_KEYS is set: read from the server as anybody with its database would, and by
// the codec server.
import { randomBytes } from 'node:crypto'
import { request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from '@temporalio/client'
import { defaultPayloadConverter, type Payload } from '@temporalio/common'
import { temporal } from '@temporalio/proto'
import { startCodecServer } from '../../src/cli/codec-server'
import { snapshot } from '../../src/cli/progress'
import { openAgents } from '../../src/http-agents'
import { encryptingCodec, encryptingConverter, parsePayloadKeys } from '../../src/workers/payload-encryption'
import { openSite, until, type Site } from '../site'
import { writeRowsWithoutPrompt, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(180_000)

const key = () => randomBytes(32).toString('base64')
const [first, second] = [key(), key()]
const payload = (value: unknown): Payload => defaultPayloadConverter.toPayload(value)!
const plain = ({ metadata, data }: Payload) =>
  Buffer.concat([...Object.values(metadata ?? {}), data ?? Buffer.alloc(0)]).toString('latin1')

test('a payload is decoded as it was; the stored one hides its text and is never the same twice', async () => {
  const codec = encryptingCodec(parsePayloadKeys(`a:${first}`))
  const given = payload({ prompt: 'nobody-may-see' })
  const [once, twice] = await codec.encode([given, given])
  expect(plain(once!)).not.toContain('nobody')
  expect(plain(once!)).not.toBe(plain(twice!))
  expect(defaultPayloadConverter.fromPayload((await codec.decode([once!]))[0]!)).toEqual({ prompt: 'nobody-may-see' })
})

test('keys are rotated by adding the new one first: what the old one encrypted can still be read', async () => {
  const [old] = await encryptingCodec(parsePayloadKeys(`2025:${first}`)).encode([payload(1)])
  const rotated = encryptingCodec(parsePayloadKeys(`2026:${second},2025:${first}`))
  expect(defaultPayloadConverter.fromPayload((await rotated.decode([old!]))[0]!)).toBe(1)
  expect(plain((await rotated.encode([payload(1)]))[0]!)).toContain('2026')
  await expect(encryptingCodec(parsePayloadKeys(`2026:${second}`)).decode([old!])).rejects.toThrow(
    /encrypted with key "2025", which is not in RLAIF_PAYLOAD_KEYS/,
  )
  await expect(encryptingCodec(parsePayloadKeys(`2025:${second}`)).decode([old!])).rejects.toThrow(
    /of key "2025" cannot be decrypted/,
  )
})

test('every change of a stored payload is detected', async () => {
  const codec = encryptingCodec(parsePayloadKeys(`a:${first},b:${first}`))
  const [stored] = await codec.encode([payload('text')])
  for (let i = 0; i < stored!.data!.length; i++) {
    const data = Buffer.from(stored!.data!)
    data[i]! ^= 1
    await expect(codec.decode([{ ...stored!, data }])).rejects.toThrow(/cannot be decrypted/)
  }
  const renamed = { ...stored!, metadata: { ...stored!.metadata, 'encryption-key-id': Buffer.from('b') } }
  await expect(codec.decode([renamed])).rejects.toThrow(/cannot be decrypted/)
  await expect(codec.decode([{ ...stored!, data: Buffer.alloc(5) }])).rejects.toThrow(/cut short/)
})

test.each([
  ['', /entry 1 must be name:key/],
  [first, /entry 1 must be name:key/],
  [`a:${first.slice(4)}`, /key "a" has 29 bytes/],
  [`a:${first},a:${second}`, /names a key twice/],
])('unusable keys are refused by a message that contains none (%#)', (given, message) => {
  let refusal = ''
  try {
    parsePayloadKeys(given)
  } catch (error) {
    refusal = (error as Error).message
  }
  expect(refusal).toMatch(message)
  expect(refusal).not.toContain(first.slice(8, 20))
})

describe('on a real server', () => {
  let site: Site
  let reader: Client
  beforeAll(async () => {
    process.env.RLAIF_PAYLOAD_KEYS = `a:${first}`
    site = await openSite()
    site.worker('workflow', 'label', 'gpu')
    reader = new Client({ connection: site.client.connection, dataConverter: encryptingConverter()! })
  })
  afterAll(async () => {
    await site.close()
    delete process.env.RLAIF_PAYLOAD_KEYS
  })

  test('inputs, results, failures, memos and summaries are stored encrypted; who has the key reads them', async () => {
    const handle = await reader.workflow.start('align', {
      taskQueue: 'rlaif',
      workflowId: 'secret',
      args: [{ model: writeTinyFolder(), data: writeRowsWithoutPrompt('nobody-may-see.jsonl') }],
    })
    const parked = await until(async () => (await snapshot(handle)).stages.find(({ state }) => state === 'parked'))
    expect(parked.message).toMatch(/nobody-may-see/)
    expect(JSON.stringify((await handle.describe()).memo)).toContain('resetPoints')
    await handle.executeUpdate('resolveFailure', { args: [{ action: 'abort' }] })
    await expect(handle.result()).rejects.toMatchObject({
      cause: { cause: { message: expect.stringMatching(/nobody-may-see/) } },
    })

    const stored = Buffer.from(
      temporal.api.history.v1.History.encode(await site.client.workflow.getHandle('secret').fetchHistory()).finish(),
    ).toString('latin1')
    expect(stored).toContain('binary/encrypted')
    for (const word of ['nobody-may-see', 'quickstart', 'promptTokens', 'is parked', 'ENOENT'])
      expect([word, stored.includes(word)]).toEqual([word, false])
  })
})

describe('the codec server', () => {
  let server: Server
  let port: number
  beforeAll(async () => {
    process.env.RLAIF_PAYLOAD_KEYS = `a:${first}`
    server = await startCodecServer({ port: 0, ui: 'http://127.0.0.1:8233/namespaces' })
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => {
    server.close()
    delete process.env.RLAIF_PAYLOAD_KEYS
  })

  const agent = openAgents()['http:'] // the server may close before it has read all
  const ask = (path: string, body: string, headers: object = {}, method = 'POST') =>
    new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((done, fail) => {
      const sent = request(
        {
          port,
          host: '127.0.0.1',
          path,
          method,
          agent,
          headers: { origin: 'http://127.0.0.1:8233', 'content-type': 'application/json', ...headers },
        },
        (response) => {
          let text = ''
          response.on('data', (chunk) => (text += String(chunk)))
          response.on('end', () => done({ status: response.statusCode!, text, headers: response.headers }))
        },
      )
      sent.on('error', fail)
      sent.end(body)
    })
  const asJson = (payloads: Payload[]) =>
    JSON.stringify({
      payloads: payloads.map(({ metadata, data }) => ({
        metadata: Object.fromEntries(
          Object.entries(metadata!).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
        ),
        data: Buffer.from(data!).toString('base64'),
      })),
    })

  test('it decodes payloads for the UI', async () => {
    const stored = await encryptingCodec(parsePayloadKeys(`a:${first}`)).encode([payload({ task: 'harmless' })])
    const { status, text, headers } = await ask('/decode', asJson(stored), { 'x-namespace': 'default' })
    expect([status, headers['access-control-allow-origin']]).toEqual([200, 'http://127.0.0.1:8233'])
    const [made] = (JSON.parse(text) as { payloads: { data: string }[] }).payloads
    expect(JSON.parse(Buffer.from(made!.data, 'base64').toString())).toEqual({ task: 'harmless' })
    expect((await ask('/decode', '', {}, 'OPTIONS')).status).toBe(204)
  })

  test.each([
    ['a request from another origin', '/decode', '{"payloads": []}', { origin: 'https://evil.example' }, 403],
    ['a request without an origin', '/decode', '{"payloads": []}', { origin: '' }, 403],
    ['a request to another host name (DNS rebinding)', '/decode', '{"payloads": []}', { host: 'evil.example' }, 403],
    ['a request to another path', '/keys', '{}', {}, 404],
    ['a body that is not JSON', '/decode', 'payloads', {}, 400],
    ['data that is not base64', '/decode', '{"payloads": [{"metadata": {"encoding": "§"}}]}', {}, 400],
    ['a body that is too large', '/decode', 'x'.repeat(17 * 1024 * 1024), {}, 400],
  ])('%s is refused', async (_, path, body, headers, status) => {
    expect((await ask(path, body, headers).catch(() => ({ status }))).status).toBe(status)
  })
})
