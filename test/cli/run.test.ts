// `rlaif run` before its run is at work: what is started, joined or refused, and what Ctrl-C does. On a server without
// workers.
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { Client } from '@temporalio/client'
import { lines } from '../../src/cli/progress'
import type { Progress } from '../../src/contracts/status'
import { startDevServer, type DevServer } from '../dev-server'
import { rlaif } from '../local-stack'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(60_000)

const MAIN = resolve(__dirname, '..', '..', 'dist', 'cli', 'main.js')
const home = join(temporaryFolder(), 'home')

let server: DevServer
beforeAll(async () => {
  server = await startDevServer()
})
afterAll(() => server.close())

const run = (id: string, input: object, ...flags: string[]) =>
  rlaif(home, ['run', 'sft', '--id', id, '--input', JSON.stringify(input), ...flags], {
    TEMPORAL_ADDRESS: server.address,
  })

test('a run is started or joined, and only then it is said that it waits for a worker', async () => {
  expect(await run('waits', {}, '--detach')).toEqual({
    code: 0,
    out: 'Started  waits\nNo worker is up yet; the run waits for one (`npm run rlaif -- up`).\n',
    err: '',
  })
  expect((await run('waits', { seed: 1 }, '--detach')).out).toMatch(/^Joined {3}waits\nNo worker is up yet/)
})

test('a run with the ID of another is refused before anything is said of it', async () => {
  await run('taken', {}, '--detach')
  expect(await run('taken', { seed: 2 }, '--detach')).toEqual({
    code: 2,
    out: '',
    err: expect.stringMatching(
      /^rlaif: a run with the ID "taken" is in progress with another input: field "seed" is 1 there and 2 here\. To/,
    ) as string,
  })
})

test('a stage shows what it does, and a bar once there is something to count', () => {
  const shown = (progress: Pick<Progress, 'phase' | 'done' | 'total' | 'within'>) =>
    lines({
      stages: [{ stage: 'rl', state: 'running' }],
      attempt: { activity: 'rl', number: 1, state: 'running' },
      progress: { unit: 'steps', ...progress },
    })[0]!.trim()
  expect(shown({ phase: 'starting', done: 0, total: 1, within: 'scoring responses, 1 of 12' })).toMatch(
    /^▸ rl +starting {2}scoring responses, 1 of 12$/,
  )
  expect(shown({ phase: 'training', done: 0, total: 18 })).toMatch(/training {2}\[░+\] {2}0\/18 steps$/)
  expect(shown({ phase: 'training', done: 1, total: 1 })).toMatch(/1\/1 step$/)
})

test('Ctrl-C ends the command with exit code 130 and says that the run continues; it does', async () => {
  const child = spawn(process.execPath, [MAIN, 'run', 'sft', '--id', 'interrupted'], {
    env: { ...process.env, RLAIF_HOME: home, TEMPORAL_ADDRESS: server.address },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += String(chunk)
    if (/no worker answers for this run/.test(out)) child.kill('SIGINT')
  })
  expect(await new Promise((done) => child.once('close', done))).toBe(130)
  expect(out).toMatch(/\nThe run continues; `npm run rlaif -- status interrupted` shows it\.\n$/)
  const { workflow } = new Client({ connection: server.connection })
  expect((await workflow.getHandle('interrupted').describe()).status.name).toBe('RUNNING')
})
