// The minutes of a day at which a schedule runs, from its cron expressions and calendar entries. As Temporal reads them:
// all fields must match, the day of the month as well as that of the week.
import type { ScheduleDeclaration } from '../contracts/schedule'

/** When a schedule runs, as sets; a time matches if every field does. */
export interface Times {
  minutes: ReadonlySet<number>
  hours: ReadonlySet<number>
  days: ReadonlySet<number>
  months: ReadonlySet<number>
  /** 0 is Sunday. */
  weekdays: ReadonlySet<number>
}

const MACROS: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
}
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const span = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.max(0, Math.floor((to - from) / step) + 1) }, (_, i) => from + i * step)

/** A field such as `1,2`, `MON-FRI` or an `*` with a step, between its least and greatest value. */
function fieldOf(text: string, least: number, most: number, names: readonly string[] = []): Set<number> {
  const numberOf = (word: string) => {
    const named = names.indexOf(word.toLowerCase().slice(0, 3))
    return named >= 0 ? named + least : Number(word)
  }
  const parts = text.split(',').flatMap((part) => {
    const [range = '', step] = part.split('/')
    if (range === '*' || range === '?') return span(least, most, step === undefined ? 1 : Number(step))
    const [from, to] = range.split('-').map(numberOf) as [number, number?]
    return span(from, to ?? (step === undefined ? from : most), step === undefined ? 1 : Number(step))
  })
  return new Set(parts)
}

function ofCron(expression: string): Times {
  const [minutes, hours, days, months, weekdays] = (MACROS[expression] ?? expression).split(/\s+/) as [
    string,
    string,
    string,
    string,
    string,
  ]
  return {
    minutes: fieldOf(minutes, 0, 59),
    hours: fieldOf(hours, 0, 23),
    days: fieldOf(days, 1, 31),
    months: fieldOf(months, 1, 12, MONTHS),
    weekdays: new Set([...fieldOf(weekdays, 0, 7, WEEKDAYS)].map((day) => day % 7)),
  }
}

const EVERY = { days: new Set(span(1, 31)), months: new Set(span(1, 12)), weekdays: new Set(span(0, 6)) }

/** When a schedule runs, one entry for each of its expressions. */
export function timesOf({ cron, calendar }: Pick<ScheduleDeclaration, 'cron' | 'calendar'>): Times[] {
  const ofCalendar = (calendar ?? []).map(({ hour, minute, dayOfWeek, dayOfMonth }) => ({
    ...EVERY,
    minutes: new Set([minute]),
    hours: new Set([hour]),
    ...(dayOfMonth && { days: new Set(dayOfMonth) }),
    ...(dayOfWeek && { weekdays: new Set(dayOfWeek.map((day) => WEEKDAYS.indexOf(day.toLowerCase().slice(0, 3)))) }),
  }))
  return [...[cron ?? []].flat().map(ofCron), ...ofCalendar]
}

/** @param wall the clock's date and time, written as if it were UTC */
export const matches = ({ minutes, hours, days, months, weekdays }: Times, wall: Date): boolean =>
  minutes.has(wall.getUTCMinutes()) &&
  hours.has(wall.getUTCHours()) &&
  days.has(wall.getUTCDate()) &&
  months.has(wall.getUTCMonth() + 1) &&
  weekdays.has(wall.getUTCDay())
