// Hostile files, made from small valid ones: damaged bytes, and what an attacker who knows the format would write.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { diceOf } from './dice.mjs'

/** Input i is of kind i modulo their number. */
export const KINDS = ['tokenizer', 'template', 'gzip', 'parquet']

/**
 * @returns the files to write, by name, and what to read: `data`, the name of a dataset, or `texts` for the tokenizer
 */
export function fileInput(seed, index) {
  return MAKERS[KINDS[index % KINDS.length]](diceOf(seed, index))
}

const MAKERS = { tokenizer, template, gzip, parquet }

// ---- Bytes

/** What attackers and failing disks do: flipped bytes, extreme numbers, cuts, repeated and foreign pieces. */
function damaged(valid, { below, pick }) {
  let bytes = Buffer.from(valid)
  for (let changes = 1 + below(4); changes > 0 && bytes.length > 8; changes--) {
    const place = below(bytes.length)
    bytes = pick([
      () => (bytes.writeUInt8(below(256), place), bytes),
      () => bytes.fill(pick([0, 0xff, 0x7f, 0x80]), place, Math.min(bytes.length, place + 1 + below(8))),
      () => bytes.subarray(0, place),
      () => Buffer.concat([bytes.subarray(0, place), bytes.subarray(below(bytes.length)), bytes.subarray(place)]),
      () => Buffer.concat([bytes.subarray(0, place), Buffer.from(pick(FOREIGN)), bytes.subarray(place)]),
      () => Buffer.concat([bytes.subarray(0, place), varint(pick(EXTREME)), bytes.subarray(place + 1 + below(3))]),
    ])()
  }
  return bytes
}

const FOREIGN = ['"}]', '1e999', '-1', '[[[[', '{"__proto__":{"x":1}}', '\\u0000', '99999999999999999999', 'null']
const EXTREME = [2n ** 63n, 2n ** 40n, 2n ** 32n - 1n, 2n ** 31n, 2n ** 28n, 0n]

/** As Parquet and Protocol Buffers write integers. */
function varint(value) {
  const bytes = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)])
    bytes.push(Number(rest & 127n) | 128)
  }
}

// ---- Tokenizers

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const letters = [...'abcdefghijklmnopqrstuvwxyz.,!?ĠĊ0123456789<|>ABCDEFGHIJKLMNOPQRSTUVWXYZ']
const vocabulary = Object.fromEntries([...letters, 'th', 'the', 'Ġthe', 'aa', 'aaaa'].map((token, id) => [token, id]))
const validTokenizer = () => ({
  version: '1.0',
  added_tokens: [
    { id: 90, content: '<|im_start|>', special: true },
    { id: 91, content: '<|im_end|>', special: true },
  ],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: {
    type: 'BPE',
    vocab: vocabulary,
    merges: [
      ['t', 'h'],
      ['th', 'e'],
      ['Ġ', 'the'],
      ['a', 'a'],
      ['aa', 'aa'],
    ],
  },
})
const config = (template) => JSON.stringify({ eos_token: '<|im_end|>', chat_template: template })
const CHATML =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n'}}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

const SLOW_PATTERNS = [
  '(a+)+$',
  '(a|aa)+$',
  '(\\w+\\s?)*$',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '(.*)*x',
  '(?:a*)*b',
  '(a|b|ab)*c',
  '\\s+$|(\\d+)+!',
  '(?=(a+)+$)',
  '((((a*)*)*)*)*$',
]
const CONTENTS = ['x', 'x'.repeat(16), 'x'.repeat(100_000), '$`', "$'$&", '', ' ', '▁']

function tokenizer(dice) {
  const { below, pick } = dice
  const raw = validTokenizer()
  const pattern = () =>
    pick([{ Regex: pick(SLOW_PATTERNS) }, { Regex: 'a{1,1000}'.repeat(1 + below(5)) }, { String: 'a' }])
  const replace = () => ({ type: 'Replace', pattern: pattern(), content: pick(CONTENTS) })
  const split = () => ({
    type: 'Split',
    pattern: pattern(),
    behavior: pick(['Isolated', 'Removed', 'MergedWithNext']),
    invert: below(2) === 0,
  })
  const sequence = (key, part, one) => ({ type: 'Sequence', [key]: Array.from({ length: 1 + below(part) }, one) })
  const nested = (depth) => (depth === 0 ? replace() : { type: 'Sequence', normalizers: [nested(depth - 1)] })
  pick([
    () => (raw.normalizer = replace()),
    () => (raw.normalizer = sequence('normalizers', pick([3, 30, 3000]), replace)),
    () => (raw.normalizer = nested(pick([2, 20, 2000]))),
    () => (raw.pre_tokenizer = split()),
    () => (raw.pre_tokenizer = sequence('pretokenizers', pick([3, 30]), split)),
    () => (raw.decoder = sequence('decoders', 3, replace)),
    () => (raw.decoder = { type: pick(['WordPiece', 'Metaspace', 'CTC', 'Fuse', 'Strip', 'nothing']) }),
    () => (raw.model = { type: 'WordPiece', vocab: vocabulary, max_input_chars_per_word: 1e9, unk_token: 'a' }),
    () => (raw.model = { type: 'Unigram', unk_id: 0, vocab: letters.map((token) => [token, -1]) }),
    () => (raw.model = { type: 'Unigram', unk_id: below(1000), vocab: [['a'.repeat(50_000), NaN]] }),
    () => (raw.model.merges = Array.from({ length: 1000 }, () => [pick(letters), pick(letters)])),
    () =>
      (raw.added_tokens = Array.from({ length: pick([10, 5_000, 50_000]) }, (_, i) => ({
        id: 100 + i,
        content: `${'a'.repeat(i % 50)}${i}`,
        special: true,
      }))),
    () => (raw.model.vocab = { ...vocabulary, huge: pick([2 ** 31, 1e15, -1, 1.5]) }),
    () => (raw.pre_tokenizer = { type: pick(['Whitespace', 'Punctuation', 'Digits', 'nothing']) }),
  ])()
  const json = JSON.stringify(raw)
  const text = pick([
    'a'.repeat(40) + '!',
    'a'.repeat(20_000) + '!',
    'the cat '.repeat(2_000),
    '1'.repeat(5_000),
    '😀'.repeat(3_000),
  ])
  const tokenizerJson = below(3) === 0 ? damaged(json, dice) : json
  return { files: { 'tokenizer.json': tokenizerJson, 'tokenizer_config.json': config(CHATML) }, texts: ['Hello', text] }
}

// ---- Templates

const NUMBERS = ['3', '100', '99999', '3000000', '10 ** 9', '-1', '2 ** 53']
const PIECES = [
  (d) => `{% for i in range(${d.pick(NUMBERS)}) %}${piece(d)}{% endfor %}`,
  (d) => `{% for i in range(1000) %}{% for j in range(1000) %}${piece(d)}{% endfor %}{% endfor %}`,
  () =>
    '{% set ns = namespace(x="aaaaaaaa") %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}',
  () =>
    '{% set ns = namespace(x=[1, 2]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | length }}',
  () =>
    '{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}',
  () => '{% macro m(x) %}{{ m(x + 1) }}{% endmacro %}{{ m(1) }}',
  () => '{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}',
  (d) => `{{ ("a" * ${d.pick(NUMBERS)}) }}`,
  (d) => `{{ (messages | tojson(indent=${d.pick(NUMBERS)})) }}`,
  (d) => `{{ ("a\\n" ~ messages[0].content) | indent(${d.pick(NUMBERS)}) }}`,
  (d) => `{{ messages[0].content | replace("${d.pick(['', 'a', ' '])}", messages[0].content) }}`,
  (d) => `{{ range(${d.pick(NUMBERS)}) | list | join(messages[0].content) }}`,
  () => '{{ messages[0].content.split("a") | reverse | sort | map("upper") | join(",") }}',
  (d) => '('.repeat(d.pick([10, 1000, 50_000])),
  (d) => `{{ ${'('.repeat(d.pick([10, 1000, 20_000]))}1${')'.repeat(d.pick([10, 1000, 20_000]))} }}`,
  (d) => `{{ ${'['.repeat(d.pick([10, 1000, 20_000]))} }}`,
  (d) => `{% if true %}`.repeat(d.pick([10, 1000, 20_000])),
  (d) => `{% set x = "${'a'.repeat(d.pick([10, 100_000, 2_000_000]))}" %}{{ x ~ x ~ x }}`,
  () => '{% for m in messages %}{% for n in messages %}{{ m.content ~ n.content }}{% endfor %}{% endfor %}',
  () => '{{ raise_exception("no") }}',
  () => '{{ strftime_now("%Y".replace("%Y", "%Y%Y%Y%Y")) }}',
  () => '{{ messages.x.y.z }}{{ 1 / 0 }}{{ none.x }}',
]
const piece = (dice) => (dice.below(3) === 0 ? dice.pick(PIECES)(dice) : 'x')

function template(dice) {
  const { below, pick } = dice
  const hostile = Array.from({ length: 1 + below(3) }, () => pick(PIECES)(dice)).join('')
  const source = below(3) === 0 ? damaged(CHATML, dice).toString('utf8') : below(2) === 0 ? hostile : hostile + CHATML
  const files = { 'tokenizer.json': JSON.stringify(validTokenizer()), 'tokenizer_config.json': config(source) }
  return { files, texts: ['Hello', pick(['a '.repeat(5_000), 'a\n'.repeat(10_000)])] }
}

// ---- Datasets

const ROW = JSON.stringify({ prompt: 'Hello', reference: 'hi', responses: ['a', 'b'], preferred: 1 })
const BOMBS = [
  () => Buffer.alloc(800_000_000),
  () => Buffer.alloc(200_000_000, ' '),
  () => Buffer.alloc(200_000_000, '\n'),
  () => Buffer.alloc(100_000_000, '['),
  () => Buffer.alloc(60_000_000, '[[],[],'),
  () => Buffer.from(`[${'[],'.repeat(10_000_000)}[]]`),
  () => Buffer.from(`${ROW}\n`.repeat(500_000)),
  () => Buffer.from(`[${`${ROW},`.repeat(300_000)}${ROW}]`),
  () => Buffer.from(`{"prompt": "${'a'.repeat(90_000_000)}"}`),
]
const bombs = new Map()
/** Packed once: the unpacked ones are large. */
function bomb(number) {
  if (!bombs.has(number)) bombs.set(number, gzipSync(BOMBS[number](), { level: 9 }))
  return bombs.get(number)
}
const DEEP = (depth) => `{"prompt": ${'['.repeat(depth)}1${']'.repeat(depth)}}\n${ROW}`

function gzip(dice) {
  const { below, pick } = dice
  const rows = () => Array.from({ length: 1 + below(20) }, (_, i) => ROW.replace('Hello', `Hello ${i}`))
  const bytes = pick([
    () => damaged(gzipSync(rows().join('\n')), dice),
    () => damaged(gzipSync(`[${rows().join(',')}]`), dice),
    () => gzipSync(damaged(rows().join('\n'), dice)),
    () => gzipSync(damaged(`[${rows().join(',')}]`, dice)),
    () => gzipSync(DEEP(pick([10, 1_000, 1_000_000]))),
    () => Buffer.concat(Array.from({ length: 1 + below(50) }, () => gzipSync(`${rows().join('\n')}\n`))),
    // one in some twenty: each costs seconds
    () => (below(4) === 0 ? bomb(below(BOMBS.length)) : damaged(gzipSync(rows().join('\n')), dice)),
  ])()
  return { files: { 'rows.jsonl.gz': bytes }, data: 'rows.jsonl.gz' }
}

const rowsParquet = readFileSync(new URL('../test/reference/rows.parquet', import.meta.url))

function parquet(dice) {
  return { files: { 'rows.parquet': damaged(rowsParquet, dice) }, data: 'rows.parquet' }
}
