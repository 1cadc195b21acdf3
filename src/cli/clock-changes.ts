// Nights that a change of the clock swallows or doubles. At a time that the clock jumps over, Temporal starts no run on that
// day; at one that it shows twice, it starts two west of Greenwich and, as server 1.32 computes times, one east of it.
import type { ScheduleDeclaration } from '../contracts/schedule'
import { matches, timesOf, type Times } from './cron-times'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** How far ahead changes are looked for: each of the next ones of spring and autumn, twice. */
const AHEAD_MS = 760 * 24 * HOUR_MS
const HOURS_A_DAY = 24

/** A time of a schedule that a clock change meets. */
export interface ClockChange {
  /** The clock's date and time, e.g. 2027-03-28 02:30. */
  wall: string
  /** What the clock does at that time. */
  clock: 'jumps over' | 'shows twice'
}

type Schedule = Pick<ScheduleDeclaration, 'cron' | 'calendar' | 'timeZone'>

/** @returns what the clock changes after `from` do to a schedule, by date; runs of every hour go on through any change */
export function clockChanges(schedule: Schedule, from = new Date()): ClockChange[] {
  const times = timesOf(schedule).filter(({ hours }) => hours.size < HOURS_A_DAY)
  if (times.length === 0) return []
  const offsetAt = offsetsOf(schedule.timeZone)
  return changesOf(offsetAt, from.getTime()).flatMap((at) => metBy(times, at, offsetAt))
}

/** Milliseconds by which a zone's clock is ahead of UTC, at a time in milliseconds. */
type OffsetAt = (at: number) => number

function offsetsOf(timeZone: string): OffsetAt {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const wall = Date.UTC(parts.year!, parts.month! - 1, parts.day, parts.hour, parts.minute)
    return wall - Math.floor(at / MINUTE_MS) * MINUTE_MS
  }
}

/** The first minutes of new offsets. */
function changesOf(offsetAt: OffsetAt, from: number): number[] {
  const start = Math.floor(from / HOUR_MS) * HOUR_MS
  const found: number[] = []
  const day = HOURS_A_DAY * HOUR_MS
  for (let at = start, old = offsetAt(at); at < start + AHEAD_MS; at += day) {
    const next = offsetAt(at + day)
    if (next !== old) found.push(firstOfNew(offsetAt, at, at + day))
    old = next
  }
  return found
}

/** @param before an instant of the old offset @param after one of the new */
function firstOfNew(offsetAt: OffsetAt, before: number, after: number): number {
  const old = offsetAt(before)
  let [low, high] = [before, after]
  while (high - low > MINUTE_MS) {
    const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS
    if (offsetAt(middle) === old) low = middle
    else high = middle
  }
  return high
}

/** The times of a schedule among those that the clock jumps over, or shows twice, at a change. */
function metBy(times: readonly Times[], at: number, offsetAt: OffsetAt): ClockChange[] {
  const [before, after] = [at + offsetAt(at - MINUTE_MS), at + offsetAt(at)]
  const minutes = Math.abs(after - before) / MINUTE_MS
  const walls = Array.from({ length: minutes }, (_, i) => new Date(Math.min(before, after) + i * MINUTE_MS))
  return walls
    .filter((wall) => times.some((one) => matches(one, wall)))
    .map((wall) => ({
      wall: wall.toISOString().slice(0, 16).replace('T', ' '),
      clock: after > before ? 'jumps over' : 'shows twice',
    }))
}

/** A line about each change, and what to do. */
export function clockChangeLines(schedule: Schedule, from?: Date): string[] {
  const changes = clockChanges(schedule, from)
  if (changes.length === 0) return []
  return [
    ...changes.map(({ wall, clock }) =>
      clock === 'jumps over'
        ? `  no run at ${wall}: the clock of ${schedule.timeZone} jumps over that time`
        : `  two runs at ${wall}, or one: the clock of ${schedule.timeZone} shows that time twice`,
    ),
    '  a time that no clock change meets, such as 04:30, or "timeZone": "UTC" has one run every night',
  ]
}
