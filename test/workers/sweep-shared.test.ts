// Trials that start together on two GPU workers: each stage they have in common is computed once.
import type { SweepResult } from '../../src/contracts/sweep'
import type { RunStatus } from '../../src/contracts/status'
import { openSite, type Site } from '../site'
import { writeTinyFolder } from '../tiny-folder'

jest.setTimeout(180_000)

let site: Site
beforeAll(async () => {
  site = await openSite()
  site.worker('workflow', 'label')
  site.worker('gpu')
  site.worker('gpu')
})
afterAll(() => site.close())

test('of two trials at the same time, one computes the stages before RL and the other reuses them', async () => {
  const model = writeTinyFolder()
  const base = {
    task: 'harmless',
    model,
    labeler: model,
    judge: model,
    data: { limit: 12, evaluationPrompts: 4 },
    limits: { responseTokens: 6 },
    rewardModel: { epochs: 1 },
    rl: { steps: 2, batchSize: 4, minEntropy: 0, candidates: 0 },
  }
  const sweep = { base, axes: [{ field: 'rl.klWeight', values: [0.05, 0.3] }], maxConcurrent: 2 }
  const result = (await (await site.start('sweep', sweep, 'together')).result()) as SweepResult
  expect(result.trials).toEqual({ done: 2, failed: 0, skipped: 0 })
  const both = await Promise.all(
    [0, 1].map(
      async (trial) =>
        (await site.client.workflow.getHandle(`together/trial-${trial}`).query<RunStatus>('status')).stages,
    ),
  )
  const states = (stage: string) => both.map((stages) => stages.find((one) => one.stage === stage)!.state).sort()
  for (const stage of ['model', 'data', 'sample', 'label', 'reward-model'])
    expect([stage, ...states(stage)]).toEqual([stage, 'done', 'reused'])
  expect(states('rl')).toEqual(['done', 'done'])
  expect(String(result.report.summary.headline)).toMatch(
    /2 of 2 trials done; no setting is best beyond noise; highest win rate .* with rl.klWeight/,
  )
})
