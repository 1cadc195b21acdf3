// Sweeps as workflows. Real server and workflows; the stages are fakes that do nothing.
import { ApplicationFailure, Context } from '@temporalio/activity'
import type { WorkflowHandle } from '@temporalio/client'
import type { RunStatus } from '../../src/contracts/status'
import type { EndedTrial, SweepResult } from '../../src/contracts/sweep'
import { fakes, record, type Inputs } from './fakes'
import { openPlainServer, type WorkflowServer } from './server'

jest.setTimeout(180_000)

let server: WorkflowServer
beforeAll(async () => {
  server = await openPlainServer()
})
afterAll(() => server.close())

const artifact = { uri: 'file:///store/x', sha256: '0'.repeat(64), bytes: 1, summary: {} }
/** A sweep whose trials run one stage and differ in its epochs. */
const ofOneStage = (epochs: number[], more: object = {}) => ({
  workflow: 'rewardModel',
  base: { policy: artifact, labels: artifact },
  axes: [{ field: 'rewardModel.epochs', values: epochs }],
  ...more,
})
const epochsOf = (input: Record<string, unknown>) => (input.settings as { epochs: number }).epochs
const trained = (asked: Inputs) =>
  asked.filter(({ stage }) => stage === 'reward-model').map(({ input }) => epochsOf(input))
const reported = (asked: Inputs) =>
  asked.find(({ stage }) => stage === 'sweep-report')!.input as { ended: EndedTrial[]; title: string }
const line = async (handle: WorkflowHandle) =>
  (await handle.query<RunStatus>('status')).stages.find(({ stage }) => stage === 'trials')?.message ?? ''
async function until(handle: WorkflowHandle, wanted: RegExp): Promise<void> {
  for (let tries = 0; !wanted.test(await line(handle).catch(() => '')); tries++) {
    if (tries > 200) throw new Error(`waited for ${String(wanted)} in vain; it says: ${await line(handle)}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}

test('each point at each seed is its own run with its own input, and the report gets the outcome of each', async () => {
  const { asked, activities } = fakes(undefined, { winRate: 0.6, cost: 0.5 })
  await server.withWorker(activities, async () => {
    const handle = await server.start(
      'sweep',
      {
        name: 'weights',
        base: { task: 'harmless', rl: { steps: 3 } },
        axes: [{ field: 'rl.klWeight', values: [0.1, 0.2] }],
        seeds: [1, 2],
        maxConcurrent: 3,
      },
      'weights',
    )
    const { trials, report } = (await handle.result()) as SweepResult
    expect(trials).toEqual({ done: 4, failed: 0, skipped: 0 })
    expect(report.uri).toMatch(/sweep-report/)
    expect(
      asked
        .filter(({ stage }) => stage === 'rl')
        .map(({ input }) => [
          input.seed,
          (input.settings as { klWeight: number; steps: number }).klWeight,
          (input.settings as { steps: number }).steps,
        ])
        .sort(),
    ).toEqual([
      [1, 0.1, 3],
      [1, 0.2, 3],
      [2, 0.1, 3],
      [2, 0.2, 3],
    ])
    expect(reported(asked).ended).toEqual(
      [0, 1, 2, 3].map((trial) => ({
        trial,
        state: 'done',
        seconds: expect.any(Number),
        cost: expect.closeTo(5),
        metric: 0.6,
        result: { uri: expect.stringMatching(/report/), sha256: artifact.sha256 },
      })),
    )
    const child = server.client.workflow.getHandle('weights/trial-2')
    expect((await child.describe()).type).toBe('align')
    await record(handle, 'sweep')
  })
})

test('a failed trial leaves the others alone, and retryFailed runs it again while the sweep is running', async () => {
  let broken = true
  let release: () => void = () => {}
  const gate = new Promise<void>((open) => (release = open))
  const { asked, activities } = fakes((stage, input) => {
    if (stage === 'reward-model' && epochsOf(input) === 2 && broken)
      throw ApplicationFailure.nonRetryable('the disk is on fire')
  })
  const slow = {
    ...activities,
    'reward-model': async (input: Record<string, unknown>) => (
      epochsOf(input) === 3 && (await gate),
      activities['reward-model']!(input)
    ),
  }
  await server.withWorker(slow, async () => {
    const handle = await server.start('sweep', ofOneStage([1, 2, 3]), 'retried')
    await until(handle, /1 of 3 trials done, 1 failed, 1 running/)
    broken = false
    expect(await handle.executeUpdate<string, []>('retryFailed')).toBe('1 trial runs again')
    release()
    expect(((await handle.result()) as SweepResult).trials).toEqual({ done: 3, failed: 0, skipped: 0 })
    expect(trained(asked)).toEqual([1, 2, 3, 2])
    await record(handle, 'sweep-failed-trial-retried')
  })
})

test('when too many trials fail, no further trial starts, and the report has the reason', async () => {
  const { asked, activities } = fakes((stage) => {
    if (stage === 'reward-model') throw ApplicationFailure.nonRetryable('no such device')
  })
  await server.withWorker(activities, async () => {
    const handle = await server.start('sweep', ofOneStage([1, 2, 3, 4, 5, 6, 7]), 'all-fail')
    expect(((await handle.result()) as SweepResult).trials).toEqual({ done: 0, failed: 5, skipped: 2 })
    expect(reported(asked).ended[6]).toEqual({
      trial: 6,
      state: 'skipped',
      message: expect.stringMatching(/5 of 5 trials failed.*"tolerate"/),
    })
    expect(reported(asked).ended[0]!.message).toBe('no such device')
  })
})

test('a parked trial does not hold up the others, and is resumed in its own run', async () => {
  let down = true
  const { asked, activities } = fakes((stage, input) => {
    if (stage === 'reward-model' && epochsOf(input) === 1 && down)
      throw ApplicationFailure.nonRetryable('endpoint is down')
  })
  await server.withWorker(activities, async () => {
    const handle = await server.start('sweep', ofOneStage([1, 2, 3], { onFailure: 'wait' }), 'parked')
    await until(handle, /2 of 3 trials done, 1 parked/)
    down = false
    await server.client.workflow
      .getHandle('parked/trial-0')
      .executeUpdate('resolveFailure', { args: [{ action: 'retry' }] })
    expect(((await handle.result()) as SweepResult).trials).toEqual({ done: 3, failed: 0, skipped: 0 })
    expect(trained(asked)).toEqual([1, 2, 3, 1])
    await record(handle, 'sweep-trial-parked')
    await record(server.client.workflow.getHandle('parked/trial-0'), 'trial-parked')
  })
})

test('a paused sweep starts no trial; a stopped one gives up parked trials, ends the others, and reports', async () => {
  const { asked, activities } = fakes((stage, input) => {
    if (stage === 'reward-model' && epochsOf(input) === 1) throw ApplicationFailure.nonRetryable('endpoint is down')
  })
  await server.withWorker(activities, async () => {
    const handle = await server.start('sweep', ofOneStage([1, 2, 3, 4], { onFailure: 'wait' }), 'stopped')
    expect(await handle.executeUpdate<string, []>('pause')).toBe('paused')
    await until(handle, /1 parked.*paused|paused/)
    const before = trained(asked).length
    expect(before).toBeLessThan(4)
    await new Promise((done) => setTimeout(done, 500))
    expect(await handle.executeUpdate<string, []>('stop')).toBe('stopped')
    const { trials } = (await handle.result()) as SweepResult
    expect(trials.failed + trials.done + trials.skipped).toBe(4)
    expect(trials.skipped).toBeGreaterThanOrEqual(1)
    expect(reported(asked).ended.find(({ state }) => state === 'skipped')!.message).toBe('stopped by a person')
  })
})

test('a trial that parks after the sweep was stopped is given up: the report does not wait for a person', async () => {
  let release: () => void = () => {}
  const gate = new Promise<void>((open) => (release = open))
  const { activities } = fakes((stage) => {
    if (stage === 'reward-model') throw ApplicationFailure.nonRetryable('endpoint is down')
  })
  const slow = {
    ...activities,
    'reward-model': async (input: Record<string, unknown>) => (await gate, activities['reward-model']!(input)),
  }
  await server.withWorker(slow, async () => {
    const handle = await server.start('sweep', ofOneStage([1, 2], { onFailure: 'wait' }), 'stopped-first')
    await until(handle, /1 running/)
    await handle.executeUpdate<string, []>('stop')
    release()
    expect(((await handle.result()) as SweepResult).trials).toEqual({ done: 0, failed: 1, skipped: 1 })
  })
})

test('names of any script and length are accepted', async () => {
  const { activities } = fakes()
  await server.withWorker(activities, async () => {
    const labels = ['長'.repeat(60), '🜚'.repeat(30)]
    const handle = await server.start(
      'sweep',
      { ...ofOneStage([1, 2]), name: 'β'.repeat(80), axes: [{ field: 'rewardModel.epochs', values: [1, 2], labels }] },
      'scripts',
    )
    expect(((await handle.result()) as SweepResult).trials.done).toBe(2)
  })
})

test('no trial starts after the cost budget is spent', async () => {
  const { asked, activities } = fakes(undefined, { cost: 2 })
  await server.withWorker(activities, async () => {
    const price = { baseUrl: 'http://127.0.0.1:9/v1', model: 'm', price: { inputPerMillion: 1, outputPerMillion: 1 } }
    const axes = [{ field: 'label.maxFailedShare', values: [0, 0.1, 0.2, 0.3] }]
    const handle = await server.start(
      'sweep',
      { workflow: 'label', base: { samples: artifact, labeler: price }, axes, budget: { cost: 3 } },
      'poor',
    )
    expect(((await handle.result()) as SweepResult).trials).toEqual({ done: 2, failed: 0, skipped: 2 })
    expect(reported(asked).ended[3]!.message).toMatch(/"budget.cost" is spent: 4\.00 of 3/)
  })
})

test('a long sweep continues in a new run, and counts every trial once', async () => {
  const { asked, activities } = fakes()
  await server.withWorker(activities, async () => {
    const epochs = Array.from({ length: 260 }, (_, i) => i + 1)
    const handle = await server.start('sweep', ofOneStage(epochs, { maxTrials: 260, maxConcurrent: 20 }), 'long')
    const first = (await handle.describe()).runId
    expect(((await handle.result()) as SweepResult).trials).toEqual({ done: 260, failed: 0, skipped: 0 })
    expect((await handle.describe()).runId).not.toBe(first)
    expect(trained(asked).sort((a, b) => a - b)).toEqual(epochs)
    expect(reported(asked).ended.map(({ trial }) => trial)).toEqual(epochs.map((_, i) => i))
    await record(server.client.workflow.getHandle('long'), 'sweep-continued')
  })
})

test('the trials of a cancelled sweep are cancelled with it', async () => {
  const { asked, activities } = fakes()
  const waiting = { ...activities, 'reward-model': () => Context.current().cancelled }
  await server.withWorker(waiting, async () => {
    const handle = await server.start('sweep', ofOneStage([1, 2], { maxConcurrent: 2 }), 'cancelled')
    await until(handle, /2 running/)
    await handle.cancel()
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } })
    await expect(server.client.workflow.getHandle('cancelled/trial-1').result()).rejects.toMatchObject({
      cause: { name: 'CancelledFailure' },
    })
    expect(asked).toEqual([])
  })
})

test.each<[string, object, RegExp]>([
  ['typo', { axes: [{ field: 'rl.klWeigth', values: [1] }] }, /unknown field "rl\.klWeigth"/],
  ['empty', { axes: [] }, /field "axes" is empty/],
  ['many', { axes: [{ field: 'rl.steps', values: [1, 2, 3] }], maxTrials: 2 }, /field "maxTrials"/],
  ['budget', { axes: [{ field: 'rl.steps', values: [1] }], budget: { hours: -1 } }, /field "budget\.hours"/],
])('a bad sweep (%s) fails at the start with a message that names the field', async (id, input, message) => {
  const { asked, activities } = fakes()
  await server.withWorker(activities, async () => {
    const handle = await server.start('sweep', input, `bad-${id}`)
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: expect.stringMatching(message) } })
    expect(asked).toEqual([])
  })
})
