// Stages of many rows run in shards. Real server and workflows; the stages are fakes.
import { ApplicationFailure } from '@temporalio/activity'
import type { WorkflowHandle } from '@temporalio/client'
import { HANDED_BACK } from '../../src/contracts/stages'
import type { Shard } from '../../src/contracts/shard'
import type { AlignResult, RunStatus } from '../../src/contracts/status'
import { fakes, record, type Inputs } from './fakes'
import { openPlainServer, type WorkflowServer } from './server'

jest.setTimeout(120_000)

let server: WorkflowServer
beforeAll(async () => {
  server = await openPlainServer()
})
afterAll(() => server.close())

/** What the fakes say of the data and the samples. */
const many = { train: 1000, evaluation: 600, pairs: 1000 }
const ended = { untilStage: 'reward-model' }
const shardsOf = (asked: Inputs, stage: string) =>
  asked.flatMap(({ stage: name, input }) => (name === stage && input.shard ? [input.shard as Shard] : []))
const gathersOf = (asked: Inputs, stage: string) =>
  asked.filter(({ stage: name, input }) => name === stage && input.shards).map(({ input }) => input)
const statusOf = async (handle: WorkflowHandle, stage: string) =>
  (await handle.query<RunStatus>('status')).stages.find(({ stage: name }) => name === stage)
const numbered = (of: number) => Array.from({ length: of }, (_, index) => ({ index, of }))
const local = { labeler: 'default' }

test('sample, label and the responses of the evaluation run in shards; each is put together in order', async () => {
  const { asked, activities } = fakes(undefined, many)
  await server.withWorker(activities, async () => {
    const handle = await server.start('align', { ...local, method: 'rlaif' }, 'in-shards')
    const result = (await handle.result()) as AlignResult
    for (const stage of ['sample', 'label']) {
      expect(shardsOf(asked, stage).sort((a, b) => a.index - b.index)).toEqual(numbered(4))
      const [gather, ...others] = gathersOf(asked, stage)
      expect(others).toEqual([])
      const order = (gather!.shards as { uri: string }[]).map(({ uri }) => asked[Number(uri.split('/').at(-1)) - 1])
      expect(order.map((one) => one!.input.shard)).toEqual(numbered(4))
    }
    expect(shardsOf(asked, 'respond')).toHaveLength(2 * 3)
    const evaluation = asked.find(({ stage }) => stage === 'evaluate')!.input
    expect(evaluation.responses).toEqual({ policy: expect.anything(), baseline: expect.anything() })
    expect(result.stages.sample!.uri).toBe(gatherUri(asked, 'sample'))
    await record(handle, 'align-in-shards')
  })
})
const gatherUri = (asked: Inputs, stage: string) =>
  `file:///store/${stage}/${asked.findIndex(({ stage: name, input }) => name === stage && input.shards) + 1}`

test('what is finished is not split, and few rows are not either', async () => {
  const found = { uri: 'file:///store/sample/found', sha256: '1'.repeat(64), bytes: 1, summary: { pairs: 10 } }
  const { asked, activities } = fakes(undefined, { ...many, pairs: 10 })
  const findStage = ({ stage }: Record<string, unknown>) => Promise.resolve(stage === 'sample' ? found : null)
  await server.withWorker({ ...activities, findStage }, async () => {
    const handle = await server.start('align', { ...local, ...ended }, 'found')
    await handle.result()
    expect(asked.filter(({ stage }) => stage === 'sample')).toEqual([])
    expect(await statusOf(handle, 'sample')).toMatchObject({ state: 'reused', artifact: found })
    expect(asked.filter(({ stage }) => stage === 'label').map(({ input }) => input.shard)).toEqual([undefined])
  })
})

test('a shard that fails for good parks the stage; after a retry it is done, and its cost is counted once', async () => {
  let isDown = true
  const { asked, activities } = fakes((stage, input) => {
    if (stage === 'sample' && isDown && (input.shard as Shard | undefined)?.index === 2)
      throw ApplicationFailure.nonRetryable('sample: out of memory', 'OutOfMemory')
  }, many)
  const spending = async (input: Record<string, unknown>) => {
    const made = (await activities.sample!(input)) as object
    const { index } = (input.shard ?? { index: 'all' }) as { index: number }
    return input.shard ? { ...made, spent: { work: `sample-${index}`, cost: 0.5 } } : made
  }
  await server.withWorker({ ...activities, sample: spending }, async () => {
    const handle = await server.start('align', { ...local, ...ended, shards: { rows: 100 } }, 'parks')
    for (;;) {
      const status = await statusOf(handle, 'sample')
      if (status?.state === 'parked') break
      await new Promise((done) => setTimeout(done, 50))
    }
    expect((await statusOf(handle, 'sample'))!.message).toBe('sample: out of memory')
    isDown = false
    await handle.executeUpdate('resolveFailure', { args: [{ action: 'retry' }] })
    const result = (await handle.result()) as AlignResult
    expect(gathersOf(asked, 'sample')).toHaveLength(1)
    expect(result.spent).toBe(5) // ten shards
  })
})

test('a shard whose worker was shut down goes to another worker, and the others are not disturbed', async () => {
  let handedBack = 0
  const { asked, activities } = fakes((stage, input) => {
    if (stage === 'sample' && (input.shard as Shard | undefined)?.index === 1 && handedBack++ < 2)
      throw ApplicationFailure.nonRetryable('the worker was shut down', HANDED_BACK)
  }, many)
  await server.withWorker(activities, async () => {
    await (await server.start('align', { ...local, ...ended }, 'handed-back')).result()
    expect(shardsOf(asked, 'sample')).toHaveLength(4 + 2)
  })
})

test('an endpoint is asked by as many workers as the run says, and not beyond a limit of the whole stage', async () => {
  const { asked, activities } = fakes(undefined, many)
  const labeler = { baseUrl: 'http://127.0.0.1:9/v1', model: 'm' }
  const run = async (input: object, id: string) => (await server.start('align', { ...ended, ...input }, id)).result()
  await server.withWorker(activities, async () => {
    await run({ labeler }, 'one')
    expect(shardsOf(asked, 'label')).toEqual([])
    await run({ labeler, shards: { rows: 256, labelWorkers: 4 } }, 'four')
    expect(shardsOf(asked, 'label')).toHaveLength(4)
    const limited = {
      labeler: { ...labeler, requestsPerMinute: 60 },
      shards: { rows: 256, labelWorkers: 4 },
      onFailure: 'fail',
    }
    await expect(run(limited, 'limited')).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/"labeler\.requestsPerMinute" is a limit of the whole stage/) },
    })
  })
})
