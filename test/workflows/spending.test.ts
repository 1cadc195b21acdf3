// Money that is spent without a result: of failed stages and of failed trials. Real server and workflows; the stages
// are fakes.
import { ApplicationFailure } from '@temporalio/activity'
import type { RunStatus } from '../../src/contracts/status'
import type { EndedTrial, SweepResult } from '../../src/contracts/sweep'
import { fakes } from './fakes'
import { openPlainServer, type WorkflowServer } from './server'

jest.setTimeout(180_000)

let server: WorkflowServer
beforeAll(async () => {
  server = await openPlainServer()
})
afterAll(() => server.close())

/** As execute-stage.ts fails: with the child's stack and what the run has paid for the stage. */
const refused = (work: string, cost: number) =>
  ApplicationFailure.create({
    message: 'labeler: the budget is spent',
    nonRetryable: true,
    details: ['stack', { spent: { work, cost } }],
  })
const parked = async (handle: Awaited<ReturnType<WorkflowServer['start']>>) => {
  for (;;) {
    const { stages } = await handle.query<RunStatus>('status')
    if (stages.some(({ state }) => state === 'parked')) return
    await new Promise((done) => setTimeout(done, 50))
  }
}

test('a failed attempt counts in the cost of its run, once: the next one says the total of both', async () => {
  let attempts = 0
  const { activities } = fakes((stage) => {
    if (stage === 'label' && ++attempts === 1) throw refused('label-1', 3)
    if (stage === 'label' && attempts === 2) throw refused('label-2', 2)
  })
  const label = activities.label!
  const counting = async (input: Record<string, unknown>) => ({
    ...(await label(input)),
    spent: { work: 'label-2', cost: 2.5 },
  })
  await server.withWorker({ ...activities, label: counting }, async () => {
    const handle = await server.start('align', {}, 'failed-attempts')
    for (let n = 0; n < 2; n++) {
      await parked(handle)
      await handle.executeUpdate('resolveFailure', { args: [{ action: 'retry' }] })
    }
    expect(await handle.result()).toMatchObject({ spent: 5.5 })
  })
})

test('failed trials count in the cost of a sweep and in its budget; so do earlier runs of a trial', async () => {
  let failures = 0
  const { asked, activities } = fakes((stage) => {
    if (stage === 'label' && ++failures <= 4) throw refused(`label-${failures}`, 2)
  })
  await server.withWorker(activities, async () => {
    const handle = await server.start(
      'sweep',
      {
        base: {
          onFailure: 'fail',
          labeler: { baseUrl: 'http://h/v1', model: 'm', price: { inputPerMillion: 1, outputPerMillion: 1 } },
        },
        axes: [{ field: 'rl.klWeight', values: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6] }],
        budget: { cost: 5 },
      },
      'failed-trials',
    )
    const { trials } = (await handle.result()) as SweepResult
    expect(trials).toEqual({ done: 0, failed: 3, skipped: 3 })
    const { ended } = asked.find(({ stage }) => stage === 'sweep-report')!.input as { ended: EndedTrial[] }
    expect(ended.map(({ cost }) => cost)).toEqual([2, 2, 2, undefined, undefined, undefined])
    expect(ended[0]!.message).toBe('labeler: the budget is spent')
    expect(ended[5]!.message).toMatch(/"budget\.cost" is spent: 6\.00 of 5/)
  })
})

test('an arm that failed counts in the cost of its comparison', async () => {
  const { activities } = fakes((stage, input) => {
    if (stage === 'rl' && (input.settings as { steps: number }).steps === 7) throw refused('rl-7', 4)
  })
  await server.withWorker(activities, async () => {
    const arm = (name: string, steps: number) => ({ name, input: { rl: { steps } } })
    const handle = await server.start(
      'compare',
      { base: { onFailure: 'fail' }, arms: [arm('a', 5), arm('b', 6), arm('c', 7)], onFailure: 'fail' },
      'failed-arm',
    )
    expect(await handle.result()).toMatchObject({ spent: 4 })
  })
})
