// The order of stages that wait for a busy worker. Real server and workflows; the stages are fakes that do nothing.
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { Client } from '@temporalio/client'
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes'
import { startRun } from '../../src/runs/start-run'
import { startDevServer, type DevServer } from '../dev-server'

jest.setTimeout(60_000)

let server: DevServer
beforeAll(async () => {
  // Each partition of a queue has its own order: with one partition the order shows.
  server = await startDevServer(
    '--dynamic-config-value',
    'matching.numTaskqueueReadPartitions=1',
    '--dynamic-config-value',
    'matching.numTaskqueueWritePartitions=1',
  )
})
afterAll(() => server.close())

test('stages of an interactive run start before those of nightly runs that waited longer', async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) })
  for (const name of Object.values(SEARCH_ATTRIBUTES))
    await server.connection.operatorService.addSearchAttributes({
      namespace: 'default',
      searchAttributes: { [name]: 2 },
    })
  const client = new Client({ connection: server.connection })
  const connection = await NativeConnection.connect({ address: server.address })
  const order: string[] = []
  const sft = (input: { seed: number }) => {
    order.push(['', 'night 1', 'night 2', 'person'][input.seed]!)
    return Promise.resolve({ uri: 'file:///store/sft/1', sha256: '0'.repeat(64), bytes: 1, summary: {}, reused: false })
  }
  const artifact = { uri: 'file:///store/model/1', sha256: '0'.repeat(64), bytes: 1, summary: {} }
  const stage = () => Promise.resolve({ ...artifact, reused: false })
  const started = (seed: number, priority: number) =>
    startRun({ client }, 'sft', { id: `run-${seed}`, input: { seed }, priority })

  const light = await Worker.create({
    connection,
    taskQueue: 'rlaif',
    workflowsPath: require.resolve('../../src/workflows/index.ts'),
    activities: { model: stage, data: stage, resolveArtifact: stage },
  })
  await light.runUntil(async () => {
    const waiting = async () =>
      Number(
        (
          await client.workflowService.describeTaskQueue({
            namespace: 'default',
            taskQueue: { name: 'rlaif-gpu' },
            taskQueueType: 2,
            reportStats: true,
          })
        ).stats?.approximateBacklogCount ?? 0,
      )
    const runs = [await started(1, 5), await started(2, 5)]
    while ((await waiting()) < 2) await new Promise((done) => setTimeout(done, 100))
    runs.push(await started(3, 2))
    while ((await waiting()) < 3) await new Promise((done) => setTimeout(done, 100))
    const gpu = await Worker.create({
      connection,
      taskQueue: 'rlaif-gpu',
      maxConcurrentActivityTaskExecutions: 1,
      activities: { sft },
    })
    await gpu.runUntil(Promise.all(runs.map((run) => run.result())))
  })
  await connection.close()
  expect(order[0]).toBe('person')
  expect(order).toHaveLength(3)
})
