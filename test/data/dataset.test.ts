import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parse } from '../../src/contracts/parse'
import { dataSchema } from '../../src/contracts/settings'
import { readDataset } from '../../src/data/dataset'
import { decidedPairs, parseTranscript, type Row } from '../../src/data/row'
import { readTask, taskFolder } from '../../src/data/task'
import { worldData } from '../../src/world/named'
import { temporaryFolder } from '../tiny-folder'

const folder = temporaryFolder()
const summarization = readTask(taskFolder('summarization'))
const harmless = readTask(taskFolder('harmless'))
const write = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const read = (given: unknown, { task = harmless, seed = 1, promptTokens = 1e6 } = {}) =>
  readDataset(parse(dataSchema, given, 'data'), task, {
    seed,
    promptTokens,
    tokensOf: (row) => row.context.length,
    generated: worldData,
  })
const jsonl = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n')
const prompts = (n: number) => Array.from({ length: n }, (_, i) => ({ prompt: `Question ${i}?` }))

test.each([
  ['summarization', 60],
  ['helpful', 60],
  ['harmless', 60],
  ['cheerful', 100],
])('the task %s ships %i prompts, all usable', async (name, shipped) => {
  const task = readTask(taskFolder(name))
  const { train, evaluation, dropped } = await read({}, { task })
  expect(train.length + evaluation.length).toBe(shipped)
  expect(dropped).toEqual({})
  expect(train.every((row) => (name === 'summarization') === (row.reference !== undefined))).toBe(true)
})

test('no prompt is on both sides of the split, and the same seed samples the same rows', async () => {
  const path = write('split.jsonl', jsonl(prompts(100)))
  const a = await read({ path, evaluationPrompts: 30, limit: 80 })
  expect([a.train.length, a.evaluation.length]).toEqual([50, 30])
  const ids = [...a.train, ...a.evaluation].map(({ id }) => id)
  expect(new Set(ids).size).toBe(80)
  expect(await read({ path, evaluationPrompts: 30, limit: 80 })).toEqual(a)
  expect((await read({ path, evaluationPrompts: 30, limit: 80 }, { seed: 2 })).train).not.toEqual(a.train)
})

test('every unusable row is counted by its reason', async () => {
  const turn = (answer: string, question = 'Hi?') => `\n\nHuman: ${question}\n\nAssistant: ${answer}`
  const rows = [
    { chosen: turn('yes', 'a'), rejected: turn('no', 'a') },
    { chosen: turn('yes', 'b'), rejected: turn('no', 'b') },
    { chosen: turn('no', 'a'), rejected: turn('yes', 'a') },
    { chosen: turn(''), rejected: turn('no') },
    { chosen: turn('same'), rejected: turn('same') },
    { chosen: turn('x', 'one'), rejected: turn('y', 'two') },
    { chosen: 'no transcript', rejected: turn('y') },
    { chosen: turn('yes', 'long '.repeat(100)), rejected: turn('no', 'long '.repeat(100)) },
  ]
  const { dropped, train, evaluation } = await read(
    { path: write('hh.jsonl.gz', gzipSync(jsonl(rows))) },
    { promptTokens: 100 },
  )
  expect(train.length + evaluation.length).toBe(2)
  expect(dropped).toEqual({
    'same prompt as an earlier row, and nothing new': 1,
    'empty response': 1,
    'chosen and rejected are equal': 1,
    'chosen and rejected differ before the last turn': 1,
    'not a transcript that ends with the assistant': 1,
    'longer than limits.promptTokens = 100': 1,
  })
})

test('about half of the pairs are swapped, so that position bias gains nothing', async () => {
  const rows = Array.from({ length: 400 }, (_, i) => ({
    chosen: `\n\nHuman: q${i}\n\nAssistant: good`,
    rejected: `\n\nHuman: q${i}\n\nAssistant: bad`,
  }))
  const { train } = await read({ path: write('order.jsonl', jsonl(rows)) })
  for (const { pairs: [pair] = [] } of train) expect(pair!.responses[pair!.preferred - 1]).toBe('good')
  const first = train.filter(({ pairs: [pair] = [] }) => pair!.preferred === 1).length / train.length
  expect(Math.abs(first - 0.5)).toBeLessThan(0.1)
})

test('PandaLM: the majority of three annotators decides, no majority is a tie', async () => {
  const row = (a: number, b: number, c: number) => ({
    instruction: `Do ${a}${b}${c}`,
    input: '',
    response1: 'x',
    response2: 'y',
    annotator1: a,
    annotator2: b,
    annotator3: c,
  })
  const { train, evaluation } = await read({
    path: write('panda.json', JSON.stringify([row(1, 1, 2), row(2, 0, 2), row(0, 1, 2)])),
  })
  const better = Object.fromEntries(
    [...train, ...evaluation].map(({ context, pairs: [pair] = [] }) => [
      context,
      pair!.preferred === 0 ? 'tie' : pair!.responses[pair!.preferred - 1],
    ]),
  )
  expect(better).toEqual({ 'Human: Do 112': 'x', 'Human: Do 202': 'y', 'Human: Do 012': 'tie' })
})

test('a text task puts its instruction before the text; labelers are shown the text alone', async () => {
  const { train } = await read({ path: write('texts.jsonl', jsonl(prompts(4))) }, { task: summarization })
  expect(train[0]!.messages[0]!.content).toBe(`${summarization.instruction}\n\n${train[0]!.context}`)
})

test.each([
  [
    'a file that is not there',
    () => ({ path: '/nowhere.jsonl' }),
    /field "data\.path" got "\/nowhere\.jsonl"; .* does not exist/,
  ],
  ['a folder', () => ({ path: folder }), /is not a file/],
  ['an empty file', () => ({ path: write('empty.jsonl', '\n\n') }), /holds no rows/],
  [
    'a row without a prompt',
    () => ({ path: write('bare.jsonl', '{"reference": "x"}\n{"prompt": "y"}') }),
    /bare\.jsonl line 1: no prompt, and no conversation that holds it: \{reference: a text of 1 character\}/,
  ],
  [
    'a row with an unknown field',
    () => ({ path: write('field.jsonl', '{"prompt": "x", "refrence": "y"}') }),
    /field\.jsonl: 1 of 1 row can be used.*\n.*fields that are not read: refrence; data\.fields says/,
  ],
  [
    'a line that is not JSON',
    () => ({ path: write('broken.jsonl', '{"prompt": "x"}\n{"prompt": ') }),
    /broken\.jsonl line 2: is not JSON/,
  ],
  [
    'a gzip file cut short',
    () => ({ path: write('cut.gz', gzipSync(jsonl(prompts(500))).subarray(0, 200)) }),
    /cut\.gz cannot be read: .*is the file complete/,
  ],
  [
    'one usable row',
    () => ({ path: write('one.jsonl', jsonl(prompts(1))) }),
    /1 of 1 row can be used, at least 2 are needed/,
  ],
  [
    'rows of one prompt',
    () => ({
      path: write('same.jsonl', jsonl([1, 2, 3].map((i) => ({ prompt: 'p', chosen: `${i}`, rejected: 'r' })))),
    }),
    /3 of 3 rows can be used, with 1 different prompt, at least 2 are needed/,
  ],
])('%s is refused with a message that names it', async (_, given, message) => {
  await expect(read(given())).rejects.toThrow(message)
})

test('a prompt that occurs under two ids is on one side of the split only', async () => {
  const { train, evaluation, dropped } = await read({
    path: write(
      'ids.jsonl',
      jsonl([
        { id: 'a', prompt: 'x' },
        { id: 'b', prompt: 'x' },
        { id: 'c', prompt: 'y' },
      ]),
    ),
  })
  expect(train.length + evaluation.length).toBe(2)
  expect(dropped).toEqual({ 'same prompt as an earlier row, and nothing new': 1 })
})

test('all pairs of a prompt are kept, in one row and so on one side of the split', async () => {
  const pair = (prompt: string, good: string) => ({ prompt, responses: [good, 'bad'], preferred: 1 })
  const { train, evaluation, dropped } = await read({
    path: write(
      'pairs.jsonl',
      jsonl([
        pair('x', 'one'),
        pair('y', 'two'),
        pair('x', 'three'),
        { prompt: 'x', reference: 'the reference' },
        pair('x', 'one'),
      ]),
    ),
  })
  const rows = [...train, ...evaluation]
  expect(rows).toHaveLength(2)
  const x = rows.find(({ messages }) => messages[0]!.content.endsWith('x'))!
  expect(x.reference).toBe('the reference')
  expect(decidedPairs([x]).map(({ id, responses, preferred }) => [id, responses[preferred - 1]])).toEqual([
    [x.id, 'one'],
    [`${x.id}#2`, 'three'],
  ])
  expect(dropped).toEqual({ 'same prompt as an earlier row, and nothing new': 1 })
})

test("OpenAI's comparisons: only Reddit rows with the given confidence are kept, news is dropped", async () => {
  const row = (i: number, more: object = {}) => ({
    info: { id: `${i}`, post: `Post ${i}`, title: 'T', subreddit: 'advice' },
    summaries: [{ text: ' first' }, { text: ' second' }],
    choice: i % 2,
    batch: 'batch3',
    extra: { confidence: 9 },
    ...more,
  })
  const rows = [
    row(1),
    row(2),
    row(3, { extra: { confidence: 5 } }),
    row(4, { extra: {} }),
    row(5, { info: { id: '5', article: 'News' }, batch: 'cnndm0' }),
    row(6, { summaries: [{ text: 'same' }, { text: 'same' }] }),
  ]
  const path = write('comparisons.jsonl', jsonl(rows))
  const { train, evaluation, dropped } = await read({ path, confidence: [1, 2, 8, 9] }, { task: summarization })
  const all = [...train, ...evaluation].sort((a, b) => a.context.localeCompare(b.context))
  expect(all.map(({ context }) => context)).toEqual(
    [1, 2].map((i) => `SUBREDDIT: r/advice\n\nTITLE: T\n\nPOST: Post ${i}`),
  )
  expect(all.map(({ pairs: [pair] = [] }) => pair!.responses[pair!.preferred - 1])).toEqual(['second', 'first'])
  expect(dropped).toEqual({
    'confidence not among 1, 2, 8, 9': 1,
    'no confidence given': 1,
    'a CNN/DailyMail batch (data.cnndm takes these)': 1,
    'both responses are equal': 1,
  })
})

test("TL;DR posts, TRL's formats, and your own rows by a field mapping are read", async () => {
  const posts = await read(
    {
      path: write(
        'tldr.jsonl',
        jsonl([1, 2].map((i) => ({ id: `${i}`, subreddit: 's', title: 't', post: `p${i}`, summary: ` s${i}` }))),
      ),
    },
    { task: summarization },
  )
  expect([...posts.train, ...posts.evaluation].map(({ reference }) => reference).sort()).toEqual(['s1', 's2'])
  const completions = await read({
    path: write(
      'trl.jsonl',
      jsonl([
        { prompt: 'a', completion: ' b' },
        { prompt: [{ role: 'user', content: 'c' }], completion: [{ role: 'assistant', content: 'd' }] },
      ]),
    ),
  })
  expect(
    [...completions.train, ...completions.evaluation]
      .map(({ messages, reference }) => [messages[0]!.content, reference])
      .sort(),
  ).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ])
  const preferences = await read({
    path: write(
      'pref.jsonl',
      jsonl([
        { prompt: 'a', chosen: 'good', rejected: 'bad' },
        {
          prompt: [{ role: 'user', content: 'c' }],
          chosen: [{ role: 'assistant', content: 'good' }],
          rejected: [{ role: 'assistant', content: 'bad' }],
        },
      ]),
    ),
  })
  for (const { pairs: [pair] = [] } of [...preferences.train, ...preferences.evaluation])
    expect(pair!.responses[pair!.preferred - 1]).toBe('good')
  const own = await read({
    path: write(
      'own.jsonl',
      jsonl([
        { question: 'a', answer: 'b', extra: 1 },
        { question: 'c', answer: 'd' },
      ]),
    ),
    fields: { prompt: 'question', reference: 'answer' },
  })
  expect([...own.train, ...own.evaluation].map(({ reference }) => reference).sort()).toEqual(['b', 'd'])
})

test('Parquet is read as pyarrow writes it', async () => {
  const { train, evaluation } = await read({ path: join(__dirname, '..', 'reference', 'rows.parquet') })
  expect(
    [...train, ...evaluation]
      .map(({ messages, pairs: [pair] = [] }) => [messages[0]!.content, pair!.responses[pair!.preferred - 1]])
      .sort(),
  ).toEqual([
    ['one', 'good'],
    ['three', 'good'],
    ['two', 'good'],
  ])
  await expect(read({ path: write('cut.parquet', 'PAR1 and no more') })).rejects.toThrow(
    /cut\.parquet cannot be read as Parquet/,
  )
})

test('a transcript is split at its speakers and nowhere else', () => {
  expect(
    parseTranscript('\n\nHuman: What does "Assistant: x" mean?\n\nAssistant: A line.\nHuman: is not a turn here.'),
  ).toEqual([
    { role: 'user', content: 'What does "Assistant: x" mean?' },
    { role: 'assistant', content: 'A line.\nHuman: is not a turn here.' },
  ])
  expect(parseTranscript('Assistant: first')).toBeUndefined()
})

const shared = resolve(__dirname, '..', '..', '..', 'shared', 'data')
const withRealData = existsSync(shared) && readdirSync(shared).includes('hh-harmless-base.jsonl.gz') ? test : test.skip

withRealData('the real human preferences load completely, with every dropped row counted', async () => {
  const hh = await read({ path: join(shared, 'hh-harmless-base.jsonl.gz') })
  const dropped = Object.values(hh.dropped).reduce((a, b) => a + b, 0)
  expect(hh.read).toBe(1396)
  const pairs = (rows: readonly Row[]) => rows.reduce((sum, row) => sum + row.pairs!.length, 0)
  expect(pairs([...hh.train, ...hh.evaluation]) + dropped).toBe(1396)
  expect(dropped / 1396).toBeLessThan(0.05)
  const panda = await read({ path: join(shared, 'pandalm-testset.json.gz') })
  expect(panda.read).toBe(549)
  expect(pairs([...panda.train, ...panda.evaluation])).toBeGreaterThan(450) // of 88 prompts
  expect([...panda.train, ...panda.evaluation].every(({ pairs: [pair] = [] }) => pair)).toBe(true)
})
