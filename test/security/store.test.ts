// What a starter of runs could do to the store: name other places, other buckets, digests that are paths; and what
// whoever can write to a shared bucket could do to the machines that read it.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { openBucket } from '../../src/artifacts/bucket'
import { fileStore } from '../../src/artifacts/file-store'
import { folderOf } from '../../src/artifacts/open-store'
import { s3Store } from '../../src/artifacts/s3-store'
import { isPlace } from '../../src/artifacts/place'
import { MANIFEST } from '../../src/artifacts/store'
import { stageSchemas } from '../../src/contracts/stages'
import { digestOf } from '../../src/digest'
import { startS3Server, type S3Server } from '../s3-server'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(120_000)

const ARTIFACTS = resolve(__dirname, '..', '..', 'dist', 'artifacts')
const SHA = '0'.repeat(64)
const manifestOf = (more: object) =>
  JSON.stringify({
    stage: 'rating-items',
    version: 1,
    key: 'k',
    created: '2026-01-01',
    seconds: 1,
    input: {},
    summary: {},
    sha256: SHA,
    bytes: 4,
    files: [{ name: 'evil', bytes: 4, sha256: digestOf('evil') }],
    ...more,
  })

test('every stage has a place in a store; what lies beside the stages is none', () => {
  for (const stage of Object.keys(stageSchemas)) expect(isPlace({ stage, key: 'k' })).toBe(true)
  for (const stage of ['work', 'answers', 'texts', '..', '']) expect(isPlace({ stage, key: 'k' })).toBe(false)
})

describe('on a file system', () => {
  const home = temporaryFolder()
  const root = join(home, 'store')
  const base = pathToFileURL(root).href
  const store = fileStore(root)
  for (const place of ['sft/k', 'work/sft-k', 'sft/k/inner', '../outside']) {
    mkdirSync(join(root, place), { recursive: true })
    writeFileSync(join(root, place, MANIFEST), manifestOf({ stage: 'sft', files: [] }))
  }

  test.each([
    ['an unfinished stage', `${base}/work/sft-k`],
    ['a folder inside an artifact', `${base}/sft/k/inner`],
    ['another spelling of the scheme', `${base}/sft/k`.replace('file:', 'FILE:')],
    ['a host', `${base}/sft/k`.replace('file://', 'file://localhost')],
    ['an encoded slash', `${base}/sft%2Fk`],
    ['encoded dots', `${base}/sft/%2e%2e/sft/k`],
    ['dots', `${base}/sft/../sft/k`],
    ['a path without a scheme', join(root, 'sft', 'k')],
    ['a query', `${base}/sft/k?x`],
    ['the folder beside the store', `${base}/../outside`],
  ])('an artifact is at <store>/<stage>/<key>, in one spelling: not %s', async (_, uri) => {
    await expect(store.describe(uri)).rejects.toThrow(/is not inside this worker's store/)
    await expect(store.open({ uri, sha256: SHA })).rejects.toThrow(/is not inside this worker's store/)
    await expect(folderOf(home, uri)).rejects.toThrow(/is not inside this worker's store/)
  })

  test('the report of a run that names a folder outside the store is not opened', async () => {
    const elsewhere = temporaryFolder()
    await expect(folderOf(home, pathToFileURL(elsewhere).href)).rejects.toThrow(/is not inside this worker's store/)
    expect(await folderOf(home, `${base}/sft/k`)).toBe(join(root, 'sft', 'k'))
  })

  test.each([
    ['a digest that is a path', { sha256: '../../../../x' }],
    ['a file outside the artifact', { files: [{ name: '../../evil', bytes: 4, sha256: SHA }] }],
    ['an absolute file', { files: [{ name: '/etc/passwd', bytes: 4, sha256: SHA }] }],
    ['a key that is a path', { key: '../../x' }],
    ['a stage that is a path', { stage: '../x' }],
  ])('a manifest with %s is not read', async (_, more) => {
    mkdirSync(join(root, 'sft', 'bad'), { recursive: true })
    writeFileSync(join(root, 'sft', 'bad', MANIFEST), manifestOf({ stage: 'sft', key: 'bad', ...more }))
    await expect(store.describe(`${base}/sft/bad`)).rejects.toThrow(/manifest\.json cannot be used/)
  })
})

describe('in a bucket', () => {
  let server: S3Server
  let uri: string
  const before = process.env
  beforeAll(async () => {
    server = await startS3Server()
    process.env = { ...before, ...server.env }
    uri = await server.newBucket()
  })
  afterAll(async () => {
    process.env = before
    await server.close()
  })

  /** Writes an artifact of one file into a bucket, as anybody who may write there can. */
  async function plant(bucketUri: string, more: object): Promise<void> {
    const bucket = openBucket(bucketUri)
    const upload = '00000000-0000-4000-8000-000000000000'
    await bucket.write(`rating-items/k/${upload}/evil`, 'evil')
    await bucket.write(`rating-items/k/${MANIFEST}`, manifestOf({ upload, ...more }))
  }

  /** `folderOf` in a process of its own, as `rlaif report` and `rlaif rate` call it. @returns what it printed */
  async function folderFor(home: string, artifactUri: string, storeUri?: string): Promise<string> {
    const program = `require(${JSON.stringify(ARTIFACTS)}).folderOf(${JSON.stringify(home)}, ${JSON.stringify(artifactUri)})
      .then((folder) => console.log('opened', folder), (error) => console.log(error.message))`
    const { RLAIF_STORE: _, ...environment } = process.env
    const env = { ...environment, ...(storeUri !== undefined && { RLAIF_STORE: storeUri }) }
    return (await promisify(execFile)(process.execPath, ['-e', program], { env })).stdout
  }

  test('a digest that is a path writes no file outside the store of the machine that reads it', async () => {
    const home = join(temporaryFolder(), 'home')
    await plant(uri, { sha256: '/../../../.ssh' })
    expect(await folderFor(home, `${uri}/rating-items/k`, uri)).toMatch(/is no SHA-256/)
    expect(existsSync(join(dirname(home), '.ssh'))).toBe(false)
    expect(existsSync(join(home, '.ssh'))).toBe(false)
  })

  test('no bucket but the configured one is opened, whatever a run names', async () => {
    const [own, other] = [await server.newBucket(), await server.newBucket()]
    await plant(other, {})
    const refusal = /is not inside this worker's store/
    expect(await folderFor(temporaryFolder(), `${other}/rating-items/k`, own)).toMatch(refusal)
    expect(await folderFor(temporaryFolder(), `${other}/rating-items/k`)).toMatch(refusal)
    expect(await folderFor(temporaryFolder(), `${other}/rating-items/k`, other)).toMatch(/^opened/)
  })

  test('a manifest is read only at the place that it names', async () => {
    await plant(uri, { key: 'another' })
    const store = s3Store(openBucket(uri), temporaryFolder())
    await expect(store.describe(`${uri}/rating-items/k`)).rejects.toThrow(/of another artifact/)
    await plant(uri, {})
    const { folder } = await store.open(await store.describe(`${uri}/rating-items/k`))
    expect(readFileSync(join(folder, 'evil'), 'utf8')).toBe('evil')
  })
})
