// Several workers on one GPU queue, on a real server, when one of them is killed, shut down, or has its work cancelled.
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { WorkflowHandle } from '@temporalio/client'
import type { Artifact } from '../../src/contracts/artifact'
import type { RunStatus } from '../../src/contracts/status'
import { scoreByLength, startHoldingEndpoint } from '../feedback/endpoint'
import { childrenOf, ended, openSite, running, until, type Running, type Site } from '../site'
import { writeTinyFolder } from '../tiny-folder'

jest.setTimeout(300_000)

const HEARTBEAT_TIMEOUT_MS = 30_000
const FIRST_BACKOFF_MS = 1_000
const STEPS = 80
const MANY_STEPS = 200
/** More questions than the probe, the validations and 25 steps ask, and fewer than 40 steps do. */
const MOST_ANSWERED = 205

const model = writeTinyFolder()
const input = (seed: number, more: object = {}, steps = STEPS) => ({
  task: 'harmless',
  method: 'direct-rlaif',
  model,
  seed,
  labeler: model,
  judge: model,
  data: { limit: 12, evaluationPrompts: 4 },
  limits: { responseTokens: 6 },
  rl: { steps, batchSize: 4, checkpointEvery: 10, minEntropy: 0, candidates: 0 },
  ...more,
})

let site: Site
let gpu: ChildProcess[]
let labeler: Awaited<ReturnType<typeof startHoldingEndpoint>>
beforeAll(async () => {
  labeler = await startHoldingEndpoint(scoreByLength, MOST_ANSWERED)
  site = await openSite()
  site.worker('workflow', 'label')
  gpu = [site.worker('gpu'), site.worker('gpu')]
})
afterAll(async () => {
  await site.close()
  await labeler.close()
})

/** The `rl` stage running, with at least this many steps done. */
const atStep = (handle: WorkflowHandle, step: number, also: (now: Running) => boolean = () => true) =>
  until(async () => {
    const { stages } = await handle.query<RunStatus>('status')
    const now = stages.some(({ stage, state }) => stage === 'rl' && state === 'running')
      ? await running(handle)
      : undefined
    return now && now.done >= step && also(now) ? now : undefined
  })

/** Stops the worker of this process and starts another. */
async function replace(pid: number, signal: NodeJS.Signals): Promise<void> {
  const at = gpu.findIndex((worker) => worker.pid === pid)
  const old = gpu[at]!
  gpu[at] = site.worker('gpu')
  await ended(old, signal)
}

async function rlOf(handle: WorkflowHandle): Promise<Artifact> {
  await handle.result()
  const { stages } = await handle.query<RunStatus>('status')
  expect(stages.some(({ state }) => state === 'parked' || state === 'failed')).toBe(false)
  return stages.find(({ stage }) => stage === 'rl')!.artifact!
}

test('when a worker is killed, another resumes within the heartbeat timeout, with the same bytes', async () => {
  const by = { labeler: { baseUrl: labeler.baseUrl, model: 'length' } }
  const handle = await site.start('align', input(1, by, 40), 'killed')
  const before = await atStep(handle, 25)
  const killedAt = Date.now()
  await replace(before.pid, 'SIGKILL')
  labeler.release()
  const after = await atStep(handle, 0, ({ pid }) => pid !== before.pid)
  const took = Date.now() - killedAt
  process.stderr.write(`taken over ${(took / 1000).toFixed(1)} s after the kill\n`)
  expect(after.attempt).toBe(2)
  expect(took).toBeLessThan(HEARTBEAT_TIMEOUT_MS + FIRST_BACKOFF_MS + 2_000)
  const { summary, sha256, uri } = await rlOf(handle)
  expect(Number(summary.resumedAt)).toBeGreaterThanOrEqual(20)

  const undisturbed = await rlOf(await site.start('align', input(1, { ...by, cache: 'off' }, 40), 'undisturbed'))
  expect(undisturbed.sha256).toBe(sha256)
  expect(undisturbed.uri).not.toBe(uri)
  expect(undisturbed.summary.resumedAt).toBe(0)
})

test('a worker that is shut down saves its step; another continues, and no attempt is used up', async () => {
  const handle = await site.start('align', input(2, { onFailure: 'fail' }, MANY_STEPS), 'shut-down')
  let last: Running | undefined
  for (let times = 0; times < 3; times++) {
    last = await atStep(handle, (last?.done ?? 0) + 2, ({ pid }) => pid !== last?.pid)
    const stoppedAt = Date.now()
    await replace(last.pid, 'SIGTERM')
    const next = await atStep(handle, 0, ({ pid }) => pid !== last!.pid)
    expect(next.attempt).toBe(1)
    expect(Date.now() - stoppedAt).toBeLessThan(20_000)
  }
  const { summary, uri } = await rlOf(handle)
  // saved at the step it had reached, not at the last multiple of ten
  expect(Number(summary.resumedAt)).toBeGreaterThan(last!.done - 2)
  const curve = readFileSync(join(fileURLToPath(uri), 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  expect(curve).toHaveLength(MANY_STEPS)
})

test('on cancellation the child process exits within seconds; the next run resumes from its checkpoint', async () => {
  const handle = await site.start('align', input(3), 'cancelled')
  const { pid } = await atStep(handle, 5)
  const children = childrenOf(pid)
  expect(children).toHaveLength(1)
  const cancelledAt = Date.now()
  await handle.cancel()
  await until(() => Promise.resolve(childrenOf(pid).length === 0 || undefined), 20)
  const took = (Date.now() - cancelledAt) / 1000
  process.stderr.write(`the child process was gone ${took.toFixed(1)} s after the cancellation\n`)
  expect(took).toBeLessThan(10)
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } })
  const { summary } = await rlOf(await site.start('align', input(3), 'after-the-cancelled'))
  expect(Number(summary.resumedAt)).toBeGreaterThanOrEqual(5)
})
