// Messages to people over real HTTP: when a run needs a person, when a sweep has ended. Delivery never delays a run,
// and no history has a secret.
import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ApplicationFailure } from '@temporalio/activity'
import type { WorkflowHandle } from '@temporalio/client'
import { notify } from '../../src/activities/notify'
import { temporal } from '@temporalio/proto'
import type { RunStatus } from '../../src/contracts/status'
import { fakes, record } from './fakes'
import { openPlainServer, type WorkflowServer } from './server'

jest.setTimeout(120_000)

interface Received {
  body: string
  headers: Record<string, string>
}
const received: Received[] = []
let answers: number[] = []
let receiver: Server
let server: WorkflowServer
const SECRET = 'a-key-that-nobody-may-see'
const PATH = '/services/a-path-that-nobody-may-see'

beforeAll(async () => {
  server = await openPlainServer()
  receiver = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const status = answers.shift() ?? 200
      if (status === 200) received.push({ body, headers: request.headers as Record<string, string> })
      response.writeHead(status).end('ok')
    })
  })
  await new Promise<void>((up) => receiver.listen(0, '127.0.0.1', up))
  process.env.RLAIF_NOTIFY_URL = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}${PATH}`
  process.env.RLAIF_NOTIFY_KEY = SECRET
  process.env.TEMPORAL_UI_URL = 'http://127.0.0.1:8233'
})
afterAll(async () => {
  receiver.closeAllConnections()
  receiver.close()
  await server.close()
})
beforeEach(() => {
  received.length = 0
  answers = []
})

const hook = { urlEnv: 'RLAIF_NOTIFY_URL', secretEnv: 'RLAIF_NOTIFY_KEY' }
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))
const arrived = async (count: number) => {
  for (let tries = 0; received.length < count && tries < 400; tries++) await pause(50)
  return received.map(({ body }) => (JSON.parse(body) as { text: string }).text)
}
/** The history as it is stored: with every payload in plain text. */
const historyText = async (handle: WorkflowHandle) =>
  Buffer.from(temporal.api.history.v1.History.encode(await handle.fetchHistory()).finish()).toString('utf8')
const artifact = { uri: 'file:///store/x', sha256: '0'.repeat(64), bytes: 1, summary: {} }
const sweep = {
  workflow: 'rewardModel',
  base: { policy: artifact, labels: artifact },
  axes: [{ field: 'rewardModel.epochs', values: [1, 2] }],
}

test('a parked run sends one signed message with a link to it; delivery is retried after an error', async () => {
  answers = [503]
  const { activities } = fakes((stage) => {
    if (stage === 'data') throw ApplicationFailure.nonRetryable('there is no such file')
  })
  await server.withWorker({ ...activities, notify }, async () => {
    const handle = await server.start('align', { notify: hook }, 'needs-you')
    const [text] = await arrived(1)
    expect(text).toBe(
      'needs-you is parked and needs you: data: there is no such file\n' +
        'http://127.0.0.1:8233/namespaces/default/workflows/needs-you',
    )
    const { body, headers } = received[0]!
    expect(headers['x-rlaif-signature']).toBe(
      `sha256=${createHmac('sha256', SECRET).update(`${headers['x-rlaif-timestamp']}.${body}`).digest('hex')}`,
    )
    expect(Math.abs(Number(headers['x-rlaif-timestamp']) - Date.now() / 1000)).toBeLessThan(60)
    await handle.signal('resolveFailure', { action: 'abort' })
    await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' })
    await pause(300)
    expect(received).toHaveLength(1)
    const written = await historyText(handle)
    await record(handle, 'align-parked-people-told-by-time')
    expect([written.includes('RLAIF_NOTIFY_URL'), written.includes('nobody-may-see')]).toEqual([true, false])
  })
})

test('a sweep sends its headline when it has ended; each trial that parks sends its own message', async () => {
  const { activities } = fakes(
    (stage, input) => {
      if (stage === 'reward-model' && (input.settings as { epochs: number }).epochs === 2)
        throw ApplicationFailure.nonRetryable('endpoint is down')
    },
    { headline: 'one of two trials done' },
  )
  await server.withWorker({ ...activities, notify }, async () => {
    const handle = await server.start('sweep', { ...sweep, onFailure: 'wait', notify: hook }, 'told')
    expect((await arrived(1))[0]).toMatch(/^told\/trial-1 is parked and needs you: reward-model: endpoint is down\n/)
    await server.client.workflow.getHandle('told/trial-1').signal('resolveFailure', { action: 'abort' })
    await handle.result()
    expect((await arrived(2))[1]).toMatch(/^Sweep · sweep: one of two trials done\n/)
  })
})

test('a receiver that is down, refuses, or is unknown to the worker delays no run', async () => {
  answers = Array.from({ length: 1000 }, () => 404)
  const { activities } = fakes()
  await server.withWorker({ ...activities, notify }, async () => {
    for (const [i, notify] of [
      { url: 'http://127.0.0.1:9/hook' },
      hook,
      { urlEnv: 'RLAIF_NOTIFY_NOT_SET_HERE' },
    ].entries()) {
      const handle = await server.start('sweep', { ...sweep, notify }, `unheard-${i}`)
      await handle.result()
      expect((await handle.query<RunStatus>('status')).stages.at(-1)).toMatchObject({
        stage: 'sweep-report',
        state: 'done',
      })
    }
    const refused: string[] = []
    for (let tries = 0; refused.length === 0 && tries < 100; tries++, await pause(50)) {
      for await (const { workflowId } of server.client.workflow.list({
        query: 'WorkflowType = "notification" AND ExecutionStatus = "Failed"',
      }))
        if (workflowId.startsWith('unheard-1')) refused.push(workflowId)
    }
    const failure = await server.client.workflow
      .getHandle(refused[0]!)
      .result()
      .catch((error: Error & { cause?: { cause?: Error } }) => String(error.cause?.cause?.message))
    expect(failure).toBe('notify: the receiver answered 404')
  })
})

test.each([
  [{ url: 'ftp://x' }, /notify\.url/],
  [{}, /either "url" or "urlEnv"/],
  [{ urlEnv: 'https://hooks.example/T0' }, /NAME of an environment variable/],
])('%j is refused', async (notify, message) => {
  const { activities } = fakes()
  await server.withWorker(activities, async () => {
    const handle = await server.start('align', { notify }, `bad-${JSON.stringify(notify).length}`)
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: expect.stringMatching(message) } })
  })
})
