// `rlaif data show`: what a run would read, in the file's order, as the policy and a labeler get it.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { commandOutputs } from '../../src/contracts/command-output'
import { showData } from '../../src/cli/show-data'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

const model = writeTinyFolder()
const folder = temporaryFolder()
const written = (name: string, rows: unknown[]) => {
  writeFileSync(join(folder, name), rows.map((row) => JSON.stringify(row)).join('\n'))
  return join(folder, name)
}
const show = (path: string, { rows = 2, input = {} } = {}) =>
  showData({ task: 'helpful', model, ...input }, { path, rows })

const question = (i: number) => ({ role: 'user', content: `Town ${i}?` })
const tool = { role: 'tool', content: '12' }
const mixed = written('mixed.jsonl', [
  { prompt: [question(0), tool], chosen: 'Wet', rejected: 'Dry' },
  ...[1, 2, 3].map((i) => ({ prompt: [question(i)], chosen: 'Wet', rejected: 'Dry', source: 'x' })),
])

test('the format, the first rows in the order of the file, and what is left out, with an example', async () => {
  const { text, isEnough } = await show(mixed)
  expect(isEnough).toBe(true)
  expect(text).toMatch(/^Format: trl\nRows: 4 read, of which 3 prompts are used/)
  expect(text).toContain('Fields that are not read: source')
  expect(text).toMatch(/\nline 2, id .*\n {2}The policy gets \d+ tokens:\n {4}[^]*?Town 1\?/)
  expect(text).toMatch(/A labeler gets:\n {4}Context - Human: Town 1\?\n {4}Response 1 - (Wet|Dry)\n {4}Response 2 - /)
  expect(text).toContain('\nline 3, id ')
  expect(text).not.toContain('\nline 4, id ')
  expect(text).toMatch(/Left out:\n {2}1 × a conversation with tool calls\n {4}line 1: \{"prompt":/)
})

test('as JSON', async () => {
  const { shown } = await show(mixed, { rows: 1 })
  expect(commandOutputs['data show'].parse(JSON.parse(JSON.stringify(shown)))).toMatchObject({
    format: 'trl',
    read: 4,
    used: 3,
    notRead: ['source'],
    rows: [{ where: 'line 2', context: 'Human: Town 1?', policyPrompt: expect.stringContaining('Town 1?') as string }],
    leftOut: [{ reason: 'a conversation with tool calls', rows: 1, first: { where: 'line 1' } }],
  })
})

test('a file of which a run could use nothing is shown all the same, with exit code 1', () => {
  const useless = written('useless.jsonl', [{ question: 'Town?' }, { question: 'City?' }])
  const input = join(folder, 'input.json')
  writeFileSync(input, `\ufeff${JSON.stringify({ model })}`) // as some editors save it
  const { status, stdout } = spawnSync(
    process.execPath,
    [resolve(__dirname, '../../dist/cli/main.js'), 'data', 'show', useless, '--input', input],
    { encoding: 'utf8' },
  )
  expect(stdout).toMatch(/Fields that are not read: question\nA run needs at least 2 prompts: it would fail\./)
  expect(stdout).toContain('line 1: {"question":"Town?"}')
  expect(status).toBe(1)
})
