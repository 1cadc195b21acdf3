// What a command makes is whole under its name, or not there at all: also when it is ended in the middle.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { madeWhole } from '../../src/cli/made-whole'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(60_000)

const program = join(__dirname, '..', '..', 'dist', 'cli', 'main.js')

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 130],
] as const)('%s in the middle of writing leaves nothing behind', async (signal, code) => {
  const folder = temporaryFolder()
  const args = ['world', 'data', join(folder, 'rows.jsonl'), '--rows', '100000000']
  const child = spawn(process.execPath, [program, ...args], { stdio: 'ignore' })
  while (readdirSync(folder).length === 0 && child.exitCode === null) await new Promise((done) => setTimeout(done, 50))
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^rows\.jsonl\.partial-/)])
  child.kill(signal)
  expect((await once(child, 'close'))[0]).toBe(code)
  expect(readdirSync(folder)).toEqual([])
})

test('what fails leaves nothing behind, and what is finished has its name alone', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'file')
  const listeners = () => process.listenerCount('SIGINT')
  const before = listeners()
  const failing = madeWhole(file, (staging) => {
    writeFileSync(staging, 'half')
    throw new Error('no more')
  })
  await expect(failing).rejects.toThrow('no more')
  expect(readdirSync(folder)).toEqual([])
  expect(await madeWhole(file, (staging) => (writeFileSync(staging, 'all'), 'made'))).toBe('made')
  expect(readdirSync(folder)).toEqual(['file'])
  expect(listeners()).toBe(before)
})
