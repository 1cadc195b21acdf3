import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bucket, Condition } from '../../src/artifacts/bucket'
import { bucketLock } from '../../src/artifacts/lock'
import { acquireLock, fileLock } from '../../src/file-lock'
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

describe('a lock in a bucket', () => {
  /** One object, with a tag that each write changes; the answer to a write may be lost, and the client then repeats it. */
  function bucketOfOne() {
    let [object, writes]: [{ text: string; tag: string } | undefined, number] = [undefined, 0]
    const state = { answers: 'arrive' as 'arrive' | 'are lost' | 'are lost and the write repeated' }
    const write = (text: string, condition?: Condition) => {
      const holds = condition === 'absent' ? !object : object?.tag === (condition as { tag: string }).tag
      if (!holds) return undefined
      object = { text, tag: `${++writes}` }
      return object.tag
    }
    const bucket = {
      read: () => Promise.resolve(object && { ...object, modified: new Date() }),
      tagOf: () => Promise.resolve(object?.tag),
      async write(_, text, condition) {
        const tag = write(text, condition)
        if (state.answers === 'are lost') throw new Error('connection lost')
        return state.answers === 'arrive' ? tag : write(text, condition)
      },
      remove: () => Promise.resolve(void (object = undefined)),
    } as Partial<Bucket> as Bucket
    return { bucket, state, tag: () => object?.tag }
  }

  test.each(['are lost', 'are lost and the write repeated'] as const)(
    'is kept by its holder when the answers to its touches %s',
    async (answers) => {
      const { bucket, state, tag } = bucketOfOne()
      const held = (await bucketLock(bucket, 'k').tryAcquire())!
      state.answers = answers
      const tags = [tag()]
      for (let i = 0; i < 3; i++) {
        await held.touch()
        tags.push(tag())
      }
      expect(tags).toEqual(['1', '2', '3', '4'])
      expect(await bucketLock(bucket, 'k').tryAcquire()).toBeUndefined()
      await held.release()
      expect(tag()).toBeUndefined()
    },
  )

  test('is got by the process whose write arrived, though the answer was lost; one that lost it does not release it', async () => {
    const { bucket, state, tag } = bucketOfOne()
    state.answers = 'are lost and the write repeated'
    const held = (await bucketLock(bucket, 'k').tryAcquire())!
    expect(held).toBeDefined()
    await bucket.remove(['k'])
    const other = (await bucketLock(bucket, 'k').tryAcquire())!
    await held.touch()
    await held.release()
    expect(tag()).toBeDefined()
    await other.release()
    expect(tag()).toBeUndefined()
  })
})
