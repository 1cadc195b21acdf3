// Comparisons as workflows. Real server and workflows; the stages are fakes that do nothing.
import { ApplicationFailure } from '@temporalio/activity'
import type { RunStatus } from '../../src/contracts/status'
import { fakes, record } from './fakes'
import { openSkippingServer, type WorkflowServer } from './server'

jest.setTimeout(120_000)

let server: WorkflowServer
beforeAll(async () => {
  server = await openSkippingServer()
})
afterAll(() => server.close())

test('each arm is its own run, each seed has a contest, and one report covers them all', async () => {
  const { asked, activities } = fakes()
  await server.withWorker(activities, async () => {
    const arms = ['sft', 'same-size', { name: 'gentle', like: 'rlaif', input: { rl: { klWeight: 0.2 } } }]
    const handle = await server.start(
      'compare',
      { arms, seeds: [1, 2], maxConcurrent: 2, base: { task: 'harmless', rl: { steps: 3 } } },
      'compared',
    )
    const { contests, policies } = (await handle.result()) as { contests: object[]; policies: object }
    expect(contests).toHaveLength(2)
    expect(Object.keys(policies)).toEqual([
      'sft, seed 1',
      'same-size, seed 1',
      'gentle, seed 1',
      'sft, seed 2',
      'same-size, seed 2',
      'gentle, seed 2',
    ])
    const { stages } = await handle.query<RunStatus>('status')
    expect(stages.map(({ stage, state }) => `${stage} ${state}`)).toEqual(
      expect.arrayContaining([
        'gentle, seed 2 done',
        'respond: sft, seed 1 done',
        'contest, seed 2 done',
        'comparison done',
      ]),
    )
    expect(
      asked
        .filter(({ stage }) => stage === 'rl')
        .map(({ input }) => input.settings as { klWeight: number; steps: number })
        .map(({ klWeight, steps }) => [klWeight, steps]),
    ).toEqual(
      expect.arrayContaining([
        [0.05, 3],
        [0.2, 3],
      ]),
    )
    const labelled = asked
      .filter(({ stage }) => stage === 'label')
      .map(({ input }) => (input.labeler as { settings: { model: string } }).settings.model)
    expect(labelled.sort()).toEqual(['default', 'default', 'policy', 'policy'])
    await record(handle, 'compare')
  })
})

test('a failed arm is reported and leaves the others alone; fewer than two completed arms fail the run', async () => {
  const { asked, activities } = fakes((stage, input) => {
    if (stage === 'rl' && (input.settings as { steps: number }).steps === 13)
      throw ApplicationFailure.nonRetryable('the device is on fire')
  })
  await server.withWorker(activities, async () => {
    const bad = { name: 'bad', input: { rl: { steps: 13 } } }
    const handle = await server.start('compare', { arms: ['sft', 'rlaif', bad], onFailure: 'fail' }, 'one-fails')
    await handle.result()
    const report = asked.find(({ stage }) => stage === 'comparison')!.input as {
      arms: { name: string; failed?: string }[]
    }
    expect(report.arms.map(({ name, failed }) => [name, failed])).toEqual([
      ['sft', undefined],
      ['rlaif', undefined],
      ['bad', expect.stringMatching(/fire/)],
    ])
    await record(handle, 'compare-arm-failed')
    const alone = await server.start('compare', { arms: ['sft', bad], onFailure: 'fail' }, 'all-fail')
    await expect(alone.result()).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/fewer than two arms completed.*bad: .*fire/) },
    })
  })
})

test.each([
  [{ arms: ['sft'] }, /field "arms"/],
  [{ arms: ['sft', 'sft'] }, /"arms" names sft twice/],
  [{ arms: ['sft', { name: 'x', input: { rl: { stepz: 3 } } }] }, /arm x: .*stepz/s],
  [{ base: { task: 7 } }, /arm sft: .*"task"/s],
])('%j is refused with a message that names the arm and the field', async (input, message) => {
  const { activities } = fakes()
  await server.withWorker(activities, async () => {
    const handle = await server.start('compare', input, `bad-${JSON.stringify(input).length}`)
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: expect.stringMatching(message) } })
  })
})

test('responses for a contest are sampled in the precision of the arm that they are of', async () => {
  const { asked, activities } = fakes()
  await server.withWorker(activities, async () => {
    const arms = ['sft', { name: 'exact', input: { precision: 'float32' } }]
    await (await server.start('compare', { arms, base: { method: 'sft', precision: 'bfloat16' } }, 'halves')).result()
    const sampled = asked.filter(({ stage }) => stage === 'respond').map(({ input }) => input.precision)
    expect(sampled).toEqual(['bfloat16', 'float32'])

    asked.length = 0
    await (await server.start('compare', { arms: ['sft', 'rlaif'] }, 'no halves')).result()
    expect(JSON.stringify(asked.map(({ input }) => input))).not.toContain('precision')
  })
})
