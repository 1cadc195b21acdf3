// Secrets of the environment in texts that leave the process: whatever form an endpoint, a library or a file gives them.
import { openRedactor, redactAll } from '../../src/secrets'

const KEY = 'sk-proj-AbC123+/xyzQWERTYuiop987'
const HOOK = 'https://hooks.slack.com/services/T0001AAAA/B00022222/XyZ123456789'
const redact = openRedactor({
  LABELER_KEY: KEY,
  SLACK_WEBHOOK_URL: HOOK,
  DATABASE_URL: 'postgres://bob:hunter2hunter@db.example/x',
  MYSQL_PWD: 'staple horse\nbattery',
  ODD_NAME: 'listed-by-the-operator',
  RLAIF_ENDPOINTS: 'http://10.0.0.5:8000=ODD_NAME+OTHER',
  SSL_KEY_FILE: '/etc/ssl/private/key.pem',
  VLLM_API_KEY: 'EMPTY',
})
const each = (form: (code: number) => string) => [...KEY].map((letter) => form(letter.charCodeAt(0))).join('')
const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0')
const base64 = (text: string) => Buffer.from(text).toString('base64')

test.each([
  ['as it is', KEY],
  ['in upper case', KEY.toUpperCase()],
  ['its first half, cut', `Bearer ${KEY.slice(0, 16)}…`],
  ['its last half', KEY.slice(16)],
  ['percent-encoded', encodeURIComponent(KEY)],
  ['percent-encoded, each letter', each((code) => `%${hex(code, 2)}`)],
  ['percent-encoded twice', each((code) => `%25${hex(code, 2)}`)],
  ['as JSON escapes', each((code) => `\\u${hex(code, 4)}`)],
  ['as JSON escapes within JSON', JSON.stringify({ e: each((code) => `\\u${hex(code, 4)}`) })],
  ['as HTML', each((code) => `&#${code};`)],
  ['in base64', base64(KEY)],
  ['in base64 as a:key', base64(`a:${KEY}`)],
  ['in base64 after one byte more', base64(`ab:${KEY}:x`)],
  ['in base64 after two bytes more', base64(`abc:${KEY}`)],
  ['in base64url', Buffer.from(`u:${KEY}`).toString('base64url')],
  ['in hexadecimal', Buffer.from(KEY).toString('hex')],
])("the endpoint's key %s leaves no part of eight characters", (_, text) => {
  const left = redact(`HTTP 401 the key ${text} is wrong`)
  expect(left).toMatch(/^HTTP 401 the key .*is wrong$/)
  expect(left).toContain('***')
  for (let i = 0; i + 8 <= text.length; i++) expect(left).not.toContain(text.slice(i, i + 8))
})

test('a masked echo keeps neither end of the key', () => {
  expect(redact('Incorrect API key provided: sk-pro******p987. See the site.')).toBe(
    'Incorrect API key provided: ***. See the site.',
  )
  expect(redact('key sk-proj...p987')).toBe('key ***')
  expect(redact('and so on... **bold** ---- end')).toBe('and so on... **bold** ---- end')
})

test.each([
  [`cannot connect to ${HOOK}`, 'cannot connect to https://hooks.slack.com/services/***/***/***'],
  ['password hunter2hunter of bob', 'password *** of bob'],
  ['"staple horse\\nbattery"', '"***"'],
  ['it is listed-by-the-operator', 'it is ***'],
  ['Authorization: Bearer 0123456789abcdef', 'Authorization: ***'],
  ['theirs is ghp_0123456789abcdefghij01', 'theirs is ***'],
])('%s', (text, left) => {
  expect(redact(text)).toBe(left)
})

test('what is no secret stays: places, words that local servers take as key, digests, model names', () => {
  for (const text of [
    'cannot read /etc/ssl/private/key.pem: ENOENT',
    'the key EMPTY',
    'https://hooks.slack.com/services',
    'Qwen/Qwen2.5-7B-Instruct-GGUF at 127.0.0.1:8000',
    'manifest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  ])
    expect(redact(text)).toBe(text)
})

test('every text of a value is redacted, and long hostile texts take no longer than they are long', () => {
  expect(redactAll({ a: [KEY, 1, null, { b: `x${KEY}` }] }, redact)).toEqual({ a: ['***', 1, null, { b: 'x***' }] })
  const started = Date.now()
  for (const piece of ['%41\\u0041', 'eyJeyJ', 'eyJa.', 'Bearer ', '*', '....', 'sk-', '\\\\', KEY])
    redact(piece.repeat(1_000_000 / piece.length))
  expect(Date.now() - started).toBeLessThan(20_000)
})
