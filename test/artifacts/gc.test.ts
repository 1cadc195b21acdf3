import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openBucket } from '../../src/artifacts/bucket'
import { fileStore } from '../../src/artifacts/file-store'
import { clearableBucket, clearableFolder, findGarbage } from '../../src/artifacts/gc'
import { s3Store } from '../../src/artifacts/s3-store'
import type { ArtifactStore } from '../../src/artifacts/store'
import type { Artifact } from '../../src/contracts/artifact'
import { startS3Server } from '../s3-server'
import { temporaryFolder } from '../tiny-folder'

const DAYS = 86_400_000
const now = Date.now()

async function made(
  store: ArtifactStore,
  stage: string,
  key: string,
  inputs: Artifact[],
  content = `${stage} ${key}`,
): Promise<Artifact> {
  const work = await store.begin(stage, key)
  writeFileSync(join(work.output, 'data'), content)
  return store.commit(work, { stage, version: 1, key, seconds: 0, input: { inputs }, summary: {} })
}

test('what is young, reports, and what they were made from, stay; the rest is removed', async () => {
  const root = temporaryFolder()
  const store = fileStore(root)
  const aged = async (stage: string, key: string, inputs: Artifact[], days: number) => {
    const artifact = await made(store, stage, key, inputs)
    const time = (now - days * DAYS) / 1000
    utimesSync(join(root, stage, key, 'manifest.json'), time, time)
    return artifact
  }
  const model = await aged('model', 'a', [], 90)
  const policy = await aged('rl', 'b', [model], 90)
  await aged('report', 'c', [policy], 90)
  const lostModel = await aged('model', 'd', [], 90)
  await aged('rl', 'e', [lostModel], 90)
  const youngInput = await aged('model', 'f', [], 90)
  await aged('rl', 'g', [youngInput], 3)
  mkdirSync(join(root, 'work', 'rl-x', 'checkpoints'), { recursive: true })
  mkdirSync(join(root, 'rl', 'h.damaged-1'))
  mkdirSync(join(root, 'answers'))

  const folder = clearableFolder(root)
  const garbage = async (days: number, at = now) => findGarbage(await folder.contents(), days, at).map(({ uri }) => uri)
  const names = async (days: number, at = now) =>
    (await garbage(days, at)).map((uri) => uri.slice(pathToFileURL(root).href.length + 1)).sort()
  expect(await names(30)).toEqual(['model/d', 'rl/e'])
  expect(await names(365)).toEqual([])
  expect(await names(30, now + 31 * DAYS)).toEqual([
    'model/d',
    'model/f',
    'rl/e',
    'rl/g',
    'rl/h.damaged-1',
    'work/rl-x',
  ])

  await folder.remove(await garbage(30))
  expect(existsSync(join(root, 'rl', 'e'))).toBe(false)
  expect((await store.open(policy)).folder).toBe(join(root, 'rl', 'b'))
  expect((await store.describe(pathToFileURL(join(root, 'model', 'a')).href)).sha256).toBe(model.sha256)
})

test('the same in a bucket, with replaced and unfinished uploads, and with the copies on this machine', async () => {
  const server = await startS3Server()
  Object.assign(process.env, server.env)
  try {
    const bucket = openBucket(`${await server.newBucket()}/team`)
    const root = temporaryFolder()
    const store = s3Store(bucket, root)
    const model = await made(store, 'model', 'a', [])
    await made(store, 'report', 'c', [await made(store, 'rl', 'b', [model])])
    await made(store, 'rl', 'e', [await made(store, 'model', 'd', [])])
    const before = await made(s3Store(bucket, temporaryFolder()), 'sft', 'twice', [], 'first')
    await made(s3Store(bucket, temporaryFolder()), 'sft', 'twice', [], 'second')
    await bucket.write('work/rl-x/step-1.index.json', '{}')
    await bucket.write('answers/a.jsonl', '')
    mkdirSync(join(root, 'model', 'only-here'))

    const place = clearableBucket(bucket, root)
    const garbage = async () => findGarbage(await place.contents(), 30, now + 31 * DAYS)
    const names = (await garbage()).map(({ uri, why }) =>
      `${uri.replace(bucket.uri, 's3').replace(pathToFileURL(root).href, 'here')}: ${why}`.replace(
        /[0-9a-f-]{36}/,
        'upload',
      ),
    )
    expect(names.sort()).toEqual([
      ...['model/a', 'model/d', 'report/c', 'rl/b', 'rl/e'].map(
        (name) => `here/${name}: a copy of what is in the bucket`,
      ),
      ...['model/d', 'rl/e'].map((name) => `s3/${name}: no report needs it`),
      's3/sft/twice/upload: files without a manifest: damaged, computed again, or never finished',
      's3/sft/twice: no report needs it',
      's3/work/rl-x: an unfinished stage that nothing has touched since',
    ])
    expect(findGarbage(await place.contents(), 30, now)).toEqual([])

    await place.remove((await garbage()).map(({ uri }) => uri))
    expect(await garbage()).toEqual([])
    await s3Store(bucket, temporaryFolder()).open(model)
    await expect(store.describe(before.uri)).rejects.toThrow(/not a finished artifact/)
    expect(existsSync(join(root, 'model', 'only-here'))).toBe(true)
    expect((await bucket.list('')).map(({ key }) => key)).toContain('answers/a.jsonl')
  } finally {
    await server.close()
  }
})
