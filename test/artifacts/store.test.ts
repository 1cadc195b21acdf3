// What every artifact store guarantees: on a file system, and in a bucket of a real S3 server.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openBucket, type Bucket } from '../../src/artifacts/bucket'
import { fileStore } from '../../src/artifacts/file-store'
import { s3Store } from '../../src/artifacts/s3-store'
import { SCORES_FILE } from '../../src/contracts/validation-scores'
import { keyOf, LOG_FILE, type ArtifactStore } from '../../src/artifacts/store'
import type { Artifact } from '../../src/contracts/artifact'
import { startS3Server, type S3Server } from '../s3-server'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(120_000)

let server: S3Server
beforeAll(async () => {
  server = await startS3Server()
  Object.assign(process.env, server.env)
})
afterAll(() => server.close())

const provenance = (key: string) => ({ stage: 'sft', version: 1, key, seconds: 1, input: {}, summary: { loss: 1 } })

async function commit(store: ArtifactStore, key: string, content = 'weights') {
  const work = await store.begin('sft', key)
  mkdirSync(join(work.output, 'inner'))
  writeFileSync(join(work.output, 'inner', 'a.bin'), content)
  writeFileSync(join(work.output, LOG_FILE), `${Math.random()}\n`)
  writeFileSync(join(work.output, SCORES_FILE), `${Math.random()}\n`)
  return store.commit(work, provenance(key))
}

/** A store, another machine's view of it, and ways to damage an artifact in it. */
interface Kind {
  store: ArtifactStore
  elsewhere(): ArtifactStore
  change(artifact: Artifact, content: string): Promise<void>
  lose(artifact: Artifact): Promise<void>
}

function onFiles(): Promise<Kind> {
  const root = temporaryFolder()
  const file = ({ uri }: Artifact) => join(fileURLToPath(uri), 'inner', 'a.bin')
  return Promise.resolve({
    store: fileStore(root),
    elsewhere: () => fileStore(root),
    change: async (artifact, content) => writeFileSync(file(artifact), content),
    lose: async (artifact) => rmSync(file(artifact)),
  })
}

async function inBucket(): Promise<Kind> {
  const bucket = openBucket(`${await server.newBucket()}/team/a`)
  const object = async ({ uri }: Artifact) =>
    (await bucket.list(`${uri.slice(bucket.uri.length + 1)}/`)).find(({ key }) => key.endsWith('/inner/a.bin'))!.key
  return {
    store: s3Store(bucket, temporaryFolder()),
    elsewhere: () => s3Store(bucket, temporaryFolder()),
    change: async (artifact, content) => void (await bucket.write(await object(artifact), content)),
    lose: async (artifact) => bucket.remove([await object(artifact)]),
  }
}

const read = async (store: ArtifactStore, artifact: Artifact) =>
  readFileSync(join((await store.open(artifact)).folder, 'inner', 'a.bin'), 'utf8')

test("a key depends on stage, code version and settings, not on the order of fields or an artifact's URI", () => {
  const key = keyOf('sft', 1, { seed: 1, settings: { a: 1, b: 2 } })
  expect(keyOf('sft', 1, { settings: { b: 2, a: 1 }, seed: 1 })).toBe(key)
  expect(keyOf('sft', 2, { seed: 1, settings: { a: 1, b: 2 } })).not.toBe(key)
  expect(keyOf('rl', 1, { seed: 1, settings: { a: 1, b: 2 } })).not.toBe(key)
  expect(keyOf('sft', 1, { seed: 2, settings: { a: 1, b: 2 } })).not.toBe(key)
  const at = (uri: string, sha256: string) => keyOf('sft', 1, { model: { uri, sha256, bytes: 1, summary: {} } })
  expect(at('file:///x', 'aa')).toBe(at('s3://y/x', 'aa'))
  expect(at('file:///x', 'aa')).not.toBe(at('file:///x', 'bb'))
})

describe.each([
  ['on a file system', onFiles],
  ['in a bucket', inBucket],
])('%s', (_, open) => {
  test('equal content has an equal digest; logs with timings are not part of it', async () => {
    const { store } = await open()
    const [a, b, c] = [await commit(store, 'k1'), await commit(store, 'k2'), await commit(store, 'k3', 'other')]
    expect(a.sha256).toBe(b.sha256)
    expect(c.sha256).not.toBe(a.sha256)
  })

  test('unfinished work is never found; what is found, by any worker, is what was committed', async () => {
    const { store, elsewhere } = await open()
    const work = await store.begin('sft', 'k')
    writeFileSync(join(work.output, 'half'), 'half')
    expect(await store.find('sft', 'k')).toBeUndefined()
    const artifact = await store.commit(work, provenance('k'))
    for (const other of [store, elsewhere()]) {
      expect(await other.find('sft', 'k')).toEqual(artifact)
      expect(await other.describe(artifact.uri)).toEqual(artifact)
      const { folder, manifest } = await other.open(artifact)
      expect(manifest.summary).toEqual({ loss: 1 })
      expect(readFileSync(join(folder, 'half'), 'utf8')).toBe('half')
    }
  })

  test('of two workers that finish the same work the first stays, unless the contents differ', async () => {
    const { store, elsewhere } = await open()
    const first = await commit(store, 'k')
    expect(await commit(elsewhere(), 'k')).toEqual(first)
    const second = await commit(elsewhere(), 'k', 'other')
    expect(await store.find('sft', 'k')).toEqual(second)
    expect(await read(elsewhere(), second)).toBe('other')
    await expect(elsewhere().open(first)).rejects.toThrow(/it was computed again since/)
  })

  test('a file that was lost is noticed: the stage is computed again', async () => {
    const { store, lose } = await open()
    const artifact = await commit(store, 'k')
    await lose(artifact)
    const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
    expect(await store.find('sft', 'k')).toBeUndefined()
    expect(stderr.mock.calls.join()).toMatch(/a\.bin is missing.*computed again/)
    stderr.mockRestore()
    expect((await commit(store, 'k')).sha256).toBe(artifact.sha256)
  })

  test('an artifact whose bytes have changed is not used, and the message says what to do', async () => {
    const { store, elsewhere, change } = await open()
    const artifact = await commit(store, 'k')
    await store.verify(artifact)
    await change(artifact, 'weighty') // as long as before
    await expect(elsewhere().verify(artifact)).rejects.toThrow(/a\.bin has changed.* Start the run again, or reset it/)
    await expect(elsewhere().verify(artifact)).rejects.toThrow(/not a finished artifact/)
  })

  test('an artifact outside the store, or with another digest, is refused', async () => {
    const { store } = await open()
    const artifact = await commit(store, 'k')
    for (const uri of ['file:///etc', 's3://elsewhere/sft/k', `${artifact.uri}/../../../../etc`])
      await expect(store.describe(uri)).rejects.toThrow(/not inside this worker's store/)
    await expect(store.open({ ...artifact, sha256: '0'.repeat(64) })).rejects.toThrow(/it was computed again since/)
  })

  test('of several workers that ask for the same work one gets it; the next one when it is finished', async () => {
    const { store, elsewhere } = await open()
    const none = new AbortController().signal
    const first = await store.lock('sft', 'k', none, () => {})
    let waits = 0
    let holders = 0
    const others = [elsewhere(), elsewhere()].map(async (other) => {
      const lock = await other.lock('sft', 'k', none, () => waits++)
      expect(++holders).toBe(1)
      await new Promise((done) => setTimeout(done, 50))
      holders--
      await lock.release()
      return lock.waited
    })
    await new Promise((done) => setTimeout(done, 1200))
    expect([waits, holders]).toEqual([2, 0])
    await first.release()
    expect(await Promise.all(others)).toEqual([true, true])
  })
})

describe('on a file system', () => {
  test.each([
    ['a bit-flipped file', (folder: string) => writeFileSync(join(folder, 'inner', 'a.bin'), 'weighty')],
    ['a truncated manifest', (folder: string) => truncateSync(join(folder, 'manifest.json'), 20)],
  ])('%s is detected by its digest, moved aside and not used', async (_, damage) => {
    const root = temporaryFolder()
    const store = fileStore(root)
    const { uri } = await commit(store, 'k')
    damage(fileURLToPath(uri))
    const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
    expect(await store.find('sft', 'k')).toBeUndefined()
    expect(stderr.mock.calls.join()).toMatch(/moved to .*damaged.*computed again/)
    stderr.mockRestore()
    expect(existsSync(fileURLToPath(uri))).toBe(false)
    expect(readdirSync(join(root, 'sft'))[0]).toMatch(/^k\.damaged-/)
  })

  test('an artifact cut short is refused when opened', async () => {
    const store = fileStore(temporaryFolder())
    const artifact = await commit(store, 'k')
    truncateSync(join(fileURLToPath(artifact.uri), 'inner', 'a.bin'), 2)
    await expect(store.open(artifact)).rejects.toThrow(/a\.bin is missing or cut short/)
  })
})

describe('in a bucket', () => {
  let bucket: Bucket
  beforeEach(async () => (bucket = openBucket(await server.newBucket())))

  test("another machine continues from a killed worker's last complete checkpoint and its candidates", async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()]
    const store = s3Store(bucket, one)
    const work = await store.begin('rl', 'k')
    const stop = store.startBackup(work)
    for (const step of ['step-00000010', 'step-00000020', 'candidates/step-00000010']) {
      mkdirSync(join(work.checkpoints, step), { recursive: true })
      writeFileSync(join(work.checkpoints, step, 'policy.safetensors'), step)
      writeFileSync(join(work.checkpoints, step, 'progress.json'), '{}')
    }
    mkdirSync(join(work.checkpoints, 'step-00000030.partial-1'))
    writeFileSync(join(work.checkpoints, 'step-00000030.partial-1', 'policy.safetensors'), 'half')
    writeFileSync(join(work.checkpoints, 'candidates', 'validation-00000010.json'), '{}')
    writeFileSync(join(work.checkpoints, 'candidates', 'validation-00000020.json.partial'), 'half')
    await stop()
    rmSync(join(work.checkpoints, 'step-00000010'), { recursive: true })
    const again = s3Store(bucket, one)
    const sameWork = await again.begin('rl', 'k')
    rmSync(join(sameWork.checkpoints, 'step-00000010'), { recursive: true })
    await again.startBackup(sameWork)()

    const taken = await s3Store(bucket, two).begin('rl', 'k')
    expect((readdirSync(taken.checkpoints, { recursive: true }) as string[]).sort()).toEqual([
      'candidates',
      'candidates/step-00000010',
      'candidates/step-00000010/policy.safetensors',
      'candidates/step-00000010/progress.json',
      'candidates/validation-00000010.json',
      'step-00000020',
      'step-00000020/policy.safetensors',
      'step-00000020/progress.json',
    ])
    expect(readFileSync(join(taken.checkpoints, 'step-00000020', 'policy.safetensors'), 'utf8')).toBe('step-00000020')

    writeFileSync(join(taken.output, 'a'), 'a')
    await s3Store(bucket, two).commit(taken, { ...provenance('k'), stage: 'rl' })
    expect((await bucket.list('work/')).map(({ key }) => key)).toEqual([])
  })

  test('reports download no weights; a damaged copy is downloaded again', async () => {
    const store = s3Store(bucket, temporaryFolder())
    const work = await store.begin('rl', 'k')
    writeFileSync(join(work.output, 'model.safetensors'), 'weights')
    writeFileSync(join(work.output, 'result.json'), '{}')
    const artifact = await store.commit(work, { ...provenance('k'), stage: 'rl' })
    const root = temporaryFolder()
    const { folder } = await s3Store(bucket, root).open(artifact, 'text')
    expect(readdirSync(folder).sort()).toEqual(['manifest.json', 'result.json'])
    expect(readdirSync((await s3Store(bucket, root).open(artifact)).folder)).toContain('model.safetensors')
    truncateSync(join(root, 'rl', 'k', 'manifest.json'), 20)
    expect((await s3Store(bucket, root).open(artifact)).manifest.summary).toEqual({ loss: 1 })
  })

  test('what could not be uploaded is uploaded by the next attempt, and not computed again', async () => {
    const root = temporaryFolder()
    const down = { ...bucket, upload: () => Promise.reject(new Error('connection lost')) }
    await expect(commit(s3Store(down, root), 'k')).rejects.toThrow('connection lost')
    expect(await s3Store(bucket, temporaryFolder()).find('sft', 'k')).toBeUndefined()
    const found = await s3Store(bucket, root).find('sft', 'k')
    expect(await read(s3Store(bucket, temporaryFolder()), found!)).toBe('weights')
  })

  test('a large file is uploaded in parts and comes back the same; several at once', async () => {
    const store = s3Store(bucket, temporaryFolder())
    const work = await store.begin('sft', 'k')
    const content = Buffer.alloc(40 * 1024 ** 2, 'weights and more')
    for (const name of ['a', 'b']) writeFileSync(join(work.output, name), content)
    const artifact = await store.commit(work, provenance('k'))
    const { folder } = await s3Store(bucket, temporaryFolder()).open(artifact)
    for (const name of ['a', 'b']) expect(readFileSync(join(folder, name)).equals(content)).toBe(true)
  })

  test('a manifest that cannot be read is reported, and the stage is computed again', async () => {
    const store = s3Store(bucket, temporaryFolder())
    const artifact = await commit(store, 'k')
    await bucket.write('sft/k/manifest.json', '{"stage": "sft", ')
    await expect(s3Store(bucket, temporaryFolder()).open(artifact)).rejects.toThrow(
      /manifest\.json cannot be used.*run the stage that makes it again/s,
    )
    const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
    expect(await s3Store(bucket, temporaryFolder()).find('sft', 'k')).toBeUndefined()
    expect(stderr.mock.calls.join()).toMatch(/cannot be used.*computed again/s)
    stderr.mockRestore()
    expect(await commit(store, 'k')).toEqual(artifact)
  })

  test('a manifest that leads out of its folder is refused', async () => {
    const artifact = await commit(s3Store(bucket, temporaryFolder()), 'k')
    const key = 'sft/k/manifest.json'
    await bucket.write(key, (await bucket.read(key))!.text.replace('inner/a.bin', '../../../../a.bin'))
    await expect(s3Store(bucket, temporaryFolder()).open(artifact)).rejects.toThrow(/leads out of the artifact/)
  })

  test('a missing bucket, a wrong key and a URI that is not one are reported with what to do', async () => {
    await expect(openBucket('s3://not-there').list('')).rejects.toThrow(
      /NoSuchBucket.*create it, or correct RLAIF_STORE/,
    )
    const secret = process.env.AWS_SECRET_ACCESS_KEY
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong'
    await expect(openBucket(bucket.uri).read('a')).rejects.toThrow(/secret key is wrong; check AWS_SECRET_ACCESS_KEY/)
    process.env.AWS_SECRET_ACCESS_KEY = secret
    for (const uri of ['bucket', 's3://', 's3://Bucket', 's3://bucket/../a', 'https://bucket'])
      expect(() => openBucket(uri)).toThrow(/must be s3:\/\/bucket/)
  })
})
