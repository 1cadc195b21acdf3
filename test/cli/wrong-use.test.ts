// What a command or a script does that is used wrongly, or whose reader goes away: a line and an exit code, no stack
// trace.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
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
