// A stage that fails permanently parks the run until a person decides. Real server and workflows; the stages are fakes
// that fail on demand.
import { ApplicationFailure } from '@temporalio/activity'
import { defineSearchAttributeKey } from '@temporalio/common'
import type { WorkflowHandle } from '@temporalio/client'
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes'
import type { AlignResult, RunStatus } from '../../src/contracts/status'
import { fakes, record } from './fakes'
import { openSkippingServer, type WorkflowServer } from './server'

jest.setTimeout(120_000)

let server: WorkflowServer
beforeAll(async () => {
  server = await openSkippingServer()
})
afterAll(() => server.close())

const statusOf = async (handle: WorkflowHandle, name: keyof typeof SEARCH_ATTRIBUTES) =>
  (await handle.describe()).typedSearchAttributes.get(defineSearchAttributeKey(SEARCH_ATTRIBUTES[name], 'KEYWORD'))
const stages = async (handle: WorkflowHandle) => (await handle.query<RunStatus>('status')).stages

async function untilParked(handle: WorkflowHandle) {
  for (;;) {
    const parked = (await stages(handle)).find(({ state }) => state === 'parked')
    if (parked) return parked
    await new Promise((done) => setTimeout(done, 50))
  }
}
const resolve = (handle: WorkflowHandle, message: unknown) =>
  handle.executeUpdate<string, [unknown]>('resolveFailure', { args: [message] })
const refused = (handle: WorkflowHandle, message: unknown) =>
  resolve(handle, message).then(
    () => 'accepted',
    (error: Error) => (error.cause as Error | undefined)?.message ?? error.message,
  )
const endpointIs = (input: Record<string, unknown>) =>
  (input.labeler as { settings: { baseUrl: string } }).settings.baseUrl

test('a labeler that is down parks the run after five attempts; an override resumes it, and it completes', async () => {
  const { asked, activities } = fakes((stage, input) => {
    if (stage === 'label' && endpointIs(input) === 'http://down/v1')
      throw new Error('label: the endpoint does not answer')
  })
  await server.withWorker(activities, async () => {
    const handle = await server.start(
      'align',
      { labeler: { baseUrl: 'http://down/v1', model: 'judge', orders: 1 } },
      'down',
    )
    expect(await untilParked(handle)).toMatchObject({ stage: 'label', message: 'label: the endpoint does not answer' })
    expect(asked.filter(({ stage }) => stage === 'label')).toHaveLength(5)
    expect(await statusOf(handle, 'status')).toBe('parked')
    expect([await statusOf(handle, 'stage'), await statusOf(handle, 'method'), await statusOf(handle, 'task')]).toEqual(
      ['label', 'rlaif', 'summarization'],
    )
    expect((await handle.describe()).memo!.resetPoints).toMatchObject({
      model: expect.any(Number),
      label: expect.any(Number),
    })

    expect(await refused(handle, { action: 'repeat' })).toMatch(/field "action" got "repeat"/)
    expect(await refused(handle, { action: 'skip' })).toMatch(/stage label cannot be skipped/)
    expect(await refused(handle, { action: 'retry', overrides: { labeler: { baseUrl: 'ftp://x' } } })).toMatch(
      /field "baseUrl" got "ftp:\/\/x"/,
    )
    expect(
      await refused(handle, { action: 'retry', overrides: { settings: { maxFailedShare: 7 }, nonsense: 1 } }),
    ).toMatch(/settings\.maxFailedShare.*\n?.*nonsense/s)
    expect(await refused(handle, { action: 'abort', overrides: { seed: 2 } })).toMatch(
      /"overrides" requires action "retry"/,
    )

    expect(await resolve(handle, { action: 'retry', overrides: { labeler: { baseUrl: 'http://up/v1' } } })).toBe(
      'label: retry',
    )
    await handle.result()
    const last = asked.filter(({ stage }) => stage === 'label').at(-1)!.input
    expect(last.labeler).toMatchObject({ settings: { baseUrl: 'http://up/v1', model: 'judge', orders: 1 } })
    expect(asked.filter(({ stage }) => stage === 'sample')).toHaveLength(1)
    expect(await statusOf(handle, 'status')).toBe('done')
    expect(await refused(handle, { action: 'retry' })).not.toBe('accepted')
    await record(handle, 'align-rlaif-parked-and-mended')
  })
})

test('an override may replace an endpoint by a local labeler, whose model is then resolved', async () => {
  const { asked, activities } = fakes((stage, input) => {
    if (stage === 'label' && 'baseUrl' in (input.labeler as { settings: object }).settings)
      throw ApplicationFailure.nonRetryable('refused')
  })
  await server.withWorker(activities, async () => {
    const handle = await server.start(
      'align',
      { labeler: { baseUrl: 'http://down/v1', model: 'judge' }, model: '/models/mine' },
      'replaced',
    )
    await untilParked(handle)
    await resolve(handle, { action: 'retry', overrides: { labeler: 'default' } })
    await handle.result()
    expect(asked.filter(({ stage }) => stage === 'label').at(-1)!.input.labeler).toMatchObject({
      settings: { model: 'default' },
      model: { uri: expect.stringContaining('/model/') },
    })
  })
})

test('a watch that parks the run takes another action; what it has seen stays a warning', async () => {
  const overOptimized = 'over-optimized: from step 0 to step 4 …'
  const { asked, activities } = fakes(
    (stage, input) => {
      if (stage === 'rl' && (input.watch as { action: string }).action === 'park')
        throw ApplicationFailure.nonRetryable(`training: ${overOptimized}`, 'OverOptimized')
    },
    { overOptimized },
  )
  await server.withWorker(activities, async () => {
    const handle = await server.start('align', { rl: { watch: { ask: 'pairs', action: 'park' } } }, 'watched')
    const [back] = (await untilParked(handle)).waysOn!.examples
    expect(back).toEqual({ rl: { watch: { action: 'back' } } })
    await resolve(handle, { action: 'retry', overrides: back })
    await handle.result()
    const { watch, settings } = asked.findLast(({ stage }) => stage === 'rl')!.input
    const model = { uri: expect.stringContaining('/model/') as string }
    expect(watch).toMatchObject({ settings: { model: 'default' }, model, ask: 'pairs', action: 'back' })
    expect(settings).not.toHaveProperty('watch')
    expect((await handle.query<RunStatus>('status')).warnings).toEqual([overOptimized])
  })
})

test('a stage that the run can do without may be skipped; the signal does the same as the update', async () => {
  const { asked, activities } = fakes((stage) => {
    if (stage === 'choose' || stage === 'evaluate') throw ApplicationFailure.nonRetryable(`${stage} is broken`)
  })
  await server.withWorker(activities, async () => {
    const handle = await server.start('align', {}, 'skipped')
    expect(await untilParked(handle)).toMatchObject({ stage: 'choose' })
    await handle.signal('resolveFailure', { action: 'leave it' }) // malformed: ignored
    await handle.signal('resolveFailure', { action: 'skip' })
    while ((await untilParked(handle)).stage !== 'evaluate') await new Promise((done) => setTimeout(done, 50))
    await resolve(handle, { action: 'skip' })
    const { policy } = (await handle.result()) as { policy: { uri: string } }
    expect(policy.uri).toMatch(/\/rl\//)
    expect(
      (await stages(handle)).filter(({ state }) => state === 'skipped').map(({ stage, message }) => [stage, message]),
    ).toEqual([
      ['choose', 'skipped by a person after: choose is broken'],
      ['evaluate', 'skipped by a person after: evaluate is broken'],
    ])
    expect(asked.at(-1)!.stage).toBe('report')
    await record(handle, 'align-rlaif-stages-skipped')
  })
})

test('fromStage runs that stage and the later ones again, and takes the earlier ones from the store', async () => {
  const { asked, activities } = fakes(() => {})
  await server.withWorker(activities, async () => {
    await (await server.start('align', { fromStage: 'reward-model' }, 'from-stage')).result()
    expect(asked.filter(({ input }) => input.cache === 'refresh').map(({ stage }) => stage)).toEqual([
      'reward-model',
      'rl',
      'choose',
      'evaluate',
      'report',
    ])
    await expect(
      (await server.start('align', { method: 'sft', fromStage: 'rl' }, 'no-stage')).result(),
    ).rejects.toMatchObject({
      cause: {
        message: expect.stringMatching(
          /"fromStage" got "rl", which is no stage of this run; its stages are model, data, sft/,
        ),
      },
    })
  })
})

test('"abort" fails the run with the reason; onFailure "fail" does so without a person', async () => {
  const { activities } = fakes((stage) => {
    if (stage === 'sft') throw ApplicationFailure.nonRetryable('no references')
  })
  await server.withWorker(activities, async () => {
    const waiting = await server.start('align', {}, 'aborted')
    await untilParked(waiting)
    await resolve(waiting, { action: 'abort' })
    const failing = await server.start('align', { onFailure: 'fail' }, 'failing')
    for (const handle of [waiting, failing]) {
      await expect(handle.result()).rejects.toThrow('Workflow execution failed')
      expect(await statusOf(handle, 'status')).toBe('failed')
      expect((await stages(handle)).find(({ stage }) => stage === 'sft')).toMatchObject({
        state: 'failed',
        message: 'no references',
      })
    }
    await record(waiting, 'align-aborted')
    await record(failing, 'align-failed')
  })
})

test('a run that nobody resolves for 30 days fails', async () => {
  const { activities } = fakes((stage) => {
    if (stage === 'data') throw ApplicationFailure.nonRetryable('no such file')
  })
  const started = Date.now()
  await server.withWorker(activities, async () => {
    const handle = await server.start('align', {}, 'forgotten')
    await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' })
    const { startTime, closeTime } = await handle.describe()
    expect((closeTime!.getTime() - startTime.getTime()) / 86_400_000).toBeCloseTo(30, 1)
  })
  expect(Date.now() - started).toBeLessThan(60_000)
})

test('Reset from a reset point runs that stage and the later ones again, and no earlier one', async () => {
  let broken = true
  const { asked, activities } = fakes((stage) => {
    if (stage === 'reward-model' && broken) throw ApplicationFailure.nonRetryable('out of luck')
  })
  await server.withWorker(activities, async () => {
    const handle = await server.start('align', { onFailure: 'fail' }, 'reset')
    await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' })
    const { memo, runId } = await handle.describe()
    const { resetPoints } = memo as { resetPoints: Record<string, number> }
    broken = false
    asked.length = 0
    await server.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: 'reset', runId },
      workflowTaskFinishEventId: resetPoints['reward-model'] as never,
      reason: 'fixed',
      requestId: 'once',
    })
    await server.client.workflow.getHandle('reset').result()
    expect(asked.map(({ stage }) => stage)).toEqual(['reward-model', 'rl', 'choose', 'evaluate', 'report'])
  })
})

test.each([
  ['align', {}, 'align-rlaif'],
  ['align', { method: 'sft' }, 'align-sft'],
  ['align', { method: 'rlhf+rlaif', labeler: 'policy' }, 'align-rlhf-and-rlaif'],
  ['align', { method: 'direct-rlaif' }, 'align-direct'],
  ['align', { method: 'dpo' }, 'align-dpo'],
  ['align', { method: 'online-dpo' }, 'align-online-dpo'],
  ['labelStudy', { variants: [{ name: 'one' }, { name: 'two', technique: { exemplars: 1 } }] }, 'label-study'],
  ['rl', {}, 'rl-alone'],
  ['onlineDpo', {}, 'online-dpo-alone'],
])('%s %j completes on stages that do nothing', async (workflow, input, shape) => {
  const { activities } = fakes(() => {})
  await server.withWorker(activities, async () => {
    const handle = await server.start(workflow, input, shape)
    await handle.result()
    await record(handle, shape)
    expect((await stages(handle)).every(({ state }) => state === 'done')).toBe(true)
  })
})

test('a parked stage with a jury takes a quorum, or another labeler, and finds the models again', async () => {
  let failures = 0
  const { asked, activities } = fakes((stage) => {
    if (stage === 'label' && failures++ < 2) throw ApplicationFailure.nonRetryable('labels failed')
  })
  await server.withWorker(activities, async () => {
    const labeler = { jury: ['policy', 'default'] }
    const handle = await server.start('align', { labeler, untilStage: 'reward-model' }, 'jury-parked')
    const overrides = [{ labeler: { quorum: 1 } }, { labeler: 'policy' }]
    for (const override of overrides) {
      await untilParked(handle)
      await resolve(handle, { action: 'retry', overrides: override })
    }
    const { stages: made } = (await handle.result()) as AlignResult
    const labelers = asked.flatMap(({ stage, input }) => (stage === 'label' ? [input.labeler] : []))
    expect(labelers).toMatchObject([
      { models: [made.sft, made.model] },
      { settings: { quorum: 1 }, models: [made.sft, made.model] },
      { settings: { model: 'policy' }, model: made.sft },
    ])
  })
})
