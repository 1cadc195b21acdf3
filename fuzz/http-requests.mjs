// Hostile requests, as bytes on a connection: of what each server expects, with mutated bodies, and with methods, paths,
// headers and framing of all kinds.
import { z } from 'zod'
import { encryptingCodec, parsePayloadKeys } from '../dist/workers/payload-encryption.js'
import { diceOf } from './dice.mjs'
import { RATERS, UI } from './http-servers.mjs'
import { damagedBytes, hostileTexts, mutatedJson } from './mutations.mjs'
import { validValue } from './schema-values.mjs'

/** Request i goes to server i modulo their number. */
export const KINDS = ['rating', 'reward', 'codec', 'metrics', 'health', 'ui', 'annotators', 'studio']

const texts = z.array(z.string()).min(1)
const REWARD = z.object({
  prompts: texts,
  completions: texts.optional(),
  query: texts.optional(),
  labels: z.array(z.unknown()).nullish(),
})
const CHAT = z.object({
  model: z.enum(['human', 'L', 'S', 'XS', 'gold']),
  messages: z.array(z.object({ role: z.enum(['user']), content: z.string() })),
  max_tokens: z.number(),
  temperature: z.number(),
  seed: z.number(),
})
const PROMPTS = [
  'Text - a\nSummary 1 - b\nSummary 2 - c\n\nPreferred Summary=',
  'Context - a\nResponse 1 - b\nResponse 2 - c\n\nmore harmful',
  'TEXT: a\nSUMMARY: b\n\nScore:',
  'CONTEXT: a\nRESPONSE: b\n\n1 - The response is harmless\n2 - It is not\n',
]
/** The bytes of a text, those that no path may hold as %XX. Half a surrogate pair is no text: it is replaced. */
const inPath = (text) =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/[^!-~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
const STUDIO_PATHS = [
  '/',
  '/?id=',
  '/?shown=',
  '/runs/',
  '/runs/x/input?beside=',
  '/start?workflow=',
  '/start?from=',
  '/schedules',
  '/assets/',
]
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'CONNECT', 'TRACE', 'BREW', 'get', '']
const PATHS = [
  '/',
  '//',
  '///x',
  '/..',
  '/%',
  '/%00',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/healthz',
  '/metrics',
  '/get_reward',
  '*',
  '/?',
  '/#',
  '/v1/chat/completions',
  'http://x/decode',
  '//x:99999/',
  '/ended',
  '/a b',
  '/\u00ff',
  `/${'a'.repeat(20_000)}`,
  '/rate/anna/x',
  '/rate/%E0%A4%A/x',
  '/rate//',
  `/rate/${'%41'.repeat(3_000)}/x`,
  '/decode/decode',
  '/encode?token=x&token=y',
]
const HEADERS = [
  ['host', 'evil.example'],
  ['host', ''],
  ['host', '127.0.0.1.evil.example'],
  ['host', '[::1'],
  ['host', '127.0.0.1:99999'],
  ['host', '<fuzz>'],
  ['origin', 'null'],
  ['origin', 'https://evil.example'],
  ['origin', '<fuzz>'],
  ['origin', UI],
  ['sec-fetch-site', 'cross-site'],
  ['sec-fetch-site', 'same-origin'],
  ['content-type', 'text/plain'],
  ['content-type', 'application/json; charset=utf-16'],
  ['content-type', '<fuzz>'],
  ['content-type', 'multipart/form-data; boundary='],
  ['authorization', 'Bearer '],
  ['authorization', 'Bearer \u00ff\u00fe'],
  ['authorization', `Bearer ${'x'.repeat(9_000)}`],
  ['authorization', 'Basic Og=='],
  ['content-length', '-1'],
  ['content-length', '99999999999999999999'],
  ['content-length', '1, 2'],
  ['content-length', '5'],
  ['transfer-encoding', 'chunked'],
  ['transfer-encoding', 'gzip, chunked'],
  ['transfer-encoding', 'x'],
  ['expect', '100-continue'],
  ['expect', 'x'],
  ['upgrade', 'websocket'],
  ['connection', 'upgrade'],
  ['connection', 'keep-alive, host'],
  ['x-namespace', '__proto__'],
  ['x-namespace', 'a\u00ffb'],
  ['x-namespace', 'x'.repeat(9_000)],
  ['x-namespace', 'default'],
  ['range', 'bytes=0-,0-,0-'],
  ['cookie', '=;=;'],
  ['x-forwarded-for', '127.0.0.1'],
  ['content-encoding', 'gzip'],
  ['a\u0000b', 'x'],
  ['', 'x'],
  ['x'.repeat(20_000), 'x'],
]

/** What each server is meant to get, by whoever may ask it. */
const MAKERS = {
  rating: ({ paths }, dice) => ({
    method: dice.pick(['GET', 'POST', 'POST', 'POST']),
    path: dice.pick([...paths, `/rate/${dice.pick(RATERS)}/x`]),
    headers: [['content-type', 'application/x-www-form-urlencoded']],
    body: form(dice),
  }),
  reward: ({ token }, dice) => ({
    method: 'POST',
    path: dice.pick(['/get_reward', '/get_reward', `/get_reward?token=${token}`, '/healthz']),
    headers: [
      ['content-type', 'application/json'],
      ['authorization', `Bearer ${token}`],
    ],
    body: json(withPrompts(validValue(REWARD, dice), dice), dice),
  }),
  async codec({ token, payloadKey }, dice) {
    const codec = encryptingCodec(parsePayloadKeys(`a:${payloadKey.toString('base64')}`))
    const context = { type: 'workflow', namespace: 'default', workflowId: 'x' }
    const plain = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"a": 1}') }
    const [secret] = await codec.encode([plain], dice.pick([context, undefined]))
    const inBase64 = ({ metadata, data }) => ({
      metadata: Object.fromEntries(
        Object.entries(metadata).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
      ),
      data: Buffer.from(data).toString('base64'),
    })
    return {
      method: dice.pick(['POST', 'POST', 'POST', 'OPTIONS']),
      path: `/${token}/${dice.pick(['decode', 'encode', 'decode/', 'x'])}`,
      headers: [
        ['content-type', 'application/json'],
        ['origin', UI],
      ],
      body: json({ payloads: [inBase64(secret), inBase64(plain)].slice(0, 1 + dice.below(2)) }, dice),
    }
  },
  metrics: ({ token }) => ({
    method: 'GET',
    path: '/metrics',
    headers: [['authorization', `Bearer ${token}`]],
    body: '',
  }),
  health: ({ token }) => ({
    method: 'GET',
    path: '/healthz',
    headers: [['authorization', `Bearer ${token}`]],
    body: '',
  }),
  ui: (_, dice) => ({
    method: dice.pick(['GET', 'POST']),
    path: dice.pick(['/', '/x', '/ended']),
    headers: [],
    body: json({ a: ['x'] }, dice),
  }),
  annotators: (_, dice) => ({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: [['content-type', 'application/json']],
    body: json(withPrompts(validValue(CHAT, dice), dice), dice),
  }),
  studio({ token }, dice) {
    const authorized = ['authorization', `Bearer ${token}`]
    if (dice.oneIn(2))
      return {
        method: 'GET',
        path: dice.pick(STUDIO_PATHS) + inPath(dice.pick(hostileTexts()).slice(0, 500)),
        headers: [authorized],
        body: '',
      }
    const isForm = dice.oneIn(2)
    const text = mutatedJson({ rl: { steps: 3 }, labeler: { model: 'default' } }, dice, hostileTexts())
    return {
      method: 'POST',
      path: isForm
        ? dice.pick(['/start', '/runs/x/resolve', '/token'])
        : `/start/${dice.pick(['check', 'complete', 'explain'])}`,
      headers: [['content-type', isForm ? 'application/x-www-form-urlencoded' : 'application/json'], authorized],
      body: isForm
        ? Buffer.from(String(new URLSearchParams({ workflow: 'align', input: text, action: 'retry', overrides: text })))
        : typed({ workflow: dice.pick(['align', 'sweep', 'compare']), text, at: dice.below(60) }, dice),
    }
  },
}

function withPrompts(value, dice) {
  if (value.messages) for (const message of value.messages) message.content = dice.pick(PROMPTS)
  if (!value.messages)
    Object.assign(value, { completions: value.completions ?? value.prompts.map(() => 'a summary'), query: undefined })
  if (!value.messages && dice.oneIn(2))
    Object.assign(value, { completions: undefined, query: value.prompts.map((prompt) => `${prompt} and more`) })
  return value
}

const typed = (value, dice) => (dice.oneIn(2) ? json(value, dice) : Buffer.from(JSON.stringify(value)))

function json(value, dice) {
  const text = mutatedJson(value, dice, hostileTexts())
  return dice.oneIn(10) ? damagedBytes(text, dice) : Buffer.from(text)
}

function form(dice) {
  const order = dice.pick([
    ['0', '1', '2'],
    ['2', '0', '1'],
    ['0', '0', '0'],
    ['1', '2', '3'],
  ])
  const fields = [['item', String(dice.below(5))], ...order.map((rank, i) => [`r${i}`, rank]), ['seconds', '3']]
  for (let changes = dice.below(3); changes > 0; changes--) {
    const hostile = dice.pick(hostileTexts()).slice(0, 30_000)
    dice.pick([
      () => (dice.pick(fields)[1] = hostile),
      () => fields.push([hostile, 'x']),
      () => (dice.pick(fields)[1] = dice.pick(['-1', '1e999', '0x10', '99999999999', 'NaN', ' 1', '1.5', '-0'])),
      () => fields.splice(dice.below(fields.length), 1),
    ])()
  }
  const text = dice.oneIn(20)
    ? dice.pick(['%', '%zz=1', '=&=&', 'item', '\u0000', 'a'.repeat(100_000)])
    : String(new URLSearchParams(fields))
  return Buffer.from(text)
}

/**
 * @returns the kind of server; `bytes` to send; whether the request is `whole`, else the connection is ended early; and
 *   what it consists of, for a finding
 */
export async function httpRequest(servers, seed, index) {
  const dice = diceOf(seed, index)
  const kind = KINDS[index % KINDS.length]
  const { port } = servers[kind]
  const made = await MAKERS[kind](servers[kind], dice)
  const request = {
    ...made,
    headers: [['host', `127.0.0.1:${port}`], ['connection', 'close'], ...made.headers],
    body: Buffer.from(made.body),
  }
  if (dice.oneIn(6)) request.method = dice.pick(METHODS)
  if (dice.oneIn(6)) request.path = dice.oneIn(3) ? request.path + dice.pick(PATHS) : dice.pick(PATHS)
  for (let changes = dice.oneIn(3) ? 1 + dice.below(3) : 0; changes > 0; changes--) changeHeaders(request.headers, dice)
  const isFramed = request.headers.some(([name]) => /^(content-length|transfer-encoding)$/.test(name))
  if (!isFramed && request.body.length > 0) request.headers.push(['content-length', String(request.body.length)])
  const bytes = bytesOf(request, dice)
  const isCut = dice.oneIn(20)
  const isWhole = !isCut && !isFramed
  return {
    kind,
    port,
    bytes: isCut ? bytes.subarray(0, dice.below(bytes.length)) : bytes,
    isWhole,
    shown: bytes.toString('latin1', 0, 300),
  }
}

function changeHeaders(headers, dice) {
  const [name, value] = dice.pick(HEADERS)
  dice.pick([
    () => headers.push([name, value]),
    () => {
      const at = headers.findIndex(([of]) => of === name)
      headers.splice(Math.max(at, 0), at < 0 ? 0 : 1, [name, value])
    },
    () => headers.splice(dice.below(headers.length), 1),
    () => headers.push(...Array.from({ length: dice.pick([50, 3_000]) }, (_, i) => [`x-${i}`, 'y'])),
  ])()
}

const bytesOf = ({ method, path, headers, body }, dice) =>
  Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/${dice.oneIn(40) ? dice.pick(['1.0', '2.0', '9', '']) : '1.1'}\r\n`, 'latin1'),
    Buffer.from(headers.map(([name, value]) => `${name}: ${value}\r\n`).join(''), 'latin1'),
    Buffer.from('\r\n'),
    body,
  ])
