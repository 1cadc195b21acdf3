// 10,000 damaged or malicious model and data files, made from valid ones by seeded changes. Each is read or refused
// with a message, quickly, and without allocating more memory than the file could fill.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parse } from '../../src/contracts/parse'
import { dataSchema } from '../../src/contracts/settings'
import { readDataset } from '../../src/data/dataset'
import { readTask, taskFolder } from '../../src/data/task'
import { parseModelConfig } from '../../src/model/config'
import { openGguf } from '../../src/model/gguf'
import { openSafetensors, writeSafetensors } from '../../src/model/safetensors'
import { loadTokenizer } from '../../src/model/tokenizer'
import { uniform, uniformStream } from '../../src/random'
import { defaultModelFolder, temporaryFolder } from '../tiny-folder'

jest.setTimeout(300_000)

const SLOW_MS = 3_000
const MOST_MEGABYTES = 700
const folder = temporaryFolder()

/** What attackers and failing disks do: flipped bytes, extreme numbers, cuts, repeated and foreign pieces. */
function damaged(valid: Buffer, key: (string | number)[]): Buffer {
  const random = uniformStream(key)
  const at = (size: number) => Math.floor(size * random())
  let bytes = Buffer.from(valid)
  for (let changes = 1 + at(4); changes > 0 && bytes.length > 8; changes--) {
    const place = at(bytes.length)
    switch (at(6)) {
      case 0:
        bytes[place] = at(256)
        break
      case 1:
        bytes.fill([0, 0xff, 0x7f, 0x80][at(4)]!, place, Math.min(bytes.length, place + 1 + at(8)))
        break
      case 2:
        bytes = bytes.subarray(0, place)
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(at(bytes.length)), bytes.subarray(place)])
        break
      case 4:
        if (place + 8 <= bytes.length) bytes.writeBigUInt64LE([2n ** 63n, 2n ** 40n, 2n ** 32n - 1n, 0n][at(4)]!, place)
        break
      default:
        bytes = Buffer.concat([
          bytes.subarray(0, place),
          Buffer.from(
            ['"}]', '1e999', '-1', '[[[[', '{"__proto__":{"x":1}}', '\\u0000', '99999999999999999999'][at(7)]!,
          ),
          bytes.subarray(place),
        ])
    }
  }
  return bytes
}

/** Values that replace those of JSON, deep and long ones among them. */
const NASTY = [
  'null',
  '-1',
  '1e308',
  '"x"',
  '[]',
  '{}',
  '['.repeat(2000) + ']'.repeat(2000),
  '{"a":'.repeat(500) + '1' + '}'.repeat(500),
  `"${'x'.repeat(100_000)}"`,
  '99999999999999999999',
  'true',
]
function nastyJson(valid: string, key: (string | number)[]): string {
  const values = [...valid.matchAll(/:\s*("[^"]*"|-?\d[\d.e+-]*|true|false|null|\[[^\]]*\])/g)]
  const match = values[Math.floor(values.length * uniform([...key, 'where']))]
  if (!match) return valid
  const nasty = NASTY[Math.floor(NASTY.length * uniform([...key, 'what']))]!
  return valid.slice(0, match.index) + `:${nasty}` + valid.slice(match.index + match[0].length)
}

async function readOrRefused(
  count: number,
  name: string,
  make: (i: number) => Buffer | string,
  read: (file: string) => unknown,
): Promise<void> {
  const file = join(folder, name)
  const before = process.memoryUsage().rss
  const outcomes = { read: 0, refused: 0 }
  for (let i = 0; i < count; i++) {
    writeFileSync(file, make(i))
    const started = Date.now()
    try {
      await read(file)
      outcomes.read++
    } catch (error) {
      outcomes.refused++
      const { name: kind, message } = error as Error
      if (
        kind !== 'InvalidInput' &&
        (!message || /allocation failed|heap|call stack|Invalid (typed )?array length|out of range/i.test(message))
      )
        throw new Error(`input ${i} of ${name}: ${kind}: ${message}`, { cause: error })
    }
    const took = Date.now() - started
    if (took > SLOW_MS) throw new Error(`input ${i} of ${name} took ${took} ms`)
  }
  expect(outcomes.refused).toBeGreaterThan(count / 20)
  expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(MOST_MEGABYTES)
}

test('3,000 safetensors files', async () => {
  const file = join(folder, 'valid.safetensors')
  writeSafetensors(
    file,
    [
      ['a', [2, 3]],
      ['b.weight', [4]],
    ].map(([name, shape]) => ({
      name: name as string,
      shape: shape as number[],
      read: () => Float32Array.from({ length: (shape as number[]).reduce((x, y) => x * y, 1) }, (_, i) => i),
    })),
  )
  const valid = readFileSync(file)
  await readOrRefused(
    3000,
    'x.safetensors',
    (i) => damaged(valid, ['safetensors', i]),
    (name) => {
      const open = openSafetensors(name)
      try {
        for (const tensor of open.names) open.tensor(tensor)!.read()
      } finally {
        open.close()
      }
    },
  )
})

/** A small GGUF file: two entries, a list and a tensor. */
function smallGguf(): Buffer {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer)
  const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer)
  const text = (value: string) => Buffer.concat([u64(value.length), Buffer.from(value)])
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(1),
    u64(3),
    text('general.architecture'),
    u32(8),
    text('llama'),
    text('llama.block_count'),
    u32(4),
    u32(2),
    text('tokenizer.ggml.tokens'),
    u32(9),
    u32(8),
    u64(2),
    text('a'),
    text('b'),
    text('t'),
    u32(1),
    u64(8),
    u32(0),
    u64(0),
  ])
  return Buffer.concat([head, Buffer.alloc((32 - (head.length % 32)) % 32), Buffer.alloc(32, 1)])
}

test('3,000 GGUF files', async () => {
  const valid = smallGguf()
  const read = (name: string) => {
    const open = openGguf(name)
    try {
      for (const tensor of open.tensors.values()) tensor.read()
    } finally {
      open.close()
    }
  }
  writeFileSync(join(folder, 'valid.gguf'), valid)
  read(join(folder, 'valid.gguf'))
  await readOrRefused(3000, 'x.gguf', (i) => damaged(valid, ['gguf', i]), read)
})

test('1,500 model configurations', async () => {
  const valid = readFileSync(join(defaultModelFolder(), 'config.json'), 'utf8')
  await readOrRefused(
    1500,
    'config.json',
    (i) => (i % 2 ? damaged(Buffer.from(valid), ['config', i]) : nastyJson(valid, ['config', i])),
    (name) => parseModelConfig(JSON.parse(readFileSync(name, 'utf8')), name),
  )
})

test('100 tokenizers', async () => {
  const valid = readFileSync(join(defaultModelFolder(), 'tokenizer.json'))
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    readFileSync(join(defaultModelFolder(), 'tokenizer_config.json')),
  )
  await readOrRefused(
    100,
    'tokenizer.json',
    (i) => damaged(valid, ['tokenizer', i]),
    () => loadTokenizer(folder),
  )
})

const readAsData = (path: string) =>
  readDataset(parse(dataSchema, path, 'data'), readTask(taskFolder('helpful')), {
    seed: 1,
    promptTokens: 256,
    tokensOf: () => 10,
  })

test('2,000 data files of every format', async () => {
  const rows = [
    { prompt: 'Hello', reference: 'hi', responses: ['a', 'b'], preferred: 1 },
    { chosen: '\n\nHuman: hi\n\nAssistant: a', rejected: '\n\nHuman: hi\n\nAssistant: b' },
    {
      info: { post: 'p', title: 't', subreddit: 's' },
      summaries: [{ text: 'a' }, { text: 'b' }],
      choice: 0,
      extra: { confidence: 9 },
      batch: 'x',
    },
    {
      prompt: [{ role: 'user', content: 'x' }],
      chosen: [{ role: 'assistant', content: 'a' }],
      rejected: [{ role: 'assistant', content: 'b' }],
    },
  ]
  const valid = (i: number) => Array.from({ length: 4 }, () => JSON.stringify(rows[i % rows.length])).join('\n')
  await readOrRefused(
    2000,
    'rows.jsonl',
    (i) => {
      const made = i % 3 ? damaged(Buffer.from(valid(i)), ['rows', i]) : Buffer.from(nastyJson(valid(i), ['rows', i]))
      return i % 5 === 0 ? damaged(gzipSync(made), ['gzip', i]) : made
    },
    readAsData,
  )
})

test('150 Parquet files', async () => {
  const valid = readFileSync(resolve(__dirname, '..', 'reference', 'rows.parquet'))
  await readOrRefused(150, 'rows.parquet', (i) => damaged(valid, ['parquet', i]), readAsData)
})
