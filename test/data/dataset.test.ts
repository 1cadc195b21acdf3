import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parse } from '../../src/contracts/parse'
import { dataSchema } from '../../src/contracts/settings'
import { readDataset } from '../../src/data/dataset'
import { parseTranscript } from '../../src/data/row'
import { readTask, taskFolder } from '../../src/data/task'
import { temporaryFolder } from '../tiny-folder'

const folder = temporaryFolder()
const summarization = readTask(taskFolder('summarization'))
const harmless = readTask(taskFolder('harmless'))
const write = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const read = (given: unknown, { task = harmless, seed = 1, promptTokens = 1e6 } = {}) => readDataset(parse(dataSchema, given, 'data'), task, seed, promptTokens, (row) => row.context.length)
const jsonl = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n')
const prompts = (n: number) => Array.from({ length: n }, (_, i) => ({ prompt: `Question ${i}?` }))

test.each(['summarization', 'helpful', 'harmless'])('the task %s ships 60 prompts, all usable', (name) => {
  const task = readTask(taskFolder(name))
  const { train, evaluation, dropped } = read({}, { task })
  expect(train.length + evaluation.length).toBe(60)
  expect(dropped).toEqual({})
  expect(train.every((row) => (name === 'summarization') === (row.reference !== undefined))).toBe(true)
})

test('no prompt is on two sides of the split, and the same seed draws the same rows', () => {
  const path = write('split.jsonl', jsonl(prompts(100)))
  const a = read({ path, evaluationPrompts: 30, limit: 80 })
  expect([a.train.length, a.evaluation.length]).toEqual([50, 30])
  const ids = [...a.train, ...a.evaluation].map(({ id }) => id)
  expect(new Set(ids).size).toBe(80)
  expect(read({ path, evaluationPrompts: 30, limit: 80 })).toEqual(a)
  expect(read({ path, evaluationPrompts: 30, limit: 80 }, { seed: 2 }).train).not.toEqual(a.train)
})

test('every row that cannot be used is counted by its reason', () => {
  const turn = (answer: string, question = 'Hi?') => `\n\nHuman: ${question}\n\nAssistant: ${answer}`
  const rows = [
    { chosen: turn('yes', 'a'), rejected: turn('no', 'a') },
    { chosen: turn('yes', 'b'), rejected: turn('no', 'b') },
    { chosen: turn('yes', 'a'), rejected: turn('other', 'a') },
    { chosen: turn(''), rejected: turn('no') },
    { chosen: turn('same'), rejected: turn('same') },
    { chosen: turn('x', 'one'), rejected: turn('y', 'two') },
    { chosen: 'no transcript', rejected: turn('y') },
    { chosen: turn('yes', 'long '.repeat(100)), rejected: turn('no', 'long '.repeat(100)) },
  ]
  const { dropped, train, evaluation } = read({ path: write('hh.jsonl.gz', gzipSync(jsonl(rows))) }, { promptTokens: 100 })
  expect(train.length + evaluation.length).toBe(2)
  expect(dropped).toEqual({
    'same prompt as an earlier row': 1,
    'empty response': 1,
    'chosen and rejected are equal': 1,
    'chosen and rejected differ before the last turn': 1,
    'not a transcript that ends with the assistant': 1,
    'longer than limits.promptTokens = 100': 1,
  })
})

test('about half of the pairs are turned round, so that a liking for a slot earns nothing', () => {
  const rows = Array.from({ length: 400 }, (_, i) => ({ chosen: `\n\nHuman: q${i}\n\nAssistant: good`, rejected: `\n\nHuman: q${i}\n\nAssistant: bad` }))
  const { train } = read({ path: write('order.jsonl', jsonl(rows)) })
  for (const { pair } of train) expect(pair!.responses[pair!.preferred - 1]).toBe('good')
  const first = train.filter(({ pair }) => pair!.preferred === 1).length / train.length
  expect(Math.abs(first - 0.5)).toBeLessThan(0.1)
})

test('PandaLM: the majority of three annotators counts, none is a tie', () => {
  const row = (a: number, b: number, c: number) => ({ instruction: `Do ${a}${b}${c}`, input: '', response1: 'x', response2: 'y', annotator1: a, annotator2: b, annotator3: c })
  const { train, evaluation } = read({ path: write('panda.json', JSON.stringify([row(1, 1, 2), row(2, 0, 2), row(0, 1, 2)])) })
  const better = Object.fromEntries([...train, ...evaluation].map(({ context, pair }) => [context, pair!.preferred === 0 ? 'tie' : pair!.responses[pair!.preferred - 1]]))
  expect(better).toEqual({ 'Human: Do 112': 'x', 'Human: Do 202': 'y', 'Human: Do 012': 'tie' })
})

test('a text task puts its instruction before the text, labelers see the text alone', () => {
  const { train } = read({ path: write('texts.jsonl', jsonl(prompts(4))) }, { task: summarization })
  expect(train[0]!.messages[0]!.content).toBe(`${summarization.instruction}\n\n${train[0]!.context}`)
})

test.each([
  ['a file that is not there', () => ({ path: '/nowhere.jsonl' }), /field "data\.path" got "\/nowhere\.jsonl"; .* does not exist/],
  ['a folder', () => ({ path: folder }), /is not a file/],
  ['an empty file', () => ({ path: write('empty.jsonl', '\n\n') }), /holds no rows/],
  ['a row without a prompt', () => ({ path: write('bare.jsonl', '{"reference": "x"}\n{"prompt": "y"}') }), /bare\.jsonl line 1: .*wants "prompt" \(a text\) or "messages"/],
  ['a row with an unknown field', () => ({ path: write('field.jsonl', '{"prompt": "x", "refrence": "y"}') }), /field\.jsonl line 1: unknown field "refrence"/],
  ['a line that is not JSON', () => ({ path: write('broken.jsonl', '{"prompt": "x"}\n{"prompt": ') }), /broken\.jsonl line 2 is not JSON/],
  ['a gzip file cut short', () => ({ path: write('cut.gz', gzipSync(jsonl(prompts(500))).subarray(0, 200)) }), /cut\.gz cannot be read: .*is the file complete/],
  ['one usable row', () => ({ path: write('one.jsonl', jsonl(prompts(1))) }), /1 of 1 rows can be used, at least 2 are needed/],
])('%s is refused with a message that names it', (_, given, message) => {
  expect(() => read(given())).toThrow(message)
})

test('a transcript is split at its speakers and nowhere else', () => {
  expect(parseTranscript('\n\nHuman: What does "Assistant: x" mean?\n\nAssistant: A line.\nHuman: is not a turn here.')).toEqual([
    { role: 'user', content: 'What does "Assistant: x" mean?' },
    { role: 'assistant', content: 'A line.\nHuman: is not a turn here.' },
  ])
  expect(parseTranscript('Assistant: first')).toBeUndefined()
})

const shared = resolve(__dirname, '..', '..', '..', 'shared', 'data')
const withRealData = existsSync(shared) && readdirSync(shared).includes('hh-harmless-base.jsonl.gz') ? test : test.skip

withRealData('the real human preferences beside the project load whole, with every drop counted', () => {
  const hh = read({ path: join(shared, 'hh-harmless-base.jsonl.gz') })
  const dropped = Object.values(hh.dropped).reduce((a, b) => a + b, 0)
  expect(hh.read).toBe(1396)
  expect(hh.train.length + hh.evaluation.length + dropped).toBe(1396)
  expect(dropped / 1396).toBeLessThan(0.05)
  const panda = read({ path: join(shared, 'pandalm-testset.json.gz') })
  expect(panda.read).toBe(549)
  expect([...panda.train, ...panda.evaluation].every(({ pair }) => pair)).toBe(true)
})
