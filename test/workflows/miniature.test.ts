// The paper in miniature as a workflow. Real server and workflows; the stages are fakes that do nothing. With real stages: `npm run miniature`.
import { sweepSchema, type SweepInput } from '../../src/contracts/sweep'
import { trialsOf } from '../../src/contracts/sweep-trials'
import { miniatureSchema, runsOf } from '../../src/contracts/miniature'
import { armsOf, workflowSchemas, type CompareInput } from '../../src/contracts/workflow-inputs'
import type { RunStatus } from '../../src/contracts/status'
import { fakes, record } from './fakes'
import { openSkippingServer } from './server'

jest.setTimeout(120_000)

test('one pretrained policy, two comparisons and two sweeps on it, and the claims of what they found', async () => {
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
      // The truth judges the contests alone; what chooses among the steps of a policy is a labeler.
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

test.each(['full', 'quick'] as const)(
  'the %s study is made of runs that are taken as they are, of the same claims',
  (size) => {
    const settings = miniatureSchema.parse({ size })
    const { summaries, dialogues, labels, rewardModels } = runsOf(
      settings,
      'file:///store/sft/0123456789abcdef0123456789abcdef',
    )
    const arms = (input: object) => armsOf(workflowSchemas.compare.parse(input) as CompareInput)
    const trials = (input: object) => trialsOf(sweepSchema.parse(input) as SweepInput)
    const seeds = size === 'full' ? 5 : 1
    expect([
      arms(summaries).length,
      arms(dialogues).length,
      trials(labels).length,
      trials(rewardModels).length,
    ]).toEqual([size === 'full' ? 7 : 6, 3, 4, 5].map((each) => each * seeds))
    expect(arms(summaries).flatMap(({ seed }) => seed)).not.toContain(77) // where the settings were searched for
  },
)
