import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { findGarbage, removeGarbage } from '../../src/artifacts/gc'
import { fileStore } from '../../src/artifacts/store'
import type { Artifact } from '../../src/contracts/artifact'
import { temporaryFolder } from '../tiny-folder'

const DAYS = 86_400_000
const now = Date.now()

function aged(folder: string, days: number): void {
  const time = (now - days * DAYS) / 1000
  utimesSync(join(folder, 'manifest.json'), time, time)
}

async function made(root: string, stage: string, key: string, inputs: Artifact[], days: number): Promise<Artifact> {
  const store = fileStore(root)
  const work = store.begin(stage, key)
  writeFileSync(join(work.output, 'data'), `${stage} ${key}`)
  const artifact = await store.commit(work, { stage, version: 1, key, seconds: 0, input: { inputs }, summary: {} })
  aged(join(root, stage, key), days)
  return artifact
}

test('what is young, what a report rests on, and what that rests on, stays; the rest goes', async () => {
  const root = temporaryFolder()
  const model = await made(root, 'model', 'a', [], 90)
  const policy = await made(root, 'rl', 'b', [model], 90)
  await made(root, 'report', 'c', [policy], 90)
  const lostModel = await made(root, 'model', 'd', [], 90)
  await made(root, 'rl', 'e', [lostModel], 90)
  const youngInput = await made(root, 'model', 'f', [], 90)
  await made(root, 'rl', 'g', [youngInput], 3)
  mkdirSync(join(root, 'work', 'rl-x', 'checkpoints'), { recursive: true })
  mkdirSync(join(root, 'rl', 'h.damaged-1'))
  mkdirSync(join(root, 'answers'))

  const names = (days: number, at = now) => findGarbage(root, days, at).map(({ folder }) => folder.slice(root.length + 1)).sort()
  expect(names(30)).toEqual(['model/d', 'rl/e'])
  expect(names(365)).toEqual([])
  expect(names(30, now + 31 * DAYS)).toEqual(['model/d', 'model/f', 'rl/e', 'rl/g', 'rl/h.damaged-1', 'work/rl-x'])

  removeGarbage(findGarbage(root, 30))
  expect(existsSync(join(root, 'rl', 'e'))).toBe(false)
  expect(fileStore(root).open(policy).folder).toBe(join(root, 'rl', 'b'))
  expect(fileStore(root).describe(pathToFileURL(join(root, 'model', 'a')).href).sha256).toBe(model.sha256)
})
