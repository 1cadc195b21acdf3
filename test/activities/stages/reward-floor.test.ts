// Direct RLAIF in which nothing can be learned, as every response is cut and its reward falls to the lowest.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { data as dataStage } from '../../../src/activities/stages/data'
import { rl } from '../../../src/activities/stages/rl'
import { floorFigures } from '../../../src/activities/reward-floor'
import { startEndpoint, type Endpoint } from '../../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const limits = { responseTokens: 4 }
const trained = { algorithm: 'rloo', steps: 5, batchSize: 4, groupSize: 2, candidates: 0, minEntropy: 0 }

let endpoint: Endpoint
let data: Awaited<ReturnType<typeof computeStage>>
beforeAll(async () => {
  endpoint = await startEndpoint(() => ({ '8': 0.6, '3': 0.4 }))
  const file = join(temporaryFolder(), 'rows.jsonl')
  writeFileSync(file, Array.from({ length: 8 }, (_, i) => JSON.stringify({ prompt: `Post ${i}` })).join('\n'))
  const given = { task: 'helpful', data: { path: file, evaluationPrompts: 2 }, limits, model }
  data = await computeStage(dataStage, 'data', given)
})
afterAll(() => endpoint.close())

async function ranWith(missingEosPenalty: number) {
  const warnings: string[] = []
  const labeler = { settings: { baseUrl: endpoint.baseUrl, model: 'judge' } }
  const input = { policy: model, data, labeler, limits, settings: { ...trained, missingEosPenalty } }
  const { summary } = await computeStage(rl, 'rl', input, { warn: (text) => warnings.push(text) })
  return { summary, warnings }
}

test('is said once, while it runs and in its figures, with the remedy', async () => {
  const { summary, warnings } = await ranWith(2)
  expect(warnings).toEqual([
    expect.stringMatching(/every reward of the last 3 steps is -1.*responseTokens \(4\).*set the penalty to 0/),
  ])
  expect(summary).toMatchObject({ floorShare: 1, firstReward: (6 - 5.5) / 4.5 })
})

test('is not said where responses keep their scores', async () => {
  const { summary, warnings } = await ranWith(0)
  expect(warnings).toEqual([])
  expect(summary).not.toHaveProperty('floorShare')
})

test('counts among the last fifth of the steps', () => {
  const steps = (...rewards: number[]) => rewards.map((reward) => ({ reward }))
  expect(floorFigures(steps(-1, -1, -1, -1, -1, -1, -1, -1, -1, 0.2))).toEqual({ floorShare: 0.5 })
  expect(floorFigures(steps(-1, -1, -1, -1, 0.2))).toEqual({})
})
