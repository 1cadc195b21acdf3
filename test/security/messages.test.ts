// What a message about a bad input or file gives away: keys that were pasted where a name belongs, and values of files
// of the worker. And inputs whose refusal would itself be too large, or overflow the stack.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { alignSchema } from '../../src/contracts/align-input'
import { parse } from '../../src/contracts/parse'
import { readTask } from '../../src/data/task'
import { checkModelFolder } from '../../src/model/folder'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(60_000)

const refusal = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    return `${(error as Error).name} ${(error as Error).message}`
  }
  return 'taken'
}

// put together here, so that no scanner takes them for real ones
const KEYS = [
  `sk-${'proj'}-4f9a8b7c6d5e4f3a2b1c`,
  `${'hf'}_AbCdEfGhIjKlMnOpQrStUvWxYz01`,
  `${'ghp'}_16C7e42F292c6912E7710c838347Ae178B4a`,
  `${'AKIA'}IOSFODNN7EXAMPLE`,
  `${'gsk'}_a1b2c3d4e5f6a7b8c9d0`,
  'a3f5c9d1e7b24680a3f5c9d1e7b24680',
  'Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5',
  `A${'B'.repeat(200)}`,
]
const labeler = (apiKeyEnv: unknown) => ({
  labeler: { baseUrl: 'http://127.0.0.1:8000/v1', model: 'm', apiKeyEnv },
})

test.each(KEYS)('a key pasted as the name of a variable is refused and not quoted (%#)', (key) => {
  for (const input of [
    labeler(key),
    labeler({ value: key }),
    labeler([key]),
    { labeler: { baseUrl: 'http://127.0.0.1:8000/v1', model: 'm', apiKey: key } },
    { labeler: { ...labeler(key).labeler, surprise: { accessToken: key } } },
    { openaiKey: key },
    { notify: { urlEnv: key } },
    { notify: { urlEnv: 'SLACK_WEBHOOK_URL', secretEnv: key } },
  ]) {
    const message = refusal(() => parse(workflowSchemas.align, input, 'align'))
    expect(message).toMatch(/^InvalidInput align: /)
    for (let from = 0; from + 12 <= key.length; from += 4) expect(message).not.toContain(key.slice(from, from + 12))
  }
  expect(refusal(() => parse(workflowSchemas.align, labeler(key), 'align'))).toMatch(
    /"labeler.apiKeyEnv" got a text .*the input as it was sent is in the history.*NAME of an environment variable/s,
  )
})

test.each(['OPENAI_API_KEY', 'LABELER_KEY', 'MyServiceKey', 'key', 'HF_TOKEN', 'TEAM2_KEY', 'X9'])(
  'a name is taken: %s',
  (name) => {
    expect(refusal(() => parse(workflowSchemas.align, labeler(name), 'align'))).toBe('taken')
  },
)

test('a message about a file of the worker says fields and types, never a value', () => {
  const folder = join(temporaryFolder(), 'task')
  mkdirSync(folder)
  for (const text of [
    JSON.stringify({ accessToken: 'value-of-a-file', instruction: 17, name: ['value-of-a-file'] }),
    'AWS_SECRET=value-of-a-file',
    '{"a": value-of-a-file}',
    '"value-of-a-file',
  ]) {
    writeFileSync(join(folder, 'task.json'), text)
    expect(refusal(() => readTask(folder))).toMatch(/^InvalidInput (?!.*value-of)/s)
    writeFileSync(join(folder, 'config.json'), text)
    expect(refusal(() => checkModelFolder(folder))).not.toMatch(/value-of|^taken/)
  }
})

test('an input nested 100,000 deep is refused, wherever it is nested', () => {
  const nested = (open: string, close: string): unknown => JSON.parse(open.repeat(100_000) + close.repeat(100_000))
  for (const deep of [nested('[', ']'), JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`) as unknown])
    for (const [name, schema] of Object.entries(workflowSchemas))
      for (const input of [deep, { base: deep }, { labeler: deep, unknown: deep }, [deep]])
        expect(refusal(() => parse(schema, input, name))).toMatch(/^InvalidInput .*nested deeper than 100 levels/)
})

test('an input of 10 MB of unknown fields is refused in a few lines', () => {
  const many = Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`field-${i}-${'x'.repeat(20)}`, i]))
  const long = { ['x'.repeat(10_000_000)]: 'y'.repeat(10_000_000) }
  for (const input of [many, long, { labeler: many }, { rl: long }, { data: { path: 'x', ...many } }]) {
    expect(refusal(() => parse(alignSchema, input, 'align')).length).toBeLessThan(20_000)
  }
})
