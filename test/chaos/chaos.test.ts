// The short form of `npm run chaos`: the long one is a command of its own.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

test('a run whose server, worker and compute child are killed ends with the artifacts of an undisturbed one', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [resolve(__dirname, '..', '..', 'chaos', 'main.mjs'), '--kills', '4', '--seed', '3'],
    { encoding: 'utf8', timeout: 280_000 },
  )
  expect(stdout + stderr).toMatch(/✓ rl: the same artifact/)
  expect(stdout).not.toMatch(/✗/)
  expect(status).toBe(0)
}, 300_000)

test('a sweep whose workers and server are killed runs every trial once and counts it once', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [resolve(__dirname, '..', '..', 'chaos', 'sweep.mjs'), '--trials', '60', '--kills', '3', '--seed', '2'],
    { encoding: 'utf8', timeout: 280_000 },
  )
  expect(stdout + stderr).toMatch(/✓ 60 trials are counted as done/)
  expect(stdout).not.toMatch(/✗/)
  expect(status).toBe(0)
}, 300_000)

/** Processes that have a folder in their environment. */
const processesOf = (folder: string) =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`RLAIF_HOME=${folder}`)
    } catch {
      return false // it has ended
    }
  })

test('Ctrl-C ends the server and the workers, and leaves no folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'interrupted-'))
  const command = resolve(__dirname, '..', '..', 'chaos', 'main.mjs')
  const chaos = spawn(process.execPath, [command, '--kills', '0'], { env: { ...process.env, TMPDIR: folder } })
  const ended = once(chaos, 'exit')
  while (processesOf(folder).length < 3) await new Promise((wake) => setTimeout(wake, 200))
  chaos.kill('SIGINT')
  expect(await ended).toEqual([130, null])
  expect(processesOf(folder)).toEqual([])
  expect(readdirSync(folder).filter((name) => name.startsWith('rlaif-'))).toEqual([])
}, 60_000)
