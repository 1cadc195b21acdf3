// What a clock change does to a schedule, compared with the times that a real Temporal server computes for it.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Client, type Connection } from '@temporalio/client'
import { clockChangeLines, clockChanges } from '../../src/cli/clock-changes'
import { optionsOf, readDeclarations } from '../../src/cli/schedule'
import { scheduleSchema } from '../../src/contracts/schedule'
import { startDevServer } from '../dev-server'

const START = new Date('2026-01-01T00:00:00Z')
const changesOf = (timeZone: string, cron: string | string[]) => clockChanges({ cron, timeZone }, START)

test.each<[string, string | string[], string[]]>([
  [
    'Europe/Berlin',
    '30 2 * * *',
    ['2026-03-29 02:30 0', '2026-10-25 02:30 2', '2027-03-28 02:30 0', '2027-10-31 02:30 2'],
  ],
  ['America/New_York', '30 1 * * *', ['2026-11-01 01:30 2', '2027-11-07 01:30 2']],
  ['America/New_York', ['30 2 * * *', '0 5 * * *'], ['2026-03-08 02:30 0', '2027-03-14 02:30 0']],
  ['Australia/Lord_Howe', '45 1 * * *', ['2026-04-05 01:45 2', '2027-04-04 01:45 2']], // half an hour
  ['Africa/Cairo', '@daily', ['2026-04-24 00:00 0', '2027-04-30 00:00 0']],
  ['Europe/Berlin', '30 2 * * MON-FRI', []], // clocks change on Sundays
  ['Europe/Berlin', '30 2 25-31 10 sun', ['2026-10-25 02:30 2', '2027-10-31 02:30 2']],
  [
    'Europe/Berlin',
    '0 */2 * * *',
    ['2026-03-29 02:00 0', '2026-10-25 02:00 2', '2027-03-28 02:00 0', '2027-10-31 02:00 2'],
  ],
  ['Europe/Berlin', '30 * * * *', []], // every hour goes on
  ['Europe/Berlin', '30 4 * * *', []],
  ['UTC', '30 2 * * *', []],
])('%s, %s', (timeZone, cron, expected) => {
  expect(changesOf(timeZone, cron).map(({ wall, clock }) => `${wall} ${clock === 'jumps over' ? 0 : 2}`)).toEqual(
    expected,
  )
})

test('calendar entries are read as well, and what is said names zone and date', () => {
  const calendar = [{ hour: 2, minute: 15, dayOfWeek: ['SUNDAY' as const] }]
  expect(clockChangeLines({ calendar, timeZone: 'Europe/Berlin' }, START)).toEqual([
    '  no run at 2026-03-29 02:15: the clock of Europe/Berlin jumps over that time',
    '  two runs at 2026-10-25 02:15, or one: the clock of Europe/Berlin shows that time twice',
    '  no run at 2027-03-28 02:15: the clock of Europe/Berlin jumps over that time',
    '  two runs at 2027-10-31 02:15, or one: the clock of Europe/Berlin shows that time twice',
    '  a time that no clock change meets, such as 04:30, or "timeZone": "UTC" has one run every night',
  ])
})

test('the times that ship, in files and on pages, meet no clock change in any zone', () => {
  const project = resolve(__dirname, '..', '..')
  const shipped = readDeclarations([join(project, 'schedules')])
  const onPages = ['sweeps.md', 'tutorial.md'].flatMap((page) => {
    const text = readFileSync(join(project, 'docs', page), 'utf8')
    return [...text.matchAll(/```json schedule\n([^]*?)```/g)].map(([, json]) =>
      scheduleSchema.parse(JSON.parse(json!)),
    )
  })
  expect(shipped.length + onPages.length).toBeGreaterThan(3)
  for (const { cron } of [...shipped, ...onPages])
    for (const timeZone of Intl.supportedValuesOf('timeZone'))
      expect([timeZone, clockChanges({ cron, timeZone }, START)]).toEqual([timeZone, []])
}, 120_000)

describe('beside a real server', () => {
  let server: Awaited<ReturnType<typeof startDevServer>>
  beforeAll(async () => {
    server = await startDevServer()
  }, 60_000)
  afterAll(() => server?.close())

  test.each([
    ['Europe/Berlin', '30 2 * * *'],
    ['America/New_York', '30 1 * * *'],
    ['Australia/Lord_Howe', '45 1 * * *'],
    ['America/Santiago', '30 23 * * SAT'],
  ])(
    'the server starts as many runs as is said: %s, %s',
    async (timeZone, cron) => {
      const declaration = scheduleSchema.parse({
        id: `clock-${timeZone.replace('/', '-')}`,
        cron,
        timeZone,
        input: { preset: 'kl-weight' },
      })
      const connection = server.connection as Connection
      await new Client({ connection }).schedule.create({ ...optionsOf(declaration), state: { paused: true } })
      const seconds = (time: string) => ({ seconds: Date.parse(time) / 1000, nanos: 0 }) as never
      const { startTime } = await connection.workflowService.listScheduleMatchingTimes({
        namespace: 'default',
        scheduleId: declaration.id,
        startTime: seconds('2026-01-01T00:00:00Z'),
        endTime: seconds('2027-12-31T00:00:00Z'),
      })
      const dayOf = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' })
      const runs = new Map<string, number>()
      for (const { seconds: at } of startTime ?? []) {
        const day = dayOf.format(Number(at) * 1000)
        runs.set(day, (runs.get(day) ?? 0) + 1)
      }
      const changes = clockChanges(declaration, START).filter(({ wall }) => wall < '2027-12')
      for (const { wall, clock } of changes)
        expect(clock === 'jumps over' ? [0] : [1, 2]).toContain(runs.get(wall.slice(0, 10)) ?? 0)
      const met = changes.map(({ wall }) => wall.slice(0, 10))
      const others = [...runs].filter(([day]) => !met.includes(day))
      expect(others.filter(([, times]) => times !== 1)).toEqual([])
      expect(others.length).toBeGreaterThan(100)
    },
    60_000,
  )
})
