import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileStore, keyOf, LOG_FILE } from '../../src/artifacts/store'
import { temporaryFolder } from '../tiny-folder'

const made = (key: string) => ({ stage: 'sft', version: 1, key, seconds: 1, input: {}, summary: { loss: 1 } })

async function commit(store: ReturnType<typeof fileStore>, key: string, content = 'weights') {
  const work = store.begin('sft', key)
  mkdirSync(join(work.output, 'inner'))
  writeFileSync(join(work.output, 'inner', 'a.bin'), content)
  writeFileSync(join(work.output, LOG_FILE), `${Math.random()}\n`)
  return store.commit(work, made(key))
}

test('a key changes with stage, code version and settings, not with the order of fields or an artifact\'s place', () => {
  const key = keyOf('sft', 1, { seed: 1, settings: { a: 1, b: 2 } })
  expect(keyOf('sft', 1, { settings: { b: 2, a: 1 }, seed: 1 })).toBe(key)
  expect(keyOf('sft', 2, { seed: 1, settings: { a: 1, b: 2 } })).not.toBe(key)
  expect(keyOf('rl', 1, { seed: 1, settings: { a: 1, b: 2 } })).not.toBe(key)
  expect(keyOf('sft', 1, { seed: 2, settings: { a: 1, b: 2 } })).not.toBe(key)
  const at = (uri: string, sha256: string) => keyOf('sft', 1, { model: { uri, sha256, bytes: 1, summary: {} } })
  expect(at('file:///x', 'aa')).toBe(at('file:///y', 'aa'))
  expect(at('file:///x', 'aa')).not.toBe(at('file:///x', 'bb'))
})

test('equal content has an equal digest; logs with timings do not count', async () => {
  const store = fileStore(temporaryFolder())
  const [a, b, c] = [await commit(store, 'k1'), await commit(store, 'k2'), await commit(store, 'k3', 'other')]
  expect(a.sha256).toBe(b.sha256)
  expect(c.sha256).not.toBe(a.sha256)
})

test('unfinished work is never found, and what is found is what was committed', async () => {
  const store = fileStore(temporaryFolder())
  const work = store.begin('sft', 'k')
  writeFileSync(join(work.output, 'half'), 'half')
  expect(await store.find('sft', 'k')).toBeUndefined()
  const artifact = await store.commit(work, made('k'))
  expect(await store.find('sft', 'k')).toEqual(artifact)
  expect(store.open(artifact).manifest.summary).toEqual({ loss: 1 })
})

test.each([
  ['a bit-flipped file', (folder: string) => writeFileSync(join(folder, 'inner', 'a.bin'), 'weighty')],
  ['a missing file', (folder: string) => rmSync(join(folder, 'inner', 'a.bin'))],
  ['a truncated manifest', (folder: string) => truncateSync(join(folder, 'manifest.json'), 20)],
])('%s is found by its digest, moved aside and not used', async (_, harm) => {
  const root = temporaryFolder()
  const store = fileStore(root)
  const { uri } = await commit(store, 'k')
  harm(fileURLToPath(uri))
  const told = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
  expect(await store.find('sft', 'k')).toBeUndefined()
  expect(told.mock.calls.join()).toMatch(/moved to .*damaged.*done again/)
  told.mockRestore()
  expect(existsSync(fileURLToPath(uri))).toBe(false)
  expect(readdirSync(join(root, 'sft'))[0]).toMatch(/^k\.damaged-/)
})

test('an artifact cut short is refused when opened', async () => {
  const store = fileStore(temporaryFolder())
  const artifact = await commit(store, 'k')
  truncateSync(join(fileURLToPath(artifact.uri), 'inner', 'a.bin'), 2)
  expect(() => store.open(artifact)).toThrow(/a\.bin is missing or cut short/)
})

test('an artifact outside the store, or by another digest, is refused', async () => {
  const store = fileStore(temporaryFolder())
  const artifact = await commit(store, 'k')
  expect(() => store.describe('file:///etc')).toThrow(/not inside this worker's store/)
  expect(() => store.describe(`${artifact.uri}/../../../../etc`)).toThrow(/not inside this worker's store/)
  expect(() => store.open({ ...artifact, sha256: '0'.repeat(64) })).toThrow(/it was made again since/)
})

test('an artifact whose bytes have changed is not used: it is moved away, and the message says how to go on', async () => {
  const store = fileStore(temporaryFolder())
  const artifact = await commit(store, 'k')
  await store.verify(artifact)
  const folder = fileURLToPath(artifact.uri)
  writeFileSync(join(folder, 'inner', 'a.bin'), 'weighty') // as long as before
  await expect(store.verify(artifact)).rejects.toThrow(/a\.bin has changed; it was moved to .*damaged-\d+\. Start the run again, or reset it/)
  expect(existsSync(folder)).toBe(false)
  expect(await store.find('sft', 'k')).toBeUndefined()
})
