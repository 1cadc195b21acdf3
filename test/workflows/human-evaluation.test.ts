// Human evaluations as workflows. Real server and workflows; the stages are fakes that do nothing.
import { Client } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes'
import { startDevServer, type DevServer } from '../dev-server'
import { fakes, record } from './fakes'
import { openSkippingServer } from './server'

jest.setTimeout(180_000)

let server: DevServer
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) })
  server = await startDevServer()
  for (const name of Object.values(SEARCH_ATTRIBUTES))
    await server.connection.operatorService.addSearchAttributes({
      namespace: 'default',
      searchAttributes: { [name]: 2 },
    })
})
afterAll(() => server.close())

const ITEMS = 600
const raters = ['anna', 'ben']
const contest = { uri: 'file:///store/contest/1', sha256: '0'.repeat(64), bytes: 1, summary: {} }
const input = (more: object) => ({ contest, raters, prompts: ITEMS, ratingsPerPrompt: 2, checkEvery: 0, ...more })
const figures = { items: ITEMS, responses: 2, checkItems: '', policies: 'a, b' }

test('no rating is lost when the run continues as new; bad and late ratings are refused; "close" ends it', async () => {
  const { asked, activities } = fakes(() => {}, figures)
  let slow: Promise<void> = Promise.resolve()
  let started = 0
  activities.contestOfRun = () => Promise.resolve(contest)
  const results = activities['human-results']!
  activities['human-results'] = async (given: Record<string, unknown>) => {
    const made = await results(given)
    started++
    await slow
    return made
  }
  const client = new Client({ connection: server.connection })
  const connection = await NativeConnection.connect({ address: server.address })
  const worker = await Worker.create({
    connection,
    taskQueue: 'rlaif',
    workflowsPath: require.resolve('../../src/workflows/index.ts'),
    activities,
  })
  const start = (workflowId: string) =>
    client.workflow.start('humanEvaluation', { taskQueue: 'rlaif', workflowId, args: [input({})] })
  await worker.runUntil(async () => {
    const first = await start('rated')
    const handle = client.workflow.getHandle('rated')
    while (!(await handle.query<{ items?: string }>('ratings')).items) await new Promise((done) => setTimeout(done, 50))
    const rate = (message: object) => handle.executeUpdate('rate', { args: [message] })
    const refused = (message: object) =>
      rate(message).then(
        () => 'taken',
        (error: Error) => (error.cause as Error).message,
      )
    expect(await refused({ rater: 'cleo', item: 0, answer: [0, 1], seconds: 1 })).toMatch(/no rater "cleo"/)
    expect(await refused({ rater: 'anna', item: ITEMS, answer: [0, 1], seconds: 1 })).toMatch(/no item 600/)
    expect(await refused({ rater: 'anna', item: 0, answer: [0, 0], seconds: 1 })).toMatch(/no ties/)
    const { item: next } = await handle.query<{ item: number }, [string]>('raterView', 'anna')
    const another = { rater: 'anna', item: (next + 1) % ITEMS, answer: [0, 1], seconds: 1 }
    expect(await refused(another)).toMatch(/has not been given to anna; open the page again/)
    expect(await refused({ rater: 'anna', answer: [0, 1], seconds: 1 })).toMatch(/field "item"/)
    for (let item = 0; item < ITEMS; item++)
      await Promise.all(
        raters.map((rater) => rate({ rater, item, answer: item % 2 ? [0, 1] : [1, 0], seconds: 1, imported: true })),
      )
    expect(await handle.result()).toMatchObject({ ratings: 2 * ITEMS })
    expect((await handle.describe()).runId).not.toBe(first.firstExecutionRunId)
    const { ratings } = asked.find(({ stage }) => stage === 'human-results')!.input as { ratings: number[][] }
    expect(new Set(ratings.map(([item, rater]) => `${item} ${rater}`)).size).toBe(2 * ITEMS)

    const closed = await start('closed')
    await closed.executeUpdate('close')
    expect(await closed.result()).toMatchObject({ ratings: 0 })
    await record(closed, 'human-evaluation-closed')

    const ofRun = await client.workflow.start('humanEvaluation', {
      taskQueue: 'rlaif',
      workflowId: 'of-a-run',
      args: [input({ contest: 'compared' })],
    })
    while (!(await ofRun.query<{ items?: string }>('ratings')).items) await new Promise((done) => setTimeout(done, 50))
    expect(asked.findLast(({ stage }) => stage === 'rating-items')!.input).toMatchObject({ contest })
    await ofRun.executeUpdate('close')
    expect(await ofRun.result()).toMatchObject({ ratings: 0 })
    await record(ofRun, 'human-evaluation-of-a-run')

    // What a run hands to its continuation is not checked again: nobody else may bring it, not even through cron.
    const items = { uri: 'file:///store/rating-items/1', sha256: '1'.repeat(64), bytes: 1, summary: figures }
    const carried = { items, ratings: [], until: Date.now() + 60_000 }
    await expect(
      client.workflow.execute('humanEvaluation', {
        taskQueue: 'rlaif',
        workflowId: 'given',
        args: [input({ carried })],
      }),
    ).rejects.toMatchObject({ cause: { message: expect.stringMatching(/field "carried" .* cannot be given/) } })
    const byCron = await client.workflow.start('humanEvaluation', {
      taskQueue: 'rlaif',
      workflowId: 'by-cron',
      cronSchedule: '@every 1s',
      args: [input({ carried })],
    })
    const refusedRuns = new Set([byCron.firstExecutionRunId])
    while (refusedRuns.size < 4) {
      await new Promise((done) => setTimeout(done, 100))
      refusedRuns.add((await client.workflow.getHandle('by-cron').describe()).runId)
    }
    await client.workflow.getHandle('by-cron').terminate()

    const late = await start('late')
    let write = () => {}
    slow = new Promise((done) => (write = done))
    const query = client.workflow.getHandle('late')
    while (!(await query.query<{ items?: string }>('ratings')).items) await new Promise((done) => setTimeout(done, 50))
    await late.executeUpdate('close')
    while (started < 5) await new Promise((done) => setTimeout(done, 20))
    const sent = late.executeUpdate('rate', { args: [{ rater: 'anna', item: 0, answer: [0, 1], seconds: 1 }] }).then(
      () => 'acknowledged',
      (error: Error) => (error.cause as Error).message,
    )
    expect(await sent).toMatch(/the evaluation is over/)
    write()
    expect(await late.result()).toMatchObject({ ratings: 0 })
  })
  await connection.close()
})

test('when its days are over it ends with the ratings it has', async () => {
  const skipping = await openSkippingServer()
  const { activities } = fakes(() => {}, figures)
  await skipping.withWorker(activities, async () => {
    const forgotten = await skipping.start('humanEvaluation', input({ days: 3 }), 'forgotten')
    expect(await forgotten.result()).toMatchObject({ ratings: 0 })
  })
  await skipping.close()
})
