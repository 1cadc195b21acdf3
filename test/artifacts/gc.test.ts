import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openBucket } from '../../src/artifacts/bucket'
import { fileStore } from '../../src/artifacts/file-store'
import { clearableBucket, clearableFolder, leftoversIn } from '../../src/artifacts/clearable'
import { CURVES, findGarbage } from '../../src/artifacts/gc'
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
  const garbage = async (days: number, at = now) =>
    findGarbage(await folder.contents(), { days }, at).map(({ uri }) => uri)
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

/** A store of one sweep's nights: each with a trial of its own weights, all on one base. */
async function nightsIn(root: string, nights: number) {
  const store = fileStore(root)
  const base = await made(store, 'model', 'base', [])
  const manual = await made(store, 'report', 'manual', [await made(store, 'rl', 'manual', [base])])
  let previous: Artifact | undefined
  for (let night = 1; night <= nights; night++) {
    const name = String(night).padStart(2, '0')
    const policy = await made(store, 'rl', `night-${name}`, [base])
    const report = await made(store, 'report', `trial-${name}`, [policy])
    const work = await store.begin('sweep-report', name)
    writeFileSync(join(work.output, 'sweep.json'), '{}')
    const input = { night: `2026-11-${name}T04:30Z`, settings: { name: 'nightly' }, ended: [report], previous }
    previous = await store.commit(work, {
      ...{ stage: 'sweep-report', version: 1, key: name, seconds: 0, input, summary: {} },
    })
  }
  return { base, manual }
}

test('of thirty nights, seven keep their weights, and all keep their reports', async () => {
  const root = temporaryFolder()
  await nightsIn(root, 30)
  const folder = clearableFolder(root)
  const sweep = { name: 'nightly', last: 7 }
  const names = async (keep: object) =>
    findGarbage(await folder.contents(), { days: 30, ...keep }, now + 2 * DAYS)
      .map(({ uri }) => uri.slice(pathToFileURL(root).href.length + 1))
      .sort()
  const earlier = Array.from({ length: 23 }, (_, i) => `rl/night-${String(i + 1).padStart(2, '0')}`)
  expect(await names({ sweep })).toEqual(earlier)
  expect(await names({})).toEqual([])
  expect(await names({ sweep: { ...sweep, name: 'another' } })).toEqual([])
  // whatever an open run or a pin needs stays, with what it was made from
  const needed = new Set([`${pathToFileURL(root).href}/report/trial-03`])
  expect(await names({ sweep, needed })).toEqual(earlier.filter((name) => name !== 'rl/night-03'))
  // on the day itself nothing of it goes
  expect(findGarbage(await folder.contents(), { days: 30, sweep })).toEqual([])
})

test('pins, unfinished work of open runs, and answers stay as long as they should', async () => {
  const root = temporaryFolder()
  const store = fileStore(root)
  const policy = await made(store, 'rl', 'a', [await made(store, 'model', 'b', [])])
  mkdirSync(join(root, 'work', 'rl-x', 'checkpoints'), { recursive: true })
  mkdirSync(join(root, 'answers', 'shelf'), { recursive: true })
  const folder = clearableFolder(root)
  const names = async (keep: object) =>
    findGarbage(await folder.contents(), { days: 30, ...keep }, now + 40 * DAYS).map(({ uri }) =>
      uri.slice(pathToFileURL(root).href.length + 1),
    )
  expect((await names({})).sort()).toEqual(['model/b', 'rl/a', 'work/rl-x'])
  await folder.pin(policy.uri)
  expect(await folder.pins()).toEqual([policy.uri])
  expect(await names({ needed: new Set(await folder.pins()), openSince: now - 50 * DAYS })).toEqual([])
  expect(await names({ openSince: now + DAYS })).toContain('work/rl-x')
  mkdirSync(join(root, 'home', 'run-1'), { recursive: true })
  const curves = leftoversIn(join(root, 'home'), CURVES)
  const old = (keep: object) => findGarbage(curves, { days: 30, ...keep }, now + 40 * DAYS).map(({ why }) => why)
  expect(old({})).toEqual([CURVES])
  expect(old({ openSince: now - 50 * DAYS })).toEqual([])
  expect(await names({ answersDays: 30 })).toContain('answers/shelf')
  expect(await names({ answersDays: 50 })).not.toContain('answers/shelf')
  await folder.unpin(policy.uri)
  expect(await folder.pins()).toEqual([])
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
    const garbage = async () => findGarbage(await place.contents(), { days: 30 }, now + 31 * DAYS)
    const names = (await garbage()).map(({ uri, why }) =>
      `${uri.replace(`${bucket.uri}/`, 'bucket ').replace(`${pathToFileURL(root).href}/`, 'here ')}: ${why}`.replace(
        /[0-9a-f-]{36}/,
        'upload',
      ),
    )
    expect(names.sort()).toEqual([
      ...['model/d', 'rl/e'].map((name) => `bucket ${name}: no report needs it`),
      'bucket sft/twice/upload: files without a manifest: damaged, computed again, or never finished',
      'bucket sft/twice: no report needs it',
      'bucket work/rl-x: an unfinished stage that nothing has touched since',
      ...['model/a', 'model/d', 'report/c', 'rl/b', 'rl/e'].map(
        (name) => `here ${name}: a copy of what is in the bucket`,
      ),
    ])
    expect(findGarbage(await place.contents(), { days: 30 }, now)).toEqual([])

    await place.remove((await garbage()).map(({ uri }) => uri))
    expect(await garbage()).toEqual([])
    await s3Store(bucket, temporaryFolder()).open(model)
    await expect(store.describe(before.uri)).rejects.toThrow(/not a finished artifact/)
    expect(existsSync(join(root, 'model', 'only-here'))).toBe(true)
    expect((await bucket.list('')).map(({ key }) => key)).toContain('answers/a.jsonl')
    await place.pin(model.uri)
    expect(await place.pins()).toEqual([model.uri])
    await place.unpin(model.uri)
    expect(await place.pins()).toEqual([])
  } finally {
    await server.close()
  }
})
