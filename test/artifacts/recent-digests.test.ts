// A worker reads what it verifies once, and finds whatever is written to it afterwards.
import fs, { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { recentDigest } from '../../src/artifacts/recent-digests'
import { digestOf } from '../../src/digest'
import { temporaryFolder } from '../tiny-folder'

const now = Date.now
let later = 3000
beforeEach(() => void jest.spyOn(Date, 'now').mockImplementation(() => now() + later))
afterEach(() => {
  jest.restoreAllMocks()
  later = 3000
})

function written(content: string): string {
  const file = join(temporaryFolder(), 'weights.bin')
  writeFileSync(file, content)
  return file
}

test('a file that was just read is not read again', async () => {
  const reads = jest.spyOn(fs, 'createReadStream')
  const file = written('weights')
  for (let i = 0; i < 40; i++) expect(await recentDigest(file)).toBe(digestOf('weights'))
  expect(reads).toHaveBeenCalledTimes(1)
})

test('a change is found at once: of the same size, and with the time of modification set back', async () => {
  const file = written('weights')
  const { atime, mtime } = fs.statSync(file)
  expect(await recentDigest(file)).toBe(digestOf('weights'))
  await new Promise((done) => setTimeout(done, 20)) // more than the resolution of the file system's clock
  writeFileSync(file, 'weighty')
  utimesSync(file, atime, mtime)
  expect(await recentDigest(file)).toBe(digestOf('weighty'))
})

test('a file that has just been written is read each time: it may be written again without a trace', async () => {
  later = 0
  const reads = jest.spyOn(fs, 'createReadStream')
  const file = written('weights')
  for (let i = 0; i < 2; i++) await recentDigest(file)
  expect(reads).toHaveBeenCalledTimes(2)
})

test('after ten minutes it is read again: a disk may have failed meanwhile', async () => {
  const reads = jest.spyOn(fs, 'createReadStream')
  const file = written('weights')
  await recentDigest(file)
  const clock = performance.now.bind(performance)
  jest.spyOn(performance, 'now').mockImplementation(() => clock() + 600_001)
  await recentDigest(file)
  expect(reads).toHaveBeenCalledTimes(2)
})

test('what is remembered is bounded: the oldest is forgotten first', async () => {
  const folder = temporaryFolder()
  const files = Array.from({ length: 4097 }, (_, i) => join(folder, `${i}.bin`))
  for (const file of files) {
    writeFileSync(file, file)
    await recentDigest(file)
  }
  const reads = jest.spyOn(fs, 'createReadStream')
  await recentDigest(files[4096]!)
  expect(reads).toHaveBeenCalledTimes(0)
  await recentDigest(files[0]!)
  expect(reads).toHaveBeenCalledTimes(1)
})
