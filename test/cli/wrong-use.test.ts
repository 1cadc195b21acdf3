// What a command or a script does that is used wrongly, or whose reader goes away: a line and an exit code, no stack
// trace.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { rlaifProgram } from '../../src/cli/program'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(120_000)

const PROJECT = resolve(__dirname, '..', '..')

interface Ended {
  code: number | null
  err: string
}

/** @param reads whether somebody reads the output; else it is closed before the command writes */
function ended(file: string, args: readonly string[], reads = true): Promise<Ended> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(PROJECT, file), ...args], {
      env: { ...process.env, RLAIF_HOME: temporaryFolder(), TEMPORAL_ADDRESS: '127.0.0.1:9' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if (!reads) child.stdout.destroy()
    else child.stdout.resume()
    let err = ''
    child.stderr.on('data', (chunk) => (err += String(chunk)))
    child.on('close', (code) => done({ code, err: err.replace(/^(WARNING: All log|[IW]0000).*\n/gm, '') }))
  })
}
const command = join('dist', 'cli', 'main.js')

test.each<[string[], RegExp]>([
  [['algin'], /^rlaif: unknown command 'algin'\n\(--help lists/],
  [['schedule', 'lst'], /^rlaif: unknown command 'lst'\n\(Did you mean list\?\)\n\(--help lists/],
  [['run'], /^rlaif: missing required argument 'workflow'\n\(--help lists/],
  [['status', '--jsn'], /^rlaif: unknown option '--jsn'/],
  [['run', 'align', '--input'], /^rlaif: option '--input <file\|json>' argument missing\n\(--help lists/],
  [['run', 'algin'], /^rlaif: there is no workflow "algin"/],
  [['schedule'], /^Usage: rlaif schedule/],
])('rlaif %j is wrong use: exit code 2, and what there is', async (args, message) => {
  const { code, err } = await ended(command, args)
  expect(err).toMatch(message)
  expect(err).not.toMatch(/^ +at /m)
  expect(code).toBe(2)
})

const commandsBelow = ({ commands }: Command): Command[] =>
  commands.flatMap((below) => [below as Command, ...commandsBelow(below as Command)])
/** Placeholders of options that take a number. */
const NUMBERS = /[<[](port|n|i|days|nights|1-5)[\]>]/

test('every option that takes a number refuses what is none, with its name and what it takes', () => {
  const numbers = commandsBelow(rlaifProgram()).flatMap(({ options }) =>
    options.filter(({ flags }) => NUMBERS.test(flags)),
  )
  expect(numbers.length).toBeGreaterThan(10)
  for (const option of numbers)
    for (const wrong of ['abc', '', '-1', '1e9', '0x10', '99999999999999999999'])
      expect(() => (option.parseArg as (text: string) => unknown)(wrong)).toThrow(
        new RegExp(`^${option.long} got "${wrong}"; it must be a (whole )?number`),
      )
})

test.each<[string[], RegExp]>([
  [['prompt', 'show', '--row', 'x'], /^rlaif: --row got "x"; it must be a whole number, 0 or more$/m],
  [['rate', 'x', '--port', 'abc'], /^rlaif: --port got "abc"; it must be a whole number from 0 to 65535$/m],
  [['worker', '--health-port', '70000'], /--health-port got "70000"; it must be a whole number from 0 to 65535$/m],
  [['world', 'data', 'x', '--kind', 'poems'], /--kind got "poems"; there are summaries, dialogues, pretraining$/m],
  [['ratings', 'export', 'x', '--format', 'csv'], /--format got "csv"; there are jsonl, label-studio$/m],
  [['sweep'], /nothing varies; name a study of the paper, e\.g\. \{"preset": "kl-weight"\}, or an axis/],
  [['run', 'compare', '--input', '{"arms": ["rlaiff"]}'], /"arms\.0" got "rlaiff": expected one of "sft"\|.*or an obj/],
  [['run', 'align', '--input', '/'], /^rlaif: \/ is a folder; name a file in it$/m],
  [['schedule', 'apply', '/nowhere/x'], /there is no file or folder \/nowhere\/x/],
  [['world', 'data', '/nowhere/x/y'], /^rlaif: \/nowhere\/x\/y does not exist; check the path$/m],
  [['run', 'align', '--input', '{"a": 1,, }'], /^rlaif: --input is not JSON: .*position \d+/m],
])('rlaif %j says what is wrong and what to do', async (args, message) => {
  const { code, err } = await ended(command, args)
  expect(err).toMatch(message)
  expect(err).not.toMatch(/ENOENT|EISDIR|^ +at /m)
  expect(code).toBe(2)
})

test('help and version are no error', async () => {
  for (const args of [['--help'], ['--version'], ['help', 'run'], ['run', '--help']])
    expect(await ended(command, args)).toEqual({ code: 0, err: '' })
})

test('without a server, the exit code says so', async () => {
  expect(await ended(command, ['status'])).toMatchObject({ code: 5 })
  expect(await ended(command, ['run', 'align'])).toMatchObject({ code: 5 })
})

test.each([
  ['--help'],
  ['schema', 'align'],
  ['schema', '--markdown'],
  ['sweep', '--presets'],
  ['run', 'align', '--help'],
])('a reader that goes away ends `rlaif %s %s` quietly', async (...args) => {
  expect(await ended(command, args.filter(Boolean), false)).toEqual({ code: 141, err: '' })
})

describe('a script with a wrong flag names it, and the flags there are', () => {
  const scripts = [
    ...readdirSync(join(PROJECT, 'studies'))
      .filter((name) => name.endsWith('.mjs'))
      .map((name) => join('studies', name)),
    ...[
      'bench/main.mjs',
      'chaos/main.mjs',
      'chaos/sweep.mjs',
      'fuzz/main.mjs',
      'deploy/rehearse.mjs',
      'setup/main.mjs',
    ],
  ]
  test.each(scripts)('%s', async (script) => {
    const { code, err } = await ended(script, ['--not-a-flag', '3'])
    expect(err).toMatch(/^(npm run|node studies).*: there is no flag --not-a-flag; the flags are \[?--/)
    expect(err.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(2)
  })

  test.each<[string, string[], string]>([
    ['chaos/main.mjs', ['--kils', '3'], 'there is no flag --kils (did you mean --kills?)'],
    ['chaos/sweep.mjs', ['--kills', 'ten'], '--kills got "ten"; it must be a number of at least 0'],
    ['chaos/sweep.mjs', ['--kills'], '--kills needs a value'],
    ['chaos/sweep.mjs', ['ten'], '"ten" belongs to no flag'],
    ['studies/miniature.mjs', ['--quick=yes'], '--quick takes no value'],
    ['studies/miniature.mjs', ['--seeds', '1,b'], '--seeds got "1,b"; it must be numbers with commas between them'],
    ['studies/reward-service.mjs', [], '--python is required'],
    ['bench/main.mjs', ['modell'], 'there is no area "modell"; there are model, label'],
    ['fuzz/main.mjs', [], 'name an area; there are files'],
    ['deploy/rehearse.mjs', ['rai'], 'there is no rehearsal "rai"'],
    ['setup/main.mjs', ['--engine', 'raj'], '--engine got "raj"; it must be tfjs or ray'],
  ])('%s %j', async (script, args, message) => {
    const { code, err } = await ended(script, args)
    expect(err).toContain(message)
    expect(err.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(2)
  })
})
