// Whoever starts a run names files of the worker: what is in them must not come back in messages, whatever is wrong.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { explainFailure } from '../../src/activities/machine-failure'
import { parse } from '../../src/contracts/parse'
import { dataSchema } from '../../src/contracts/settings'
import { readDataset } from '../../src/data/dataset'
import { readTask, taskFolder } from '../../src/data/task'
import { readJsonl } from '../../src/json-lines'
import { loadAdapter } from '../../src/model/adapter'
import { openGguf } from '../../src/model/gguf'
import { readModelConfig } from '../../src/model/folder'
import type { Model } from '../../src/model/model'
import { openSafetensors } from '../../src/model/safetensors'
import { loadTokenizer } from '../../src/model/tokenizer'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

/** Of the shape that nothing recognizes as a secret, in a file that a run should not have named. */
const CANARY = 'canary_Blue Horse 77'
const tiny = writeTinyFolder()

async function messageOf(read: () => unknown): Promise<string> {
  try {
    await read()
  } catch (thrown) {
    const { message, stack } = explainFailure(thrown, '/home')
    return `${message}\n${stack}`
  }
  throw new Error('the file was read')
}
const leaksNothing = async (read: () => unknown) => {
  const message = await messageOf(read)
  expect(message).not.toMatch(/canary|Blue|Horse/i)
  return message
}
const written = (name: string, content: unknown) => {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

const TEXTS: [string, string][] = [
  ['a field that nobody knows', JSON.stringify({ prompt: 'x', accessToken: CANARY })],
  ['a field of another type', JSON.stringify({ prompt: { secret: CANARY } })],
  ['no JSON at all', `AWS_SECRET=${CANARY}`],
  ['a JSON text alone', JSON.stringify(CANARY)],
  ['JSON that is broken after a value', `{"prompt": "${CANARY}" x`],
  ['a role that is none', JSON.stringify({ messages: [{ role: CANARY, content: 'x' }] })],
  ['a choice that is none', JSON.stringify({ prompt: 'x', responses: ['a', 'b'], preferred: CANARY })],
]
const readRows = (path: string) =>
  readDataset(parse(dataSchema, path, 'data'), readTask(taskFolder('helpful')), {
    seed: 1,
    promptTokens: 256,
    tokensOf: () => 10,
  })

test.each(TEXTS)('rows with %s', async (_, text) => {
  expect(await leaksNothing(() => readRows(written('rows.jsonl', `${text}\n${text}\n`)))).toMatch(/rows\.jsonl/)
})

test('an array of rows that is broken', async () => {
  await leaksNothing(() => readRows(written('rows.json', `[{"prompt": "${CANARY}"},]`)))
})

test.each([
  ['a field that nobody knows', { accessToken: CANARY }],
  ['a field of another type', { name: [CANARY] }],
  ['an answer twice', { score: { answers: [{ value: 1, spellings: [CANARY, CANARY] }] } }],
  ['a file that leads out of the folder', { prompts: `../${CANARY}` }],
  ['a file that does not exist', { prompts: 'canary_BlueHorse77.txt' }],
  ['no JSON', `{"name": ${CANARY}`],
])('a task.json with %s', async (_, fields) => {
  const folder = temporaryFolder()
  cpSync(taskFolder('harmless'), folder, { recursive: true })
  const valid = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8')) as object
  writeFileSync(
    join(folder, 'task.json'),
    typeof fields === 'string' ? fields : JSON.stringify({ ...valid, ...fields }),
  )
  await leaksNothing(() => readTask(folder))
})

test.each([
  ['config.json', { model_type: CANARY }],
  ['config.json', { hidden_act: CANARY }],
  ['config.json', { rope_scaling: { rope_type: CANARY } }],
  ['config.json', { vocab_size: CANARY }],
  ['config.json', `{"model_type": ${CANARY}`],
  ['generation_config.json', `{"eos_token_id": ${CANARY}`],
  ['tokenizer_config.json', `{"chat_template": ${CANARY}`],
  ['tokenizer_config.json', { chat_template: `{{ raise_exception("${CANARY}" }}` }],
  ['tokenizer.json', `{"model": "${CANARY}" "`],
  [
    'tokenizer.json',
    { model: { vocab: { a: 0 } }, added_tokens: [{ id: 99_999_999, content: CANARY, special: CANARY }] },
  ],
  ['chat_template.json', `{"chat_template": ${CANARY}`],
])('a model folder with another %s (%#)', async (name, content) => {
  const folder = join(temporaryFolder(), 'model')
  cpSync(tiny, folder, { recursive: true })
  const file = join(folder, name)
  const valid = name === 'config.json' ? (JSON.parse(readFileSync(file, 'utf8')) as object) : {}
  if (name === 'chat_template.json') writeFileSync(join(folder, 'tokenizer_config.json'), '{}')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify({ ...valid, ...content }))
  await leaksNothing(() =>
    name.includes('config.json') && !name.startsWith('tokenizer') ? readModelConfig(folder) : loadTokenizer(folder),
  )
})

test('other files of models and artifacts', async () => {
  const header = Buffer.from(`{"w": {"dtype": "${CANARY}", "shape": [1], "data_offsets": [0, 4]}}`)
  const tensors = written('x.safetensors', '')
  const length = Buffer.alloc(8)
  for (const bytes of [header, Buffer.from(`{"w": ${CANARY}`)]) {
    length.writeBigUInt64LE(BigInt(bytes.length))
    writeFileSync(tensors, Buffer.concat([length, bytes, Buffer.alloc(4)]))
    await leaksNothing(() => openSafetensors(tensors).tensor('w'))
  }
  await leaksNothing(() => openGguf(written('x.gguf', `${CANARY} and so on`)))
  await leaksNothing(() => readJsonl(written('x.jsonl', CANARY), z.object({})))
  await leaksNothing(() => readJsonl(written('x.jsonl', JSON.stringify({ x: CANARY })), z.object({ x: z.number() })))
  const adapter = temporaryFolder()
  for (const text of [`{"r": ${CANARY}`, JSON.stringify({ peft_type: CANARY })]) {
    writeFileSync(join(adapter, 'adapter_config.json'), text)
    await leaksNothing(() => loadAdapter({ config: {}, weights: new Map() } as unknown as Model, adapter))
  }
  await leaksNothing(() => JSON.parse(CANARY) as unknown)
})
