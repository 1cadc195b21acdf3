import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileLock, acquireLock } from '../../src/artifacts/lock'
import { temporaryFolder } from '../tiny-folder'

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))
const none = new AbortController().signal

test('one process gets a lock; the next waits until it is released, and learns that it waited', async () => {
  const file = join(temporaryFolder(), 'claims', 'sft-1')
  const first = await acquireLock(fileLock(file), none, () => {})
  let waits = 0
  let holders = 1
  const others = Array.from({ length: 3 }, async () => {
    const lock = await acquireLock(fileLock(file), none, () => waits++)
    expect(++holders).toBe(1)
    await pause(20)
    holders--
    await lock.release()
    return lock.waited
  })
  await pause(1200)
  expect(holders).toBe(1)
  holders = 0
  await first.release()
  expect(first.waited).toBe(false)
  expect(await Promise.all(others)).toEqual([true, true, true])
  expect(waits).toBe(3)
  expect(existsSync(file)).toBe(false)
})

test('the lock of a killed process is taken over by one of those that wait', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'sft-1')
  writeFileSync(file, '')
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(file, longAgo, longAgo)
  const taken = await Promise.race(
    ['a', 'b'].map((name) => acquireLock(fileLock(file), none, () => {}).then((lock) => ({ name, lock }))),
  )
  await pause(800)
  expect(readdirSync(folder)).toEqual(['sft-1'])
  await taken.lock.release()
})

test('waiting can be aborted', async () => {
  const file = join(temporaryFolder(), 'sft-1')
  const lock = await acquireLock(fileLock(file), none, () => {})
  const controller = new AbortController()
  const waiting = acquireLock(fileLock(file), controller.signal, () => controller.abort())
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  await lock.release()
})
