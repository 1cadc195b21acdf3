// Attacks by text on time and memory: each ends within seconds, with a message that names the file and its fault.
import { once } from 'node:events'
import fs, { cpSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import { InvalidInput, parse } from '../../src/contracts/parse'
import { dataSchema } from '../../src/contracts/settings'
import { readDataset } from '../../src/data/dataset'
import { readTask, taskFolder } from '../../src/data/task'
import { openGguf } from '../../src/model/gguf'
import { loadTokenizer } from '../../src/model/tokenizer'
import { within } from '../../src/time-limit'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(120_000)

const MOST_MS = 10_000
const MOST_BYTES = 2e9

/** The failure of an attack, which must come in time (of the processor: the machine may be busy) and without much memory. */
async function failureOf(attack: () => unknown): Promise<Error> {
  const [started, before] = [process.cpuUsage(), process.memoryUsage().rss]
  const failure = await Promise.resolve()
    .then(attack)
    .then(
      () => new Error('nothing was refused'),
      (error: Error) => error,
    )
  const { user, system } = process.cpuUsage(started) // microseconds
  expect((user + system) / 1000).toBeLessThan(MOST_MS)
  expect(process.memoryUsage().rss - before).toBeLessThan(MOST_BYTES)
  return failure
}

// ---- Models

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const vocab = Object.fromEntries([...'abcdefghijklmnopqrstuvwxyz!Ġ<|>'].map((token, id) => [token, id]))
const TOKENIZER = {
  added_tokens: [{ id: 90, content: '<|end|>', special: true }],
  normalizer: null as unknown,
  pre_tokenizer: byteLevel as unknown,
  post_processor: null,
  decoder: byteLevel,
  model: { type: 'BPE', vocab, merges: [] },
}
const CHATML = '{% for m in messages %}{{ m.content }}<|end|>{% endfor %}'

function modelFolder(changes: Partial<typeof TOKENIZER> = {}, template = CHATML): string {
  const folder = temporaryFolder()
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ ...TOKENIZER, ...changes }))
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({ eos_token: '<|end|>', chat_template: template }),
  )
  return folder
}

const replace = (Regex: string, content: string) => ({ type: 'Replace', pattern: { Regex }, content })
const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false })
const nested = (depth: number): object =>
  depth === 0 ? replace('a', 'b') : { type: 'Sequence', normalizers: [nested(depth - 1)] }

test.each<[string, Partial<typeof TOKENIZER>, RegExp]>([
  [
    'splits by a pattern of exponential time',
    { pre_tokenizer: split('(a+)+$') },
    /more than 2\.\d+ s of processor time/,
  ],
  [
    'replaces by a pattern of exponential time',
    { normalizer: replace('(a|aa)+$', 'b') },
    /more than 2\.\d+ s of processor time/,
  ],
  ['replaces a letter by a thousand', { normalizer: replace('a', 'x'.repeat(1000)) }, /16 times as long/],
  [
    'replaces letters again and again',
    { normalizer: { type: 'Sequence', normalizers: Array(20).fill(replace('a', 'aaa')) } },
    /16 times as long/,
  ],
  ['replaces by all that came before', { normalizer: replace('a', '$`') }, /replaces by a text of 2 characters/],
  ['has steps inside steps', { normalizer: nested(1000) }, /more than 1000 steps or 20 levels/],
  ['has a pattern of a megabyte', { pre_tokenizer: split('a?'.repeat(500_000)) }, /a pattern of 1000000 characters/],
  [
    'has a hundred thousand added tokens',
    { added_tokens: Array.from({ length: 100_000 }, (_, i) => ({ id: i, content: `a${i}`, special: true })) },
    /100000 added tokens/,
  ],
])('a tokenizer that %s holds no stage up', async (_, changes, fault) => {
  const folder = modelFolder(changes)
  const failure = await failureOf(() => loadTokenizer(folder).encode(`${'a'.repeat(5_000)}!`))
  expect(failure).toBeInstanceOf(InvalidInput)
  expect(failure.message).toMatch(fault)
  expect(failure.message).toContain(join(folder, 'tokenizer.json'))
})

const namespaceOf = (start: string, step: string, end: string) =>
  `{% set ns = namespace(x=${start}) %}{% for i in range(60) %}{% set ns.x = ${step} %}{% endfor %}{{ ${end} }}`

test.each([
  ['counts to three million', '{% for i in range(3000000) %}x{% endfor %}', /a range of 3000000 numbers/],
  [
    'loops in a loop',
    '{% for i in range(9999) %}{% for j in range(9999) %}{{ i }}{% endfor %}{% endfor %}',
    /more than 2000000 steps|of processor time/,
  ],
  ['doubles a text', namespaceOf('"aaaaaaaa"', 'ns.x + ns.x', 'ns.x'), /more than \d+ characters/],
  ['doubles a list', namespaceOf('[1, 2]', 'ns.x + ns.x', 'ns.x | length'), /more than \d+ characters/],
  ['nests a list', namespaceOf('[1]', '[ns.x, ns.x]', 'ns.x | tojson'), /of processor time|without end/],
  ['indents by a billion', '{{ ("a\n" ~ "b") | indent(1000000000) }}', /without end|more than \d+ characters/],
  ['calls itself', '{% macro m(x) %}{{ m(x + 1) }}{% endmacro %}{{ m(1) }}', /levels inside each other/],
  [
    'calls itself twice',
    '{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}',
    /more than 2000000 steps|of processor time/,
  ],
  ['nests parentheses', `{{ ${'('.repeat(50_000)}1${')'.repeat(50_000)} }}`, /levels inside each other/],
  ['is two megabytes long', 'x'.repeat(2_000_000), /2000000 characters, more than 1000000/],
])('a chat template that %s holds no stage up', async (_, template, fault) => {
  const folder = modelFolder({}, template)
  const failure = await failureOf(() => loadTokenizer(folder).chatIds([{ role: 'user', content: 'hi' }]))
  expect(failure).toBeInstanceOf(InvalidInput)
  expect(failure.message).toMatch(fault)
  expect(failure.message).toContain(`the chat template of ${folder}`)
})

const asleep = new Int32Array(new SharedArrayBuffer(4))
const late = (): never => {
  throw new Error('late')
}

test('a limit counts what the processor does: work that had to wait for it is begun anew, and is no fault of its file', () => {
  let tries = 0
  const waits = () => [++tries, Atomics.wait(asleep, 0, 0, 300)]
  expect(within(200, waits, late)).toEqual([2, 'timed-out'])
  const hangs = () => {
    for (;;) tries++
  }
  expect(() => within(200, hangs, late)).toThrow('late')
})

test('a limit inside another, which could end it in its place, is refused', () => {
  expect(() => within(1_000, () => within(100, () => 1, late), late)).toThrow('a time limit inside another')
  expect(within(1_000, () => 2, late)).toBe(2)
})

test('what other threads do meanwhile, such as collecting garbage, is not counted', async () => {
  const busy = [1, 2].map(() => new Worker('for (;;);', { eval: true }))
  await Promise.all(busy.map((worker) => once(worker, 'online')))
  let tries = 0
  const waits = () => [++tries, Atomics.wait(asleep, 0, 0, 300)]
  try {
    expect(within(50, waits, late)).toEqual([2, 'timed-out'])
  } finally {
    await Promise.all(busy.map((worker) => worker.terminate()))
  }
})

test.each(['0 0 0', ''])("a limit ends work where the system does not count a thread's time (%p)", (counted) => {
  const reading = jest.spyOn(fs, 'readFileSync').mockReturnValue(counted)
  try {
    const hangs = () => {
      for (;;);
    }
    expect(() => within(100, hangs, late)).toThrow('late')
  } finally {
    reading.mockRestore()
  }
})

test('a template may count as far as templates do, with steps of its own', () => {
  const rendered = (template: string) =>
    loadTokenizer(modelFolder({}, template)).renderChat([{ role: 'user', content: 'a' }])
  expect(rendered('{% for i in range(3) %}{{ i }}{% endfor %}')).toBe('012')
  expect(rendered('{% for i in range(2, 9, 3) %}{{ i }}{% endfor %}')).toBe('258')
  expect(rendered('{% for i in range(9, 2, -3) %}{{ i }}{% endfor %}')).toBe('963')
  expect(rendered('{% for i in range(0) %}{{ i }}{% else %}none{% endfor %}')).toBe('none')
  expect(rendered('{% for i in range(2000) %}{% if i != 7 %}{% continue %}{% endif %}{{ i }}{% endfor %}')).toBe('7')
  expect(rendered('{{ True and not none and False }}')).toBe('false')
})

// ---- Datasets

const ROW = JSON.stringify({ prompt: 'Hello', reference: 'hi' })
const LONG_ROW = JSON.stringify({ prompt: 'Hello', reference: 'hi '.repeat(300) })
const readRows = (file: string) =>
  readDataset(parse(dataSchema, file, 'data'), readTask(taskFolder('helpful')), {
    seed: 1,
    promptTokens: 256,
    tokensOf: () => 10,
  })
const written = (name: string, content: string | Buffer) => {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, content)
  return file
}

test.each<[string, Buffer]>([
  ['of zeros', Buffer.alloc(300_000_000)],
  ['of spaces', Buffer.alloc(300_000_000, ' ')],
  ['of empty lines', Buffer.alloc(300_000_000, '\n')],
  ['of one row again and again', Buffer.alloc(300_000_000, `${LONG_ROW}\n`)],
  ['of an array', Buffer.concat([Buffer.from('['), Buffer.alloc(300_000_000, '{},')])],
])('a gzip bomb %s ends with its limit and takes little memory', async (_, content) => {
  const file = written('rows.jsonl.gz', gzipSync(content))
  const failure = await failureOf(() => readRows(file))
  expect(failure.message).toMatch(
    /has \d+ bytes and becomes more than \d+, the most that is read from it|has more than the 67108864 characters|is not JSON|row 1: /,
  )
  expect(failure.message).toContain(file)
})

test('a gzipped file is read as a stream: memory does not grow with its rows', async () => {
  const rows = Buffer.alloc((ROW.length + 1) * 200_000, `${ROW}\n`)
  const file = written(
    'rows.jsonl.gz',
    Buffer.concat([gzipSync(Buffer.from(`${ROW.replace('Hello', 'Hi')}\n`)), gzipSync(rows)]),
  )
  const before = process.memoryUsage().rss
  const { read } = await readRows(file)
  expect(read).toBe(200_001)
  expect(process.memoryUsage().rss - before).toBeLessThan(300e6)
})

test.each([
  ['in a line', (deep: string) => `{"prompt": ${deep}}\n${ROW}`],
  ['in an array', (deep: string) => `[{"prompt": ${deep}}, ${ROW}]`],
])('JSON nested a million deep %s is refused', async (_, around) => {
  const file = written('rows.jsonl', around(`${'['.repeat(1e6)}1${']'.repeat(1e6)}`))
  const failure = await failureOf(() => readRows(file))
  expect(failure.message).toMatch(/(line|row) 1: has more than 100 objects and lists inside each other/)
})

test('the rows of an array are those of JSON.parse, and what is no array is refused', async () => {
  const rows = [
    { prompt: 'a, [b] {"c": "\\"', reference: '}]\\' },
    { prompt: 'ü😀', messages: undefined, reference: 'x' },
  ]
  const { read, train, evaluation } = await readRows(written('rows.json', ` ${JSON.stringify(rows, null, 2)}\n`))
  expect(read).toBe(2)
  expect([...train, ...evaluation].map(({ reference }) => reference).sort()).toEqual(['x', '}]\\'])
  for (const bad of [`[${ROW}`, `[${ROW},]`, `[${ROW} ${ROW}]`, `[${ROW}] x`, `[${ROW}}`, `[,${ROW}]`])
    expect((await failureOf(() => readRows(written('rows.json', bad)))).message).toMatch(/is not JSON/)
})

test('a task whose files are larger than people write is refused before it is read', async () => {
  const folder = join(temporaryFolder(), 'task')
  cpSync(taskFolder('helpful'), folder, { recursive: true })
  truncateSync(join(folder, 'task.json'), 2 ** 33) // a hole: it takes no disk
  expect((await failureOf(() => readTask(folder))).message).toMatch(/task\.json has more than the 16777216 bytes/)
})

// ---- GGUF

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer)
const u64 = (value: number | bigint) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer)
const text = (value: string) => Buffer.concat([u64(value.length), Buffer.from(value)])
/** A float32 tensor of 8 values. */
const tensor = (name: string, offset: number | bigint, size: number | bigint = 8) =>
  Buffer.concat([text(name), u32(1), u64(size), u32(0), u64(offset)])

function gguf(entries: Buffer[], tensors: Buffer[]): string {
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries,
    ...tensors,
  ])
  return written('model.gguf', Buffer.concat([head, Buffer.alloc((32 - (head.length % 32)) % 32), Buffer.alloc(64, 1)]))
}
const entry = (key: string, kind: number, value: Buffer) => Buffer.concat([text(key), u32(kind), value])
const alignment = (value: number) => entry('general.alignment', 4, u32(value))
const FAR = 2n ** 52n

test.each<[string, string, RegExp]>([
  ['an alignment of 0', gguf([alignment(0)], [tensor('a', FAR)]), /general\.alignment = 0, not a power of two from 8/],
  ['an alignment of 7', gguf([alignment(7)], [tensor('a', 0)]), /general\.alignment = 7/],
  ['an alignment of 4 GB', gguf([alignment(2 ** 31)], [tensor('a', 0)]), /general\.alignment = 2147483648/],
  ['an alignment in words', gguf([entry('general.alignment', 8, text('x'))], []), /general\.alignment = x/],
  ['two alignments', gguf([alignment(32), alignment(64)], []), /twice in its metadata/],
  ['a tensor outside', gguf([], [tensor('a', FAR)]), /ends before tensor "a" does/],
  ['a tensor between places', gguf([], [tensor('a', 8)]), /at 8, no multiple of 32/],
  ['a tensor of 2^60 values', gguf([], [tensor('a', 0, 2n ** 60n)]), /holds the count/],
  ['two tensors in one place', gguf([], [tensor('a', 0), tensor('b', 0)]), /"a" and "b" overlap/],
  ['two tensors of one name', gguf([], [tensor('a', 0), tensor('a', 32)]), /names two tensors alike/],
  ['a text of a gigabyte', gguf([entry('a', 8, u64(2n ** 30n))], []), /claims a text of 1073741824 bytes/],
  [
    'a list longer than the file',
    gguf([entry('a', 9, Buffer.concat([u32(10), u64(100)]))], []),
    /claims an array of 100 items/,
  ],
])('a GGUF file with %s is refused', async (_, file, fault) => {
  const failure = await failureOf(() => openGguf(file).close())
  expect(failure.message).toMatch(fault)
  expect(failure.message).toContain(file)
})
