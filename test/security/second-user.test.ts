// A second real user of the same machine, at the same time. Needs root, to be both.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { findTemporal } from '../../src/cli/dev-server'
import { rlaif } from '../local-stack'

jest.setTimeout(240_000)

const NOBODY = 65_534
const COMMAND = resolve(__dirname, '..', '..', 'dist', 'cli', 'main.js')
const asTwoUsers = process.getuid?.() === 0 ? test : test.skip

/** Open to both users, as /tmp is; what belongs to one of them is below it. */
const shared = mkdtempSync(join(tmpdir(), 'rlaif-two-users-'))
const started: ChildProcess[] = []

beforeAll(() => {
  chmodSync(shared, 0o1777)
  mkdirSync(join(shared, 'bin'))
  mkdirSync(join(shared, 'tmp'))
  chmodSync(join(shared, 'bin'), 0o755)
  chmodSync(join(shared, 'tmp'), 0o1777)
  copyFileSync(findTemporal()!, join(shared, 'bin', 'temporal'))
  chmodSync(join(shared, 'bin', 'temporal'), 0o755)
})
afterAll(async () => {
  for (const child of started) await ended(child)
  rmSync(shared, { recursive: true, force: true })
})

const ended = (child: ChildProcess) =>
  new Promise<void>((done) => {
    if (child.exitCode !== null) return done()
    child.once('close', () => done())
    child.kill('SIGTERM')
  })

interface User {
  uid: number
  folder: string
}

function user(name: string, uid: number): User {
  const folder = join(shared, name)
  mkdirSync(folder)
  chownSync(folder, uid, uid)
  return { uid, folder }
}

/** Starts `rlaif up` with the umask that most systems have. @returns the address that it prints */
function up({ uid, folder }: User): Promise<string> {
  const { TEMPORAL_ADDRESS: _, RLAIF_TEST_ROOT: __, ...rest } = process.env
  const PATH = `${join(shared, 'bin')}:${process.env.PATH}`
  const env = { ...rest, PATH, HOME: folder, RLAIF_HOME: join(folder, 'home'), TMPDIR: join(shared, 'tmp') }
  return new Promise((done, fail) => {
    const command = ['-c', `umask 022; exec "${process.execPath}" "${COMMAND}" up`]
    const child = spawn('sh', command, { env, uid, gid: uid, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    started.push(child)
    let said = ''
    const hear = (chunk: Buffer) => {
      said += String(chunk)
      const address = /^Temporal (\S+),[^]*Ctrl-C ends them/m.exec(said)?.[1]
      if (address) done(address)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('close', (code) => fail(new Error(`rlaif up of user ${uid} ended with ${code}: ${said}`)))
  })
}

/** What a shell of the user prints, with its errors. */
const shellOf = (uid: number, script: string) =>
  spawnSync('sh', ['-c', `${script} 2>&1`], { uid, gid: uid, encoding: 'utf8' }).stdout

asTwoUsers('a second user starts a server next to the first one, and each stays out of the other home', async () => {
  const first = user('first', 0)
  const second = user('second', NOBODY)
  const address = await up(first)
  const other = await up(second)
  expect(other).not.toBe(address)
  const record = JSON.parse(readFileSync(join(second.folder, 'home', 'server.json'), 'utf8')) as { address: string }
  expect(record.address).toBe(other)

  // a home without a server: its commands would talk to whoever listens at Temporal's usual port
  const without = join(shared, 'without')
  const { err } = await rlaif(without, ['status'], { RLAIF_STRICT: '1', RLAIF_PAYLOAD_KEYS: `a:${'A'.repeat(43)}=` })
  expect(err).toMatch(/no Temporal server of this home runs, and RLAIF_STRICT=1 uses no other one/)

  chmodSync(first.folder, 0o755)
  const names = ['server.json', 'temporal.db', 'temporal.log', 'worker.log']
  for (const path of ['', ...names].map((name) => join(first.folder, 'home', name)))
    expect(shellOf(NOBODY, `cat ${path}`)).toMatch(/Permission denied/)
  expect(shellOf(NOBODY, `ls ${join(first.folder, 'home')}`)).toMatch(/Permission denied/)
})

asTwoUsers('what a user leaves in the shared temporary folder does not keep another one from starting', async () => {
  for (const port of [7233, 8233]) shellOf(NOBODY, `echo 1 > ${join(shared, 'tmp', `rlaif-port-${port}`)}`)
  const third = user('third', 1)
  expect(await up(third)).toMatch(/^127\.0\.0\.1:\d+$/)
})
