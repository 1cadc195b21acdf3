// Histories of runs that earlier versions started, one for each control-flow shape: today's workflows must replay every
// one of them. When this fails, running workflows would break: keep the old path behind `patched`, and never record a
// history again to make it pass.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(__dirname, 'histories')

function replay(...args: string[]): (string | undefined)[] {
  const out = execFileSync(process.execPath, [join(__dirname, 'replay.mjs'), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return out
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => (JSON.parse(line) as { error?: string }).error)
}

test('every control-flow shape replays', () => {
  const shapes = readdirSync(folder).map((name) => join(folder, name))
  expect(shapes.length).toBeGreaterThanOrEqual(10)
  expect(replay(...shapes)).toEqual(shapes.map(() => undefined))
})

test('every control-flow shape replays when tracing is turned on during the run', () => {
  // In this old history the ID of a message is a random number, and tracing draws from the same generator.
  const shapes = readdirSync(folder)
    .filter((name) => name !== 'align-parked-people-told.bin')
    .map((name) => join(folder, name))
  expect(replay('--traced', ...shapes)).toEqual(shapes.map(() => undefined))
})

test('a history that the workflows cannot produce is refused: the check can fail', () => {
  expect(replay('--swap', join(folder, 'align-rlaif.bin'))[0]).toMatch(/[Nn]on-?determinism/)
})
