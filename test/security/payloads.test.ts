// What whoever reaches the Temporal server could do to runs: send what no worker can check, send payloads without the
// key although encryption is on, and move ciphertexts from one run to another. Real server, real workers.
import { randomBytes } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { Client, WorkflowFailedError, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client'
import { defaultPayloadConverter, type Payload, type SerializationContext } from '@temporalio/common'
import type { temporal } from '@temporalio/proto'
import { snapshot } from '../../src/cli/progress'
import { encryptingCodec, encryptingConverter, parsePayloadKeys } from '../../src/workers/payload-encryption'
import { openSite, until, type Site } from '../site'
import { temporaryFolder, writeRowsWithoutPrompt, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(240_000)

const COMMAND = resolve(__dirname, '..', '..', 'dist', 'cli', 'main.js')
const newKey = () => randomBytes(32).toString('base64')
const json = (text: string): Payload => ({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(text) })
const DEEP = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
const MANY = `{${Array.from({ length: 60_000 }, (_, i) => `"unknown-field-${i}":${i}`).join(',')}}`

/** Starts a run with payloads as they are, as any client of the server can. */
async function startWith(
  client: Client,
  workflowId: string,
  type: string,
  payloads: Payload[],
): Promise<WorkflowHandle> {
  await client.workflowService.startWorkflowExecution({
    namespace: 'default',
    workflowId,
    requestId: workflowId,
    workflowType: { name: type },
    taskQueue: { name: 'rlaif' },
    input: { payloads },
  })
  return client.workflow.getHandle(workflowId)
}

const deepest = (error: unknown): { message: string; nonRetryable?: boolean | null } => {
  let at = error as Error
  while (at.cause instanceof Error) at = at.cause
  return at
}
/** How a run ended; not at all if it has not within 20 s. */
async function endOf(handle: WorkflowHandle): Promise<string> {
  const late = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error('it has not ended')), 20_000).unref(),
  )
  try {
    await Promise.race([handle.result(), late])
    return 'it completed'
  } catch (error) {
    return error instanceof WorkflowFailedError ? deepest(error).message : (error as Error).message
  }
}

describe('payloads that no worker can check', () => {
  let site: Site
  beforeAll(async () => {
    site = await openSite()
    site.worker('workflow', 'label', 'gpu')
  })
  afterAll(() => site.close())

  test.each([
    ['JSON nested 100,000 deep', 'align', json(DEEP), /nested deeper than 100 levels/],
    [
      'lists nested 100,000 deep',
      'sweep',
      json('['.repeat(100_000) + ']'.repeat(100_000)),
      /nested deeper than 100 levels/,
    ],
    ['brackets that do not match', 'compare', json('['.repeat(100_000)), /nested deeper than 100 levels/],
    ['a field that is nested', 'sweep', json(`{"base": ${DEEP}}`), /nested deeper than 100 levels/],
    ['nearly 2 MB of fields', 'align', json(MANY), /unknown field "unknown-field-0" .*and more/s],
    ['a field with a name of nearly 2 MB', 'align', json(`{"${'x'.repeat(1_900_000)}": 1}`), /unknown field "x+…/],
    ['text that is not JSON', 'align', json('{{{'), /is not JSON/],
    ['nothing at all', 'align', { metadata: {}, data: Buffer.from('x') }, /has the encoding ""/],
    [
      'an unknown encoding',
      'notification',
      { metadata: { encoding: Buffer.from('x/y') }, data: Buffer.from('1') },
      /encoding "x\/y"/,
    ],
    [
      'bytes',
      'humanEvaluation',
      { metadata: { encoding: Buffer.from('binary/plain') }, data: randomBytes(1000) },
      /humanEvaluation: /,
    ],
  ])('a run that starts with %s ends at once', async (name, type, payload, message) => {
    const handle = await startWith(site.client, `start ${name}`, type, [payload])
    expect(await endOf(handle)).toMatch(message)
    const { events } = await handle.fetchHistory()
    const failed = events!.find(({ workflowExecutionFailedEventAttributes }) => workflowExecutionFailedEventAttributes)
    const cause = failed!.workflowExecutionFailedEventAttributes!.failure!
    expect(cause.applicationFailureInfo!.nonRetryable).toBe(true)
    expect(events!.filter(({ workflowTaskFailedEventAttributes: attributes }) => attributes)).toEqual([])
  })

  test('updates, signals and queries with such payloads are refused, and the run goes on', async () => {
    const handle = await site.start('align', { model: writeTinyFolder(), data: writeRowsWithoutPrompt() }, 'parked')
    await until(async () => (await snapshot(handle)).stages.find(({ state }) => state === 'parked'))
    const service = site.client.workflowService
    const workflowExecution = { workflowId: 'parked' }
    for (const [i, bad] of [DEEP, `{"action": "retry", "overrides": ${DEEP}}`, '{{{', MANY].entries()) {
      await service.signalWorkflowExecution({
        namespace: 'default',
        workflowExecution,
        signalName: 'resolveFailure',
        requestId: `signal-${i}`,
        input: { payloads: [json(bad)] },
      })
      const { outcome } = await service.updateWorkflowExecution({
        namespace: 'default',
        workflowExecution,
        waitPolicy: { lifecycleStage: 3 },
        request: {
          meta: { updateId: `update-${i}` },
          input: { name: 'resolveFailure', args: { payloads: [json(bad)] } },
        },
      } as temporal.api.workflowservice.v1.IUpdateWorkflowExecutionRequest)
      expect(outcome!.failure!.message).toMatch(/nested deeper|is not JSON|unknown field/)
      await service
        .queryWorkflow({
          namespace: 'default',
          execution: workflowExecution,
          query: { queryType: 'status', queryArgs: { payloads: [json(bad)] } },
        })
        .catch(() => {})
    }
    await handle.executeUpdate('resolveFailure', { args: [{ action: 'abort' }] })
    expect(await endOf(handle)).toMatch(/no-prompt/)
    const { events } = await handle.fetchHistory()
    expect(events!.filter(({ workflowTaskFailedEventAttributes: attributes }) => attributes)).toEqual([])
  })
})

describe('where RLAIF_PAYLOAD_KEYS is set', () => {
  const key = newKey()
  let site: Site
  let owner: Client
  beforeAll(async () => {
    process.env.RLAIF_PAYLOAD_KEYS = `a:${key}`
    site = await openSite()
    site.worker('workflow', 'label', 'gpu')
    owner = new Client({ connection: site.client.connection, dataConverter: encryptingConverter()! })
  })
  afterAll(async () => {
    await site.close()
    delete process.env.RLAIF_PAYLOAD_KEYS
  })
  const payloadsOfStart = async (workflowId: string): Promise<Payload[]> => {
    const { events } = await site.client.workflow.getHandle(workflowId).fetchHistory()
    return events![0]!.workflowExecutionStartedEventAttributes!.input!.payloads as Payload[]
  }
  const park = async (workflowId: string): Promise<WorkflowHandle> => {
    const args = [{ model: writeTinyFolder(), data: writeRowsWithoutPrompt() }]
    const handle = await owner.workflow.start('align', { taskQueue: 'rlaif', workflowId, args })
    await until(async () => (await snapshot(handle)).stages.find(({ state }) => state === 'parked'))
    return handle
  }

  test('a run that somebody starts without the key ends at once', async () => {
    await startWith(site.client, 'plain', 'align', [json('{"data": "/etc/passwd"}')])
    expect(await endOf(owner.workflow.getHandle('plain'))).toMatch(/one that is not encrypted is refused/)
  })

  test("another run's input is not taken as one's own, nor an update's for another run", async () => {
    const mine = await park('mine')
    await startWith(site.client, 'moved', 'align', await payloadsOfStart('mine'))
    expect(await endOf(owner.workflow.getHandle('moved'))).toMatch(/encrypted for "mine" in default is refused/)

    const other = await park('other')
    const codec = encryptingCodec(parsePayloadKeys(`a:${key}`))
    const forOther: SerializationContext = { type: 'workflow', namespace: 'default', workflowId: 'other' }
    const [abort] = await codec.encode([json('{"action": "abort"}')], forOther)
    const send = async (payload: Payload, workflowId: string) => {
      const { outcome } = await site.client.workflowService.updateWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId },
        waitPolicy: { lifecycleStage: 3 },
        request: {
          meta: { updateId: randomBytes(8).toString('hex') },
          input: { name: 'resolveFailure', args: { payloads: [payload] } },
        },
      } as temporal.api.workflowservice.v1.IUpdateWorkflowExecutionRequest)
      return outcome!.failure ? 'refused' : 'taken'
    }
    expect(await send(json('{"action": "abort"}'), 'mine')).toBe('refused')
    expect(await send(abort!, 'mine')).toBe('refused')
    expect(await send(abort!, 'other')).toBe('taken')
    expect(await endOf(other)).toMatch(/no-prompt/)
    await expect(mine.executeUpdate('resolveFailure', { args: [{ action: 'nonsense' }] })).rejects.toThrow(
      WorkflowUpdateFailedError,
    )
    await mine.executeUpdate('resolveFailure', { args: [{ action: 'abort' }] })
    expect(await endOf(mine)).toMatch(/no-prompt/)
  })

  test("a schedule's runs read their input, a sweep its trials, a trial its sweep", async () => {
    const sweep = {
      workflow: 'align',
      base: { model: writeTinyFolder(), data: writeRowsWithoutPrompt() },
      axes: [{ field: 'rl.steps', values: [1, 2] }],
      onFailure: 'wait',
    }
    await owner.schedule.create({
      scheduleId: 'nightly',
      spec: {},
      action: {
        type: 'startWorkflow',
        workflowType: 'sweep',
        workflowId: 'nightly',
        taskQueue: 'rlaif',
        args: [sweep],
      },
    })
    await owner.schedule.getHandle('nightly').trigger()
    const started = await until(async () => {
      for await (const run of owner.workflow.list({ query: 'WorkflowType = "sweep"' })) return run
      return undefined
    })
    expect(started.workflowId).toMatch(/^nightly-\d{4}-/)
    const handle = owner.workflow.getHandle(started.workflowId)
    await until(async () => ((await snapshot(handle)).stages[0]?.message?.includes('2 parked') ? true : undefined))
    await handle.executeUpdate('stop')
    expect(await handle.result()).toMatchObject({ trials: { done: 0 } })
  })

  test('clients refuse an answer that is not encrypted, or is of another run', async () => {
    const codec = encryptingCodec(parsePayloadKeys(`a:${key}`))
    const context = (workflowId: string): SerializationContext => ({
      type: 'workflow',
      namespace: 'default',
      workflowId,
    })
    await expect(codec.decode([json('1')], context('a'))).rejects.toThrow(/not encrypted is refused/)
    const [of] = await codec.encode([json('1')], context('a'))
    await expect(codec.decode([of!], context('b'))).rejects.toThrow(/encrypted for "a" .* refused in another run/)
    await expect(codec.decode([of!], { ...context('a'), namespace: 'x' })).rejects.toThrow(/refused in another run/)
    expect(defaultPayloadConverter.fromPayload((await codec.decode([of!], context('a')))[0]!)).toBe(1)
    const claim = Buffer.from(JSON.stringify({ namespace: 'default', workflowId: 'b' }))
    const { 'encryption-bound-to': _, ...unbound } = of!.metadata!
    for (const metadata of [{ ...of!.metadata, 'encryption-bound-to': claim }, unbound])
      await expect(codec.decode([{ ...of!, metadata }], context('b'))).rejects.toThrow(/cannot be decrypted/)
  })

  test('what earlier versions encrypted, bound to nothing, is decoded; so is plain text where the operator accepts it', async () => {
    const keys = parsePayloadKeys(`a:${key}`)
    const [old] = await encryptingCodec(keys).encode([json('1')])
    expect(Object.keys(old!.metadata!)).not.toContain('encryption-bound-to')
    const context: SerializationContext = { type: 'workflow', namespace: 'default', workflowId: 'a' }
    expect(defaultPayloadConverter.fromPayload((await encryptingCodec(keys).decode([old!], context))[0]!)).toBe(1)
    expect(await encryptingCodec(keys, { plain: 'accept' }).decode([json('1')], context)).toEqual([json('1')])
  })
})

test('RLAIF_STRICT=1 without RLAIF_PAYLOAD_KEYS: no worker starts', () => {
  const { RLAIF_PAYLOAD_KEYS: _, ...environment } = process.env
  const env = {
    ...environment,
    RLAIF_STRICT: '1',
    RLAIF_HOME: join(temporaryFolder(), 'home'),
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  }
  const { status, stderr } = spawnSync(process.execPath, [COMMAND, 'worker'], {
    env,
    encoding: 'utf8',
    timeout: 60_000,
  })
  expect([status, stderr]).toEqual([
    expect.any(Number),
    expect.stringMatching(/RLAIF_STRICT is set without RLAIF_PAYLOAD_KEYS/),
  ])
  expect(status).not.toBe(0)
})
