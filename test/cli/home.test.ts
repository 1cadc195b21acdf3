// The home of a command: whether it can be written to, which one it is and why, and what other folders have.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { otherHomes, otherHomesNote } from '../../src/runs/other-homes'
import { homeFault } from '../../src/workers/home'
import { rlaif } from '../local-stack'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(120_000)

const folder = temporaryFolder()
const disk = join(folder, 'disk')
mkdirSync(disk)
const mount = (...options: string[]) => execFileSync('mount', [...options, disk], { stdio: 'ignore' })

function canMount(): boolean {
  try {
    mount('-t', 'tmpfs', '-o', 'size=32k', 'none')
    return true
  } catch {
    return false // only root may mount
  }
}
const onOwnDisk = canMount() ? test : test.skip
afterAll(() => execFileSync('sh', ['-c', `umount ${disk} || true`], { stdio: 'ignore' }))

test('a home that can be written to, existing or not, is no fault, and nothing is left in it', () => {
  mkdirSync(join(folder, 'home'))
  for (const home of [join(folder, 'home'), join(folder, 'new', 'deep')]) expect(homeFault(home)).toBeUndefined()
  expect(readdirSync(join(folder, 'home'))).toEqual([])
  expect(readdirSync(folder).sort()).toEqual(['disk', 'home'])
})

test('a file in the way is named', () => {
  writeFileSync(join(folder, 'file'), '')
  expect(homeFault(join(folder, 'file', 'home'))).toMatch(
    /file\/home cannot be written to: a file is in its way; set RLAIF_HOME to a folder that can be$/,
  )
})

onOwnDisk('a full and a read-only home are faults, of doctor, up and worker, with the remedy', async () => {
  const full =
    /cannot be written to: its disk is full; free some space, e\.g\. with `rlaif artifacts gc`, or set RLAIF_HOME/
  const readOnly = /cannot be written to: it is on a read-only file system; set RLAIF_HOME to a folder that can be/
  expect(homeFault(disk)).toMatch(full)
  mount('-o', 'remount,ro')
  expect(homeFault(join(disk, 'home'))).toMatch(readOnly)
  const { code, out } = await rlaif(disk, ['doctor'])
  expect(out).toMatch(new RegExp(`^✗ home +${disk} ${readOnly.source}`, 'm'))
  expect(code).toBe(1)
  for (const command of [['up'], ['worker']]) {
    const ended = await rlaif(disk, command, { TEMPORAL_ADDRESS: command[0] === 'worker' ? '127.0.0.1:9' : '' })
    expect(ended.err).toMatch(new RegExp(`^rlaif: home: ${disk} ${readOnly.source}`))
    expect(ended.code).toBe(2)
  }
})

test('up says which home it uses and why, its logs, and that another home has a server; doctor and others say so too', async () => {
  const [first, second] = [join(folder, 'first'), join(folder, 'second')]
  const start = async (home: string) => {
    const { TEMPORAL_ADDRESS: _address, ...env } = process.env
    const child = spawn(process.execPath, [join(__dirname, '..', '..', 'dist', 'cli', 'main.js'), 'up'], {
      env: { ...env, RLAIF_HOME: home },
    })
    let said = ''
    child.stdout.on('data', (chunk) => (said += String(chunk)))
    while (!said.includes('Ctrl-C ends them') && child.exitCode === null)
      await new Promise((done) => setTimeout(done, 100))
    return { child, said }
  }
  const one = await start(first)
  try {
    expect(one.said).toContain(
      `Home ${first}, as RLAIF_HOME says; logs in ${first}/worker.log and ${first}/temporal.log`,
    )
    expect(otherHomes(second)).toContainEqual({ home: first, address: expect.any(String), ui: expect.any(String) })
    expect(otherHomes(first).map(({ home }) => home)).not.toContain(first)
    const two = await start(second)
    try {
      expect(two.said).toContain(`Another home has a server too: ${first} (Temporal `)
      expect(two.said).toContain(`To use that one: RLAIF_HOME=${first}`)
    } finally {
      two.child.kill('SIGTERM')
      await once(two.child, 'close')
    }
    const { err } = await rlaif(second, ['status'], { TEMPORAL_ADDRESS: '127.0.0.1:9' })
    expect(err).toContain(`RLAIF_HOME=${first} has one at 127.0.0.1:`)
  } finally {
    one.child.kill('SIGTERM')
    await once(one.child, 'close')
  }
})

test('of another home whose workers were killed, no UI is named: its port may be that of a third home by now', async () => {
  const homes = ['left', 'gone'].map((name) => join(folder, name))
  const servers = homes.map((home) => {
    mkdirSync(home)
    const words = ['start-dev', '--db-filename', join(home, 'temporal.db')]
    return spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', ...words])
  })
  const ended = spawnSync(process.execPath, ['-e', '']).pid
  const record = (pid: number) =>
    JSON.stringify({
      ...{ pid, owner: ended, address: '127.0.0.1:7', ui: 'http://127.0.0.1:8233', innerUi: 8234 },
      api: { port: 9, host: 'x' },
    })
  writeFileSync(join(homes[0]!, 'server.json'), record(servers[0]!.pid!))
  writeFileSync(join(homes[1]!, 'server.json'), record(process.pid)) // another process has the number of its server
  try {
    const found = otherHomes(join(folder, 'mine')).filter(({ home }) => homes.includes(home))
    expect(found).toEqual([{ home: homes[0], address: '127.0.0.1:7', ui: undefined }])
    expect(otherHomesNote(found)[0]).toMatch(/\(Temporal 127\.0\.0\.1:7, whose workers and UI have ended\)/)
  } finally {
    for (const server of servers) server.kill()
  }
})
