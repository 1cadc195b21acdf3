// Where the pairs for the labeler come from.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { data as dataStage } from '../../../src/activities/stages/data'
import { humanLabels } from '../../../src/activities/stages/human-labels'
import type { LabelledPair, SampledPair } from '../../../src/activities/rows'
import { sample } from '../../../src/activities/stages/sample'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

const folder = writeTinyFolder()
const model = { uri: `file://${folder}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const limits = { responseTokens: 8 }
const dataOf = (rows: object[]) => {
  const file = join(temporaryFolder(), 'rows.jsonl')
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  return computeStage(dataStage, 'data', { task: 'helpful', data: { path: file, evaluationPrompts: 2 }, limits, model })
}
const rowsOf = <T>({ uri }: { uri: string }, file: string) =>
  readFileSync(join(uri.slice('file://'.length), file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)

test('source "data" takes exactly the pairs that people decided, without their decisions', async () => {
  const data = await dataOf(
    Array.from({ length: 10 }, (_, i) => ({
      prompt: `Post ${i}`,
      responses: [`yes ${i}`, `no, never ${i}`],
      preferred: i % 3,
    })),
  )
  const asked = await computeStage(sample, 'sample', { policy: model, data, limits, settings: { source: 'data' } })
  const decided = rowsOf<LabelledPair>(
    await computeStage(humanLabels, 'human-labels', { data, model, limits }),
    'labels.jsonl',
  )
  const samples = rowsOf<SampledPair>(asked, 'samples.jsonl')
  expect(samples).toEqual(
    decided.map(({ id, messages, context, first, second }) => ({ id, messages, context, first, second })),
  )
  expect(asked.summary.pairs).toBe(decided.length)
  expect(JSON.stringify(samples)).not.toMatch(/prefer/)
})

test('by default the policy answers each prompt twice; source "data" refuses data without pairs', async () => {
  const data = await dataOf(Array.from({ length: 6 }, (_, i) => ({ prompt: `Post ${i}` })))
  expect((await computeStage(sample, 'sample', { policy: model, data, limits, settings: {} })).summary.pairs).toBe(4)
  await expect(
    computeStage(sample, 'sample', { policy: model, data, limits, settings: { source: 'data' } }),
  ).rejects.toThrow(/field "sample.source" is "data".*leave it out/)
})
