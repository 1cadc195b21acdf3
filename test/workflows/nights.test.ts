// A week of a nightly sweep: a real server on its database file, real schedule, workflows, artifacts and reports. The
// stages compute nothing.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ApplicationFailure } from '@temporalio/activity'
import { Client } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import type { Connected } from '../../src/runs/connection'
import { listSchedules } from '../../src/runs/schedules'
import {
  applySchedule,
  backfillSchedule,
  deleteSchedule,
  describeSchedule,
  triggerSchedule,
} from '../../src/cli/schedule'
import { describeLines, scheduleLines } from '../../src/cli/schedule-lines'
import { parse } from '../../src/contracts/parse'
import { scheduleSchema, type Overlap } from '../../src/contracts/schedule'
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes'
import type { SweepResult } from '../../src/contracts/sweep'
import { normal } from '../../src/random'
import { openNights } from '../../src/studio/nights'
import { freePort, startDevServerAt, type DevServer } from '../dev-server'
import { temporaryFolder } from '../tiny-folder'
import { storedFakes } from './stored-fakes'

jest.setTimeout(300_000)

const DAYS = [11, 12, 13, 14, 15, 16, 17]
const night = (day: number) => `2026-11-${day}T02:30Z`
const FAILING = 13
const KILLED = 14
const OVERLAPPING = 15
const BETTER = 16

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))
const queues = { light: 'rlaif', label: 'rlaif', gpu: 'rlaif' }
const artifact = { uri: 'file:///store/x', sha256: '0'.repeat(64), bytes: 1, summary: {} }
const declaration = parse(
  scheduleSchema,
  {
    id: 'nightly',
    cron: '30 2 * * *',
    jitterMinutes: 10,
    paused: true,
    input: {
      name: 'week',
      workflow: 'rewardModel',
      base: { policy: artifact, labels: artifact },
      axes: [{ field: 'rewardModel.epochs', values: [1, 2] }],
      seeds: [1, 2, 3],
      maxConcurrent: 2,
      queues,
    },
  },
  'schedule',
)

test('each of seven nights is compared with the right one, despite failures, a killed server and overlap', async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) })
  const database = join(temporaryFolder(), 'temporal.db')
  const port = await freePort()
  const openServer = () => startDevServerAt(port, '--db-filename', database)
  let server: DevServer = await openServer()
  let client = new Client({ connection: server.connection })
  for (const name of Object.values(SEARCH_ATTRIBUTES))
    await server.connection.operatorService.addSearchAttributes({
      namespace: 'default',
      searchAttributes: { [name]: 2 },
    })
  const connected = (): Connected => ({
    client,
    address: server.address,
    namespace: 'default',
    ui: undefined,
    close: async () => {},
  })

  let day = DAYS[0]!
  let release: () => void = () => {}
  const held = new Promise<void>((open) => (release = open))
  const atWork = { first: false }
  const { activities, computed, store } = storedFakes(async (_, input) => {
    const { epochs } = input.settings as { epochs: number }
    atWork.first = true
    if (day === FAILING && epochs === 2) throw ApplicationFailure.nonRetryable('the device is on fire')
    if (day === KILLED) await pause(1000)
    if (day === OVERLAPPING) await held
    return { accuracy: 0.6 + (day >= BETTER ? 0.2 : 0) + 0.01 * normal([input.seed as number, epochs]) }
  })

  const withStore = { ...activities, resolveArtifact: (uri: string) => Promise.resolve(store.describe(uri)) }
  const native = await NativeConnection.connect({ address: server.address })
  const worker = await Worker.create({
    connection: native,
    taskQueue: 'rlaif',
    workflowsPath: require.resolve('../../src/workflows/index.ts'),
    activities: withStore,
  })
  const id = (of: number) => `nightly-2026-11-${of}T02:30:00Z`
  const start = (of: number, overlap: Overlap = 'bufferAll') =>
    backfillSchedule(connected(), 'nightly', {
      from: `2026-11-${of}T00:00Z`,
      to: `2026-11-${of + 1}T00:00Z`,
      overlap,
      yes: true,
    })
  const exists = async (of: number) =>
    client.workflow
      .getHandle(id(of))
      .describe()
      .then(
        () => true,
        () => false,
      )
  const ended = async (of: number): Promise<SweepResult> => {
    for (let tries = 0; !(await exists(of)); tries++) {
      if (tries > 100)
        throw new Error(
          `night ${of} does not start: ${describeLines(await describeSchedule(connected(), 'nightly')).join('\n')}`,
        )
      await pause(200)
    }
    return client.workflow.getHandle(id(of)).result() as Promise<SweepResult>
  }

  const { results, again, pinned } = await worker.runUntil(async () => {
    expect(await applySchedule(connected(), declaration)).toBe('created')
    expect(await applySchedule(connected(), declaration)).toBe('unchanged')
    const results = new Map<number, SweepResult>()
    for (day of DAYS) {
      atWork.first = false
      if (day === BETTER) continue // it waited for the previous night
      await start(day)
      if (day === KILLED) {
        while (!atWork.first) await pause(50)
        await server.close() // by SIGKILL
        await pause(1000)
        server = await openServer()
        client = new Client({ connection: server.connection })
      }
      if (day === OVERLAPPING) {
        while (!atWork.first) await pause(50)
        await start(BETTER, 'skip')
        await pause(1500)
        expect(await exists(BETTER)).toBe(false)
        expect(describeLines(await describeSchedule(connected(), 'nightly')).join('\n')).toMatch(
          /1 skipped for overlap/,
        )
        expect(await triggerSchedule(connected(), 'nightly')).toMatch(/still runs nightly-2026-11-15.*no other starts/)
        await start(BETTER, 'bufferOne')
        release()
        results.set(day, await ended(day))
        day = BETTER
      }
      results.set(day, await ended(day))
    }
    const before = computed.length
    await start(BETTER) // started again by a backfill, after a later night
    for (let tries = 0; computed.length === before && tries < 100; tries++) await pause(100)
    const again = { result: await ended(BETTER), computed: computed.slice(before) }
    const pinned = await client.workflow.execute('sweep', {
      taskQueue: 'rlaif',
      workflowId: 'by-hand',
      args: [{ ...declaration.input, baseline: results.get(DAYS[0]!)!.report.uri }],
    })
    return { results, again, pinned: pinned as SweepResult }
  })

  expect([...results.keys()]).toEqual(DAYS)
  expect([...results.values()].map((result) => result.night)).toEqual(DAYS.map(night))
  expect([...results.values()].map(({ previous }) => previous?.night)).toEqual([
    undefined,
    ...DAYS.slice(0, -1).map(night),
  ])
  expect([...results.values()].map(({ trials }) => trials)).toEqual(
    DAYS.map((of) => (of === FAILING ? { done: 3, failed: 3, skipped: 0 } : { done: 6, failed: 0, skipped: 0 })),
  )

  const html = (of: number) => readFileSync(join(fileURLToPath(results.get(of)!.report.uri), 'report.html'), 'utf8')
  const headline = (of: number) => String(results.get(of)!.report.summary.headline)
  expect(new Set(DAYS.map((of) => results.get(of)!.report.uri)).size).toBe(7)
  for (const of of DAYS.slice(1)) expect(html(of)).toContain(`Since the night of ${night(of - 1)}`)
  expect(headline(FAILING)).toMatch(/3 of 6 trials done, 3 failed.*3 new failures/)
  expect(html(FAILING)).toContain('the device is on fire')
  expect(headline(KILLED)).toMatch(/0 figures moved beyond noise, 3 failures gone/)
  expect(headline(BETTER)).toMatch(/against the night of 2026-11-15T02:30Z: [1-9] figures? moved beyond noise$/)
  expect(headline(17)).toMatch(/: 0 figures moved beyond noise$/)

  expect(again.result.previous?.night).toBe(night(17))
  expect(readFileSync(join(fileURLToPath(again.result.report.uri), 'report.html'), 'utf8')).toContain(
    `Since the night of ${night(OVERLAPPING)}`,
  )
  expect(again.computed.map((work) => work.split(' ')[0])).toEqual(['sweep-report']) // everything else was in the store

  expect(pinned).toMatchObject({
    trials: { done: 6 },
    report: expect.objectContaining({
      summary: expect.objectContaining({
        headline: expect.stringMatching(/against the pinned baseline: [1-9] figures? moved beyond noise$/),
      }),
    }),
  })
  expect(pinned.night).toBeUndefined()

  const nights = new Set<string>()
  for await (const { workflowId } of client.workflow.list({ query: 'WorkflowType = "sweep"' }))
    if (workflowId !== 'by-hand') nights.add(workflowId)
  expect([...nights].sort()).toEqual(DAYS.map(id))
  const trained = computed.filter((work) => work.startsWith('reward-model'))
  expect(new Set(trained).size).toBe(7 * 6 - 3 + 6) // plus the sweep by hand, with its seeds as given
  expect(trained.length).toBe(new Set(trained).size)

  expect(scheduleLines(await listSchedules(connected()))[1]).toMatch(/nightly +sweep +paused +nightly-2026-11-1[67]/)

  // the studio's nights, with none of the workers that computed them
  const open = async (uri: string) => (await store.open(await store.describe(uri))).folder
  const { nights: found, metric, metrics, earlier } = await openNights(open)(connected(), 'nightly')
  expect(found.map(({ run, at }) => [run, at.toISOString()])).toEqual(
    DAYS.map((of) => [id(of), `2026-11-${of}T02:30:00.000Z`]),
  )
  expect([metric, earlier, metrics.includes('reward-model.accuracy')]).toEqual(['reward-model.accuracy', 0, true])
  for (const [i, of] of DAYS.entries()) {
    const { figure, trials, state, changed, problem } = found[i]!
    expect({ state, changed, problem }).toEqual({ state: 'completed', changed: [], problem: undefined })
    expect(figure!.value).toBeCloseTo(of >= BETTER ? 0.8 : 0.6, 1)
    expect(figure!.low).toBeLessThan(figure!.value)
    expect(figure!.n).toBe(3)
    expect(trials!.failed).toBe(of === FAILING ? 3 : 0)
  }

  expect(await deleteSchedule(connected(), 'nightly', true)).toMatch(/deleted; its runs and their reports stay/)
  await native.close()
  await server.close()
})
