// A response that people wrote and that does not fit into limits.responseTokens: cut without an end, and counted.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SampledPair } from '../../../src/activities/rows'
import { data as dataStage } from '../../../src/activities/stages/data'
import { humanLabels } from '../../../src/activities/stages/human-labels'
import { rewardModel } from '../../../src/activities/stages/reward-model'
import { sample } from '../../../src/activities/stages/sample'
import { sft } from '../../../src/activities/stages/sft'
import { encodeResponse } from '../../../src/activities/written-responses'
import { endId } from '../../../src/model/ending'
import { loadModelAndTokenizer } from '../../../src/model/loaded'
import { trainSft } from '../../../src/training/sft'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

/** The real one, which also records what it is given. */
jest.mock('../../../src/training/sft', () => {
  const real = jest.requireActual<typeof import('../../../src/training/sft')>('../../../src/training/sft')
  return { ...real, trainSft: jest.fn(real.trainSft) }
})

const folder = writeTinyFolder()
const loaded = loadModelAndTokenizer(folder)
const model = { uri: `file://${folder}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const limits = { responseTokens: 5 }
const LONG = 'one two three four five six seven eight'
const file = join(temporaryFolder(), 'rows.jsonl')
const rows = Array.from({ length: 10 }, (_, i) => ({
  prompt: `Post ${i}`,
  reference: i % 2 ? LONG : 'yes',
  responses: ['yes', LONG],
  preferred: 1 + (i % 2),
}))
writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))

test('a text that fits has its end; one that does not is cut without', () => {
  const [end, ids] = [endId(loaded), loaded.tokenizer.encode(LONG)]
  const encode = (text: string, responseTokens: number) => encodeResponse(loaded, text, { responseTokens })
  expect(encode(LONG, 5)).toEqual({ ids: ids.slice(0, 5), stopped: false })
  expect(encode(LONG, ids.length)).toEqual({ ids, stopped: false })
  expect(encode(LONG, ids.length + 1)).toEqual({ ids: [...ids, end], stopped: true })
})

test('SFT learns no end in mid-sentence; every stage counts what was cut', async () => {
  const data = await computeStage(dataStage, 'data', {
    task: 'helpful',
    data: { path: file, evaluationPrompts: 2 },
    limits,
    model,
  })
  const tuned = await computeStage(sft, 'sft', { model, data, limits, settings: {} })
  const learned = jest.mocked(trainSft).mock.calls[0]![1].map(({ response }) => response)
  const cut = learned.filter((response) => response.length === limits.responseTokens)
  expect(cut.length).toBeGreaterThan(0)
  expect(cut.filter((response) => response.includes(endId(loaded)))).toEqual([])
  expect(tuned.summary).toMatchObject({ examples: 8, cutReferences: cut.length, cutShare: cut.length / 8 })

  const labels = await computeStage(humanLabels, 'human-labels', { data, model, limits })
  expect(labels.summary).toMatchObject({ labels: 8, cutResponses: 8, cutShare: 0.5 })
  const asked = await computeStage(sample, 'sample', { policy: model, data, limits, settings: { source: 'data' } })
  expect(asked.summary).toMatchObject({ cutResponses: 8, cutShare: 0.5, endedShare: 0.5 })
  const [first] = readFileSync(join(asked.uri.slice('file://'.length), 'samples.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SampledPair)
  expect([first!.first.stopped, first!.second.stopped].sort()).toEqual([false, true])
  const references = { data, limits }
  const trained = await computeStage(rewardModel, 'reward-model', {
    policy: model,
    labels: [labels],
    references,
    settings: {},
  })
  expect(trained.summary).toMatchObject({ cutReferences: cut.length, cutShare: cut.length / 8, humanCutShare: 0.5 })
})
