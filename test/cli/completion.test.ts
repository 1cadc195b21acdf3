// Completion as people have it: a real interactive bash at a terminal, in which Tab is pressed; and what is offered.
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { complete, completionLines, type ServerLists } from '../../src/cli/completion'
import { rlaifProgram } from '../../src/cli/program'
import { Client } from '@temporalio/client'
import { startDevServer, type DevServer } from '../dev-server'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(60_000)

const MAIN = resolve(__dirname, '..', '..', 'dist', 'cli', 'main.js')
const folder = temporaryFolder()
const env = { ...process.env, RLAIF_HOME: join(folder, 'home'), TEMPORAL_ADDRESS: '' }
const script = (shell: string) => execFileSync(process.execPath, [MAIN, 'completion', shell], { encoding: 'utf8' })
const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0

const night = 'nightly-2026-11-21T02:30:00Z'
const lists: ServerLists = {
  runs: (prefix, command) =>
    Promise.resolve([`${command}-1`, night, "somebody's"].filter((id) => id.startsWith(prefix))),
  schedules: () => Promise.resolve(['nightly', 'weekly']),
}
const offered = async (line: string) => {
  const found = await complete(rlaifProgram(), line, lists)
  return found === 'paths' ? found : found.map(({ value }) => value)
}

test.each<[string, string[] | 'paths']>([
  ['rlaif sched', ['schedule']],
  ['rlaif schedule pa', ['pause']],
  ['rlaif run la', ['label', 'labelStudy']],
  ['rlaif run align --de', ['--detach']],
  ['rlaif run align --input ', 'paths'],
  ['rlaif run align --input="a b', 'paths'],
  ['rlaif run --input \'{"a": 1}\' compa', ['compare']],
  ['rlaif run --detach sam', ['sample']],
  ['rlaif run align --priority ', []],
  ['rlaif sweep --preset kl', ['kl-weight']],
  ['rlaif sweep --preset=kl', ['--preset=kl-weight']],
  ['rlaif resolve ', ['resolve-1', night, "somebody's"]],
  ['rlaif resolve nightly-2026-11-21T02:3', [night]],
  ['rlaif resolve x r', ['retry']],
  ['rlaif resolve x retry ', []],
  ['rlaif ratings export x --format ', ['jsonl', 'label-studio']],
  ['rlaif schedule pause we', ['weekly']],
  ['rlaif schedule apply a.json ', 'paths'],
  ['rlaif completion ', ['bash', 'zsh', 'fish']],
  ['rlaif nothing ', []],
])('%s → %j', async (line, expected) => {
  expect(await offered(line)).toEqual(expected)
})

test('every command and option can be completed, and is said what it is for', async () => {
  const lines = completionLines(await complete(rlaifProgram(), 'rlaif ', lists))
  expect(lines).toContain(
    'doctor\t' +
      rlaifProgram()
        .commands.find((one) => one.name() === 'doctor')!
        .description(),
  )
  expect(lines.some((line) => line.startsWith('complete\t'))).toBe(false)
  for (const line of lines) expect(line).toMatch(/^[\w-]+\t\S/)
})

/** What the command gets from lines that are typed at a terminal. */
function gotBy(typed: readonly string[], env: NodeJS.ProcessEnv): (string | undefined)[] {
  const { stdout } = spawnSync('script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], {
    cwd: folder,
    env: { ...env, MAIN },
    input: typed.map((line) => `${line}\n`).join(''),
    encoding: 'utf8',
  })
  return [...stdout.matchAll(/^(?:\x1b\S*?\r?)?GOT<(.*?)>/gm)].map(([, words]) => words)
}

test('in an interactive bash, Tab completes commands, values and paths', () => {
  writeFileSync(join(folder, 'my-input.json'), '{}')
  const typed = [
    'eval "$(node "$MAIN" completion bash)"; rlaif() { echo "GOT<$*>"; }',
    'rlaif sched\tpau\tx',
    'rlaif sweep --preset kl\t',
    'rlaif sweep --preset=kl\t',
    'rlaif run align --input my-in\t',
    'exit',
  ]
  expect(gotBy(typed, env)).toEqual([
    'schedule pause x',
    'sweep --preset kl-weight',
    'sweep --preset=kl-weight',
    'run align --input my-input.json',
  ])
})

describe('with a server', () => {
  let server: DevServer
  beforeAll(async () => {
    server = await startDevServer()
    const { workflow } = new Client({ connection: server.connection })
    for (const id of ['my-first', night, "somebody's own"])
      await workflow.start('align', { taskQueue: 'nobody', workflowId: id })
    while ((await workflow.count()).count < 3) await new Promise((done) => setTimeout(done, 100))
  })
  afterAll(() => server.close())

  test('Tab completes ids of its runs, whatever they hold', () => {
    const typed = [
      'eval "$(node "$MAIN" completion bash)"; rlaif() { echo "GOT<$*>"; }',
      'rlaif status my\t',
      'rlaif explain nightly-2026-11-21T02:\t',
      'rlaif status some\t',
      'rlaif rate my\t',
      'exit',
    ]
    expect(gotBy(typed, { ...env, TEMPORAL_ADDRESS: server.address })).toEqual([
      'status my-first',
      `explain ${night}`,
      "status somebody's own",
      'rate my', // it is of another workflow
    ])
  })
})

;(has('zsh') ? test : test.skip)('zsh reads its script', () => {
  const checked = spawnSync('zsh', ['-n'], { input: script('zsh'), encoding: 'utf8' })
  expect(checked).toMatchObject({ status: 0, stderr: '' })
})

;(has('fish') ? test : test.skip)('fish completes', () => {
  const asked = `${script('fish')}\ncomplete -C 'rlaif sweep --preset kl'`
  expect(spawnSync('fish', ['-c', asked], { encoding: 'utf8', env }).stdout).toMatch(/^kl-weight/)
})
