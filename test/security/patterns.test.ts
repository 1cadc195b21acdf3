// Texts that make a pattern compare every place with every other: half a megabyte takes a moment, and results are those
// of the patterns as they were.
import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { familiesOf } from '../../src/evaluation/model-family'
import { stripTrailingJunk } from '../../src/feedback/direct-score'
import { saysTooLong } from '../../src/feedback/context-length'
import { parseReply } from '../../src/feedback/reply-json'
import { specialTokens } from '../../src/feedback/special-tokens'
import { parseTranscript } from '../../src/data/row'
import { uniformStream } from '../../src/random'

const LIMIT_MS = 2_000
const N = 500_000

function elapsed(work: () => unknown): number {
  const started = Date.now()
  work()
  return Date.now() - started
}

test.each<[string, () => unknown]>([
  ['a response of full stops', () => stripTrailingJunk(`${'.'.repeat(N)}x`)],
  ['a response of spaces and full stops', () => stripTrailingJunk(`${' .'.repeat(N)}x${' .'.repeat(N)}`)],
  ['a response of spaces', () => stripTrailingJunk(`a${' '.repeat(N)}b`)],
  ['a complaint that exceeds and exceeds', () => saysTooLong('exceeds '.repeat(N))],
  ['a complaint of lines', () => saysTooLong('exceeds\n \r\u2028'.repeat(N))],
  ['a reply of escaped quotes', () => parseReply('{\\"\\'.repeat(N))],
  ['a reply of minus signs', () => parseReply('-Infinity '.repeat(N))],
  ['a model named by versions', () => familiesOf('@'.repeat(N) + '/')],
  ['a model named by quantizations', () => familiesOf('_q8'.repeat(N) + '-q1')],
  ['a response of special tokens', () => specialTokens().strip(`${'<|'.repeat(N)} ${'</s> '.repeat(5_000)}`)],
  ['a transcript of line breaks', () => parseTranscript('\n\n'.repeat(N) + '\n\nHuman: '.repeat(10_000))],
])('%s holds nobody up', (_, work) => {
  expect(elapsed(work)).toBeLessThan(LIMIT_MS)
})

/** Short texts of the characters that matter to a pattern. */
function texts(pieces: readonly string[], count = 20_000): string[] {
  const random = uniformStream(['patterns', pieces.join()])
  const below = (n: number) => Math.floor(n * random())
  return Array.from({ length: count }, () =>
    Array.from({ length: below(12) }, () => pieces[below(pieces.length)]).join(''),
  )
}

test('trailing full stops and spaces are stripped as by the pattern before', () => {
  for (const text of texts(['.', ' ', '\n', 'a', '\u00a0', '..', '?', '\ufeff']))
    expect(stripTrailingJunk(text)).toBe(text.trimEnd().replace(/(?:\s*\.){2,}$/, '.'))
})

test('complaints about long requests are recognized as by the pattern before', () => {
  const before = /context[_ ](length|window|size)|maximum context|too (long|many tokens)|exceeds? .*(context|tokens)/i
  for (const text of texts([
    'exceed',
    's',
    ' ',
    'the ',
    'context',
    'TOKENS',
    '\n',
    '\r',
    '\u2028',
    'tokens',
    'Exceeds ',
  ]))
    expect([text, saysTooLong(text)]).toEqual([text, before.test(text)])
})

test('replies are read as by the pattern before', () => {
  const before = /"(?:[^"\\]|\\.)*"|-Infinity\b/g
  const read = (text: string) => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      return undefined
    }
  }
  for (const text of texts(['{"a":', '"', '\\', '-Infinity', ',', '}', '[', ']', '1', '"b"', 'null', '\n']))
    expect(parseReply(text)).toEqual(
      read(text) ?? read(text.replace(before, (part) => (part === '-Infinity' ? '-1e999' : part))),
    )
})

test('the last slashes of an address are dropped as by the pattern before', () => {
  for (const text of texts(['/', 'a', '//', ':', '.']))
    expect(text.replace(/(?<!\/)\/+$/, '')).toBe(text.replace(/\/+$/, ''))
})

test('lint refuses a pattern whose time grows faster than the text', () => {
  const slow = ['/(?:\\s*\\.){2,}$/', '/exceeds? .*(context|tokens)/', '/(a+)+$/', '/"(?:[^"\\\\]|\\\\.)*"/', '/\\/+$/']
  const fine = ['/^\\d+$/', '/(?<!\\/)\\/+$/', '/^\\s*[\\w-]+/']
  const lines = [...slow, ...fine].map((pattern, i) => `export const planted${i} = ${pattern}`)
  const root = resolve(__dirname, '..', '..')
  const asked = [{ file: join(root, 'src', 'mean.ts'), lines }]
  const refused = execFileSync(process.execPath, [join(root, 'test', 'lint-lines.mjs'), 'no-vulnerable'], {
    cwd: root,
    input: JSON.stringify(asked),
    encoding: 'utf8',
  })
  expect(JSON.parse(refused)).toEqual([lines.slice(0, slow.length)])
}, 120_000)
