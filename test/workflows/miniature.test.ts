// The paper in miniature as a workflow. Real server and workflows; the stages are fakes that do nothing. With real
// stages: `npm run miniature`.
import { armsOf, type CompareInput } from '../../src/contracts/compare-input'
import { sweepSchema, type SweepInput } from '../../src/contracts/sweep'
import { trialsOf } from '../../src/contracts/sweep-trials'
import { miniatureSchema, runsOf } from '../../src/contracts/miniature'
import { feedbackRunsOf } from '../../src/contracts/miniature-feedback'
import { roundInput, type RoundsInput } from '../../src/contracts/rounds-input'
import { FEEDBACK_CLAIMS } from '../../src/evaluation/feedback-claims'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'
import type { RunStatus } from '../../src/contracts/status'
import { fakes, record } from './fakes'
import { openSkippingServer } from './server'

jest.setTimeout(120_000)

test('two comparisons and two sweeps start from one pretrained policy, and their reports test the claims', async () => {
  const server = await openSkippingServer()
  const { asked, activities } = fakes()
  try {
    await server.withWorker(activities, async () => {
      const handle = await server.start('miniature', { size: 'quick', seeds: [3, 4] }, 'small')
      expect(await handle.result()).toMatchObject({ report: { uri: expect.stringContaining('/claims/') as string } })
      const { stages } = await handle.query<RunStatus>('status')
      expect(stages.map(({ stage, state }) => `${stage} ${state}`)).toEqual([
        'model done',
        'data done',
        'sft done',
        'summaries done',
        'dialogues done',
        'labels done',
        'rewardModels done',
        'claims done',
      ])
      const claims = asked.at(-1)!
      expect(claims).toMatchObject({
        stage: 'claims',
        input: {
          seeds: [3, 4],
          summaries: { uri: expect.stringContaining('/comparison/') as string },
          dialogues: {},
          labels: { uri: expect.stringContaining('/sweep-report/') as string },
          rewardModels: {},
        },
      })
      const labelers = new Set(
        asked
          .filter(({ stage }) => stage === 'label')
          .map(({ input }) => (input.labeler as { settings: { model: string } }).settings.model),
      )
      expect([...labelers].sort()).toEqual(['L', 'XS'])
      // The truth judges the contests only; a labeler chooses among the steps of a policy.
      const judges = (stage: string) =>
        new Set(
          asked
            .filter((one) => one.stage === stage)
            .map(({ input }) => (input.judge as { settings: { model: string } }).settings.model),
        )
      expect([[...judges('contest')], [...judges('choose')], [...judges('evaluate')]]).toEqual([['gold'], ['L'], ['L']])
      await record(handle, 'miniature')
    })
  } finally {
    await server.close()
  }
})

test.each(['full', 'quick'] as const)('the runs of the %s study are inputs that their workflows accept', (size) => {
  const settings = miniatureSchema.parse({ size })
  const { summaries, dialogues, labels, rewardModels } = runsOf(
    settings,
    'file:///store/sft/0123456789abcdef0123456789abcdef',
  )
  const arms = (input: object) => armsOf(workflowSchemas.compare.parse(input) as CompareInput)
  const trials = (input: object) => trialsOf(sweepSchema.parse(input) as SweepInput)
  const seeds = size === 'full' ? 5 : 1
  expect([arms(summaries).length, arms(dialogues).length, trials(labels).length, trials(rewardModels).length]).toEqual(
    [size === 'full' ? 7 : 6, 3, 4, 5].map((each) => each * seeds),
  )
  expect(arms(summaries).flatMap(({ seed }) => seed)).not.toContain(77) // where the settings were searched for
})

test('the study of feedback compares policies, labelers and rounds, whose reports test the claims of their sources', async () => {
  const server = await openSkippingServer()
  const { asked, activities } = fakes()
  try {
    await server.withWorker(activities, async () => {
      const handle = await server.start('miniature', { study: 'feedback', size: 'quick', seeds: [3] }, 'feedback')
      expect(await handle.result()).toMatchObject({ report: { uri: expect.stringContaining('/claims/') as string } })
      const { stages } = await handle.query<RunStatus>('status')
      expect(stages.map(({ stage, state }) => `${stage} ${state}`)).toEqual([
        'model done',
        'data done',
        'sft done',
        'policies done',
        'labels done',
        'rounds, seed 3 done',
        'claims done',
      ])
      expect(asked.at(-1)).toMatchObject({
        stage: 'claims',
        input: {
          study: 'feedback',
          seeds: [3],
          summaries: { uri: expect.stringContaining('/comparison/') as string },
          labels: { uri: expect.stringContaining('/sweep-report/') as string },
          rounds: [{ uri: expect.stringContaining('/comparison/') as string }],
        },
      })
      await record(handle, 'miniature-feedback')
    })
  } finally {
    await server.close()
  }
})

test.each(['full', 'quick'] as const)(
  'the runs of the %s study of feedback are accepted, and have what claims name',
  (size) => {
    const settings = miniatureSchema.parse({ study: 'feedback', size })
    const { policies, labels, rounds } = feedbackRunsOf(settings, 'file:///store/sft/0123456789abcdef0123456789abcdef')
    const arms = armsOf(workflowSchemas.compare.parse(policies) as CompareInput)
    const seeds = size === 'full' ? [201, 202, 203, 204, 205] : [201]
    expect([arms.length, trialsOf(sweepSchema.parse(labels) as SweepInput).length]).toEqual([
      11 * seeds.length,
      3 * seeds.length,
    ])
    const ofRounds = rounds.map((one) => roundInput(workflowSchemas.rounds.parse(one) as RoundsInput))
    expect(ofRounds.map(({ method, seed }) => [method, seed])).toEqual(seeds.map((seed) => ['dpo', seed]))
    const names = [...arms.map(({ name }) => name), 'round 1', 'round 2', 'one score', 'rubric']
    const named = FEEDBACK_CLAIMS.flatMap(({ measures }) => /^wins of (.*) over (.*)$/.exec(measures)?.slice(1) ?? [])
    expect(names).toEqual(expect.arrayContaining(named))
  },
)
