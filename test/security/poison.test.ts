// Inputs that pass as JSON and that Temporal's messages cannot carry, or its server does not take. One run with such an
// input must end, or go on: it must neither end the worker of all the others nor stay in failing workflow tasks.
import type { ChildProcess } from 'node:child_process'
import type { Client, WorkflowHandle } from '@temporalio/client'
import { snapshot } from '../../src/cli/progress'
import { openSite, until, type Site } from '../site'
import { writeRowsWithoutPrompt, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(240_000)

const HALF = 'a\ud800b'
const noModel = { model: '/no-such-model', onFailure: 'fail' }
/** Fails in a stage. */
const noPrompt = { model: writeTinyFolder(), data: writeRowsWithoutPrompt(), onFailure: 'fail' }
const sweepOf = (workflowId: string) => ({ sweep: { workflowId, trial: 1 } })

interface Attack {
  type?: string
  input: object
  memo?: Record<string, unknown>
  id?: string
  /** How the run ends. */
  ends: RegExp
}

const attacks: Record<string, Attack> = {
  'half a character in the name of a queue': { input: { queues: { light: HALF } }, ends: /half of a character/ },
  'half a character in the name of an arm': {
    type: 'compare',
    input: { arms: [{ name: HALF, input: { method: 'sft' } }, 'rlhf'] },
    ends: /half of a character/,
  },
  'half a character in the name of a field': { input: { [HALF]: 1 }, ends: /unknown field/ },
  'half a character in the name of a model': { input: { ...noModel, model: HALF }, ends: /half of a character/ },
  'a queue of Temporal itself': { input: { queues: { gpu: '/_sys/x' } }, ends: /field "queues.gpu"/ },
  'a task longer than a search attribute may be': {
    input: { ...noModel, task: '€'.repeat(1000) },
    ends: /no-such-model/,
  },
  'a model longer than a path': { input: { model: 'm'.repeat(100_000) }, ends: /field "model"/ },
  'an ID that leaves no room for those of its arms': {
    type: 'compare',
    id: 'w'.repeat(998),
    input: {},
    ends: /the ID of this run is too long/,
  },
  'an ID that leaves no room for those of its trials': {
    type: 'sweep',
    id: 'v'.repeat(998),
    input: { base: noPrompt, axes: [{ field: 'limits.promptTokens', values: [64, 128] }] },
    ends: /it completed/, // with a report of the trials that could not start
  },
  'an ID that leaves no room for that of its message': {
    id: 'm'.repeat(1000),
    input: { ...noPrompt, onFailure: 'wait', notify: { url: 'http://127.0.0.1:9/' } },
    ends: /it is parked/,
  },
  'a memo that names a sweep too long to be signalled': {
    memo: sweepOf('x'.repeat(3000)),
    input: { ...noPrompt, onFailure: 'wait' },
    ends: /it is parked/,
  },
  'a memo that names a sweep by half a character': {
    memo: sweepOf(HALF),
    input: { ...noPrompt, onFailure: 'wait' },
    ends: /it is parked/,
  },
}

let site: Site
let worker: ChildProcess
let client: Client
beforeAll(async () => {
  site = await openSite()
  worker = site.worker('workflow', 'label', 'gpu')
  client = site.client
})
afterAll(() => site.close())

const deepest = (error: unknown): string => {
  let at = error as Error
  while (at.cause instanceof Error) at = at.cause
  return at.message
}
const isParked = async (handle: WorkflowHandle) =>
  (await snapshot(handle)).stages.some(({ state }) => state === 'parked') ? 'it is parked' : undefined
const outcomeOf = (handle: WorkflowHandle, ends: RegExp) =>
  /parked/.test(ends.source)
    ? until(() => isParked(handle), 30)
    : Promise.race([
        handle.result().then(() => 'it completed', deepest),
        new Promise<string>((late) => setTimeout(() => late('it has not ended'), 30_000).unref()),
      ])

test.each(Object.keys(attacks))('%s', async (name) => {
  const { type = 'align', input, memo, id = name, ends } = attacks[name]!
  const handle = await client.workflow.start(type, {
    taskQueue: 'rlaif',
    workflowId: id,
    args: [input],
    ...(memo && { memo }),
  })
  expect(await outcomeOf(handle, ends)).toMatch(ends)
  const { events } = await handle.fetchHistory()
  expect(events!.filter(({ workflowTaskFailedEventAttributes: failed }) => failed)).toEqual([])
})

test('half a character in what a person decides about a parked stage: it is refused, and the run goes on', async () => {
  const handle = await site.start('align', { model: writeTinyFolder(), data: writeRowsWithoutPrompt() }, 'resolved')
  await until(() => isParked(handle))
  const overrides = { data: { path: HALF, [HALF]: 1 } }
  await expect(
    handle.executeUpdate('resolveFailure', { args: [{ action: 'retry', overrides }] }),
  ).rejects.toMatchObject({ cause: { message: expect.stringMatching(/unknown field/) as string } })
  await handle.executeUpdate('resolveFailure', { args: [{ action: 'retry', overrides: { data: { path: HALF } } }] })
  await until(() => isParked(handle))
  await handle.executeUpdate('resolveFailure', { args: [{ action: 'abort' }] })
  await expect(handle.result()).rejects.toThrow()
})

test('after all of them the same worker takes another run', async () => {
  expect([worker.exitCode, worker.signalCode]).toEqual([null, null])
  const handle = await site.start('align', noModel, 'another')
  expect(await outcomeOf(handle, /./)).toMatch(/no-such-model does not exist/)
})
