// Dataset files as people have them: forms, encodings, columns of nulls, votes. One row that cannot be used is counted.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parse } from '../../src/contracts/parse'
import { dataSchema } from '../../src/contracts/settings'
import { readDataset } from '../../src/data/dataset'
import type { Row } from '../../src/data/row'
import { readTask, taskFolder } from '../../src/data/task'
import { temporaryFolder } from '../tiny-folder'

const folder = temporaryFolder()
let files = 0
async function readText(text: string | Buffer, settings: object = {}) {
  const path = join(folder, `${files++}.jsonl`)
  writeFileSync(path, text)
  const dataset = await readDataset(parse(dataSchema, { path, ...settings }, 'data'), readTask(taskFolder('helpful')), {
    seed: 1,
    promptTokens: 1e6,
    tokensOf: () => 1,
  })
  const rows = [...dataset.train, ...dataset.evaluation].sort((a, b) => a.context.localeCompare(b.context))
  return { ...dataset, rows }
}
const linesOf = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join('\n')
const read = (rows: readonly object[], settings?: object) => readText(linesOf(rows), settings)
const two = <T>(of: (i: number) => T): T[] => [0, 1].map(of)

const user = (content: unknown) => ({ role: 'user', content })
const assistant = (content: unknown) => ({ role: 'assistant', content })
const transcript = (i: number, answer: string, end = '\n') =>
  `${end}${end}Human: Town ${i}?${end}${end}Assistant: ${answer}`
/** The better and the worse response of each pair, or a tie. */
const choices = ({ pairs = [] }: Row) =>
  pairs.map(({ responses: [a, b], preferred }) =>
    preferred === 0 ? [a, b].sort().join(' = ') : preferred === 1 ? `${a} > ${b}` : `${b} > ${a}`,
  )

describe("TRL's forms", () => {
  const question = (i: number) => [user(`Town ${i}?`)]
  const pair = ['Wet > Dry']
  test.each<[string, (i: number) => object, string[], string | undefined]>([
    ['prompts as texts', (i) => ({ prompt: `Town ${i}?` }), [], undefined],
    ['prompts as turns', (i) => ({ prompt: question(i) }), [], undefined],
    ['prompts and completions as texts', (i) => ({ prompt: `Town ${i}?`, completion: ' Wet' }), [], 'Wet'],
    ['prompts and completions as turns', (i) => ({ prompt: question(i), completion: [assistant('Wet')] }), [], 'Wet'],
    ['conversations', (i) => ({ messages: [...question(i), assistant('Wet')] }), [], 'Wet'],
    ['texts that are transcripts', (i) => ({ text: transcript(i, 'Wet') }), [], 'Wet'],
    ['preferences as texts', (i) => ({ prompt: `Town ${i}?`, chosen: 'Wet', rejected: 'Dry' }), pair, undefined],
    [
      'preferences as turns',
      (i) => ({ prompt: question(i), chosen: [assistant('Wet')], rejected: [assistant('Dry')] }),
      pair,
      undefined,
    ],
    [
      'preferences with an implicit prompt as texts',
      (i) => ({ chosen: `Town ${i}? Wet`, rejected: `Town ${i}? Dry`, score_chosen: 8, score_rejected: 3 }),
      pair,
      undefined,
    ],
    [
      'preferences with an implicit prompt as turns',
      (i) => ({ chosen: [...question(i), assistant('Wet')], rejected: [...question(i), assistant('Dry')], score: 8 }),
      pair,
      undefined,
    ],
    ['completions that people like', (i) => ({ prompt: `Town ${i}?`, completion: 'Wet', label: true }), [], 'Wet'],
    ['completions that they do not', (i) => ({ prompt: `Town ${i}?`, completion: 'Wet', label: false }), [], undefined],
  ])('%s', async (_, rowOf, pairs, reference) => {
    const { rows, dropped } = await read(two(rowOf))
    expect(dropped).toEqual({})
    expect(rows.map(({ messages }) => messages)).toEqual(two(question))
    expect(rows.map(choices)).toEqual([pairs, pairs])
    expect(rows.map((row) => row.reference)).toEqual([reference, reference])
  })

  test('the beginning of two answers is no prompt where another field may be it', async () => {
    const rowOf = (i: number) => ({ question: `Town ${i}?`, chosen: 'It is wet', rejected: 'It is dry' })
    await expect(read(two(rowOf))).rejects.toThrow(/no prompt.*\n.*not read: question; data\.fields/)
    const { rows } = await read(two(rowOf), { fields: { prompt: 'question', chosen: 'chosen', rejected: 'rejected' } })
    expect(rows.map(choices)).toEqual(two(() => ['It is wet > It is dry']))
  })

  test("turns of ShareGPT, and of a conversation next to its own first turn, are TRL's", async () => {
    const shared = (i: number) => ({
      conversations: [
        { from: 'human', value: `Town ${i}?` },
        { from: 'gpt', value: 'Wet' },
      ],
    })
    const twice = (i: number) => ({
      prompt: `Town ${i}?`,
      prompt_id: 'x',
      messages: [user(`Town ${i}?`), assistant('Wet')],
    })
    for (const rowOf of [shared, twice] as ((i: number) => object)[]) {
      const { rows, dropped } = await read(two(rowOf))
      expect([rows.map(({ reference }) => reference), dropped]).toEqual([['Wet', 'Wet'], {}])
    }
  })
})

describe('columns of nulls', () => {
  test.each([
    ['our fields', { prompt: 'Town', reference: null, responses: null, preferred: null }],
    ["TRL's fields", { prompt: 'Town', completion: null, chosen: null, rejected: null }],
    ['fields of turns', { messages: [{ ...user('Town'), name: null, tool_calls: null }], prompt: null, id: null }],
    ['fields of parts', { prompt: [user([{ type: 'text', text: 'Town', image_url: null }])] }],
    ['what Python writes for a missing number', { prompt: 'Town', score: 'NaN' }],
  ])('%s are absent', async (_, row) => {
    const other = JSON.stringify(row).replace('Town', 'City')
    const { rows, dropped } = await readText(`${JSON.stringify(row)}\n${other}`.replaceAll('"NaN"', 'NaN'))
    expect([rows.map(({ context }) => context), dropped]).toEqual([['Human: City', 'Human: Town'], {}])
  })

  test('the format is told by the rows whose fields are filled', async () => {
    const empty = { prompt: 'First?', completion: null, chosen: null, rejected: null }
    const pair = { prompt: 'Second?', completion: null, chosen: 'Wet', rejected: 'Dry' }
    const { rows, format } = await read([empty, empty, pair])
    expect(format).toBe('trl')
    expect(rows.map(choices)).toEqual([[], ['Wet > Dry']])
  })
})

describe('encodings', () => {
  const text = linesOf(two((i) => ({ prompt: `Où ${i}?` })))
  test.each<[string, Buffer]>([
    ['a byte order mark', Buffer.from(`\ufeff${text}`)],
    [
      'a byte order mark before every line, of files that were joined',
      Buffer.from(`\ufeff${text.replace('\n', '\n\ufeff')}`),
    ],
    ['UTF-16', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16 of the other order', Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
    ['Windows line ends', Buffer.from(`${text.replace('\n', '\r\n')}\r\n\r\n`)],
    ['gzip, with a byte order mark', gzipSync(`\ufeff${text}`)],
    ['an array with a byte order mark', Buffer.from(`\ufeff[${text.replace('\n', ',\r\n')}]`)],
  ])('%s', async (_, bytes) => {
    const { rows, dropped } = await readText(bytes)
    expect([rows.map(({ context }) => context), dropped]).toEqual([two((i) => `Human: Où ${i}?`), {}])
  })

  test('transcripts with Windows line ends', async () => {
    const rowOf = (i: number) => ({ chosen: transcript(i, 'Wet', '\r\n'), rejected: transcript(i, 'Dry', '\r\n') })
    expect((await read(two(rowOf))).rows.map(choices)).toEqual([['Wet > Dry'], ['Wet > Dry']])
  })
})

test('ids that are whole numbers keep every digit; only a number is one', async () => {
  const ids = ['9007199254740992', '9007199254740993', '-123456789012345678901', '7']
  const lines = ids.map((id, i) => `{"id": ${id}, "prompt": "A text with \\"id\\": 9007199254740993, in it ${i}"}`)
  const { rows, dropped } = await readText(lines.join('\n'))
  expect(dropped).toEqual({})
  expect(rows.map(({ id }) => id)).toEqual(ids)
  expect(rows[1]!.context).toContain('"id": 9007199254740993, in it 1')
})

describe('content in parts', () => {
  test('is the text of the parts', async () => {
    const parts = (...texts: string[]) => texts.map((text) => ({ type: 'text', text }))
    const { rows } = await read(
      two((i) => ({ prompt: [user(parts(`Add ${i}`, ' and 1'))], completion: [assistant(parts('It is', ' one'))] })),
    )
    expect(rows.map(({ context, reference }) => [context, reference])).toEqual(
      two((i) => [`Human: Add ${i} and 1`, 'It is one']),
    )
  })
})

const usable = two((i) => ({ prompt: [user(`Town ${i}?`)], completion: [assistant('Wet')] }))
const image = { type: 'image_url', image_url: { url: 'x.png' } }
test.each<[string, unknown, string]>([
  [
    'a tool call',
    {
      prompt: [user('a'), { ...assistant(null), tool_calls: [{ function: { name: 'w' } }] }],
      completion: [assistant('b')],
    },
    'a conversation with tool calls',
  ],
  [
    "a tool's answer",
    { prompt: [user('a'), { role: 'tool', content: '12' }], completion: [assistant('b')] },
    'a conversation with tool calls',
  ],
  ['a picture', { prompt: [user([image])], completion: [assistant('b')] }, 'a turn with a part that is no text'],
  ['a turn without content', { prompt: [user(null)], completion: [assistant('b')] }, 'a turn without a text'],
  [
    'another role',
    { prompt: [{ role: 'narrator', content: 'a' }], completion: [assistant('b')] },
    'a turn that is not of the system, the user or the assistant',
  ],
  ['a prompt that is an object', { prompt: { a: 1 }, completion: 'b' }, 'field "prompt" is not a text'],
  ['a prompt that is empty', { prompt: ' ', completion: 'b' }, 'empty prompt'],
  ['a row that is a list', [1, 2], 'not an object'],
  ['a row that is null', null, 'not an object'],
])('%s is one row less, counted by its reason and shown', async (_, row, reason) => {
  const { rows, dropped, examples } = await readText([...usable, row].map((one) => JSON.stringify(one)).join('\n'))
  expect([rows.length, dropped]).toEqual([2, { [reason]: 1 }])
  expect(examples[reason]).toMatchObject({ where: 'line 3', row: JSON.stringify(row) })
})

test('a line that is not JSON is one row less; when too few are left, the failure says where and of what kind', async () => {
  const line = '{"prompt": "Blue horse"'
  const { dropped, examples } = await readText(`${linesOf(usable)}\n${line}`)
  expect([dropped, examples['is not JSON']?.row]).toEqual([{ 'is not JSON': 1 }, line])
  const failure = await readText(`${line}\n${line}\n{"prompt": 5, "completion": ["Blue"]}`).catch(
    (error: Error) => error,
  )
  const { message } = failure as Error
  expect(message).toMatch(/0 of 3 rows can be used.*:\n {2}- .*line 1: is not JSON: .*; 2 rows like this\n/)
  expect(message).toMatch(/line 3: a turn that is no object: \{prompt: a number, completion: a list of 1\}/)
  expect(message).not.toContain('Blue')
})

test.each([
  ['an array', '[1, 2]'],
  ['the beginning of one', '[{"prompt": "Tow'],
  ['a bracket', '['],
  ['a comma short of one', '[{"prompt": "Town"},'],
])('JSON lines of which the first is %s are no array', async (_, first) => {
  const { rows, read } = await readText(`${first}\n${linesOf(usable)}`)
  expect([rows.length, read]).toEqual([2, 3])
})

test.each([
  ['on one line', (rows: string[]) => `[${rows.join(', ')}]\n`],
  ['on a line each', (rows: string[]) => `[\n${rows.join(',\n')}\n]`],
  ['on lines that begin with a comma', (rows: string[]) => `[${rows.join('\n,')}\n]`],
  ['of one row', (rows: string[]) => `[\n${rows[0]!}\n, ${rows[1]!}]`],
])('an array %s', async (_, joined) => {
  const { dropped, read } = await readText(joined(usable.map((row) => JSON.stringify(row))))
  expect([dropped, read]).toEqual([{}, 2])
})

test('reasons are few, whatever a file says', async () => {
  const rows = Array.from({ length: 500 }, (_, i) => ({
    prompt: [{ role: `role ${i}`, content: 'x' }],
    completion: 'y',
  }))
  expect(Object.keys((await read([...usable, ...rows])).dropped)).toHaveLength(1)
})

describe('votes', () => {
  const shp = (i: number) => ({
    post_id: 'p',
    history: `Town ${i}?`,
    human_ref_A: 'Wet',
    human_ref_B: 'Dry',
    labels: 1 - i,
  })
  const expected = [['Wet > Dry'], ['Dry > Wet']]

  test("SHP's two columns and a vote of 1 or 0 are recognized, and a mapping says them", async () => {
    const recognized = await read(two(shp))
    expect([recognized.format, recognized.rows.map(choices)]).toEqual(['shp', expected])
    const { rows } = await read(two(shp), {
      fields: {
        prompt: 'history',
        responses: ['human_ref_A', 'human_ref_B'],
        preferred: { field: 'labels', first: 1, second: 0 },
      },
    })
    expect(rows.map(choices)).toEqual(expected)
  })

  test("UltraFeedback's scores are pairs of all responses that have one", async () => {
    const rowOf = (i: number) => ({
      instruction: `Town ${i}?`,
      completions: [
        { response: 'a', overall_score: 4.5 },
        { response: 'b', overall_score: 7 },
        { response: 'c', overall_score: null },
        { response: 'd', overall_score: 4.5 },
      ],
    })
    const { format, rows } = await read(two(rowOf))
    expect(format).toBe('ultrafeedback')
    expect(rows.map(choices)).toEqual(two(() => ['b > a', 'a = d', 'b > d']))
  })

  test("WebGPT's scores of two answers", async () => {
    const rowOf = (i: number) => ({
      question: { dataset: 'x', full_text: `Town ${i}?` },
      answer_0: 'Wet',
      score_0: i ? -0.5 : 0,
      answer_1: 'Dry',
      score_1: i ? 0.5 : 0,
    })
    const asPublished = (i: number) => {
      const { question, answer_0, score_0, answer_1, score_1 } = rowOf(i)
      return [
        { question, answer: answer_0, score: score_0, quotes: null },
        { question, answer: answer_1, score: score_1, quotes: null },
      ]
    }
    for (const given of [two(rowOf), two(asPublished)]) {
      const { format, rows } = await read(given)
      expect([format, rows.map(choices)]).toEqual(['webgpt', [['Dry = Wet'], ['Dry > Wet']]])
    }
  })

  test('conversations with a winner by name', async () => {
    const rowOf = (winner: string, i: number) => ({
      conversation_a: [user(`Town ${i}?`), assistant('Wet')],
      conversation_b: [user(`Town ${i}?`), assistant('Dry')],
      winner,
    })
    const rows = ['model_a', 'model_b', 'tie', 'tie (bothbad)', 'nobody'].map(rowOf)
    const dataset = await read(rows, {
      fields: {
        responses: ['conversation_a', 'conversation_b'],
        preferred: { field: 'winner', first: 'model_a', second: 'model_b', tie: ['tie', 'tie (bothbad)'] },
      },
    })
    expect(dataset.rows.map(choices).flat()).toEqual(['Wet > Dry', 'Dry > Wet', 'Dry = Wet', 'Dry = Wet'])
    expect(dataset.dropped).toEqual({ 'a vote that is neither for the first, nor the second, nor a tie': 1 })
  })

  test('a system prompt in a field of its own, and an answer that is a number', async () => {
    const { rows } = await read(
      two((i) => ({ sys: 'Be brief.', question: `${i} + 1?`, answer: i + 1 })),
      { fields: { system: 'sys', prompt: 'question', reference: 'answer' } },
    )
    expect(rows.map(({ context, reference }) => [context, reference])).toEqual(
      two((i) => [`System: Be brief.\nHuman: ${i} + 1?`, String(i + 1)]),
    )
  })
})

test("Alpaca's instructions, with and without an input", async () => {
  const { format, rows } = await read([
    { instruction: 'Name a town', input: '', output: 'Ulm' },
    { instruction: 'Translate', input: 'wet', output: 'nass' },
  ])
  expect([format, rows.map(({ context, reference }) => [context, reference])]).toEqual([
    'alpaca',
    [
      ['Human: Name a town', 'Ulm'],
      ['Human: Translate\n\nwet', 'nass'],
    ],
  ])
})

test('fields that the format does not read are named', async () => {
  const { unread } = await read(two((i) => ({ prompt: `Town ${i}?`, refrence: 'Wet', source: 'x' })))
  expect(unread).toEqual(['refrence', 'source'])
})
