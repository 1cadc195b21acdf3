// The short form of `npm run chaos`: the long one is a command of its own.
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

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
