// A schedule as declared in a file: what runs, when, and what happens when runs overlap or are missed.
import { z } from 'zod'
import { SWEPT } from './sweep'

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}

const cron = z
  .string()
  .regex(
    /^(@(hourly|daily|weekly|monthly)|\S+( \S+){4})$/,
    'expected five fields: minute, hour, day of month, month, day of week, e.g. "30 4 * * *"',
  )
const DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const
const calendar = z.strictObject({
  hour: z.number().int().min(0).max(23).default(0).describe('Hour of the day.'),
  minute: z.number().int().min(0).max(59).default(0).describe('Minute of the hour.'),
  dayOfWeek: z.array(z.enum(DAYS)).min(1).optional().describe('Days of the week. Default: every day.'),
  dayOfMonth: z
    .array(z.number().int().min(1).max(31))
    .min(1)
    .optional()
    .describe('Days of the month. Default: every day.'),
})

export const OVERLAPS = {
  skip: 'SKIP',
  bufferOne: 'BUFFER_ONE',
  bufferAll: 'BUFFER_ALL',
  allowAll: 'ALLOW_ALL',
} as const
export type Overlap = keyof typeof OVERLAPS
export const overlapSchema = z.enum(Object.keys(OVERLAPS) as [Overlap, ...Overlap[]])

export const scheduleSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[\w.-]{1,100}$/, 'expected letters, digits, underscores, dots and dashes, at most 100')
      .describe('ID of the schedule; its runs are named <id>-<time>.'),
    note: z.string().max(500).optional().describe('Note for whoever reads the schedule.'),
    workflow: z
      .enum(['sweep', ...SWEPT])
      .default('sweep')
      .describe('The workflow to run.'),
    input: z
      .record(z.string(), z.unknown())
      .default({})
      .describe(
        'Input of the workflow. Its "onFailure" is "fail" by default here: a parked run would hold up the next night.',
      ),
    cron: z
      .union([cron, z.array(cron).min(1)])
      .optional()
      .describe('When to run, as one or more cron expressions, e.g. "30 4 * * *".'),
    calendar: z
      .array(calendar)
      .min(1)
      .optional()
      .describe('When to run, as calendar entries, e.g. [{"hour": 2, "minute": 30, "dayOfWeek": ["MONDAY"]}].'),
    timeZone: z
      .string()
      .refine(isTimeZone, 'expected the name of a time zone, e.g. "Europe/Berlin"')
      .default('UTC')
      .describe('Time zone of the times.'),
    jitterMinutes: z
      .number()
      .min(0)
      .max(720)
      .default(0)
      .describe(
        'Maximum random delay of each start, in minutes; the run still counts as the night it was scheduled for.',
      ),
    overlap: overlapSchema
      .default('skip')
      .describe(
        'What happens when the previous run has not ended. "skip" leaves this run out; ' +
          '"bufferOne" starts it afterwards, with at most one waiting; ' +
          '"bufferAll" starts all that wait, one after the other; "allowAll" starts it at once.',
      ),
    catchUpHours: z
      .number()
      .positive()
      .max(8760)
      .default(6)
      .describe('After an outage, missed runs are started late if they are no more than this many hours overdue.'),
    pauseOnFailure: z.boolean().default(false).describe('Whether a run that fails pauses the schedule.'),
    paused: z
      .boolean()
      .default(false)
      .describe('Whether the schedule is paused when first applied; later, use `rlaif schedule pause` and `unpause`.'),
    priority: z
      .number()
      .int()
      .min(1)
      .max(5)
      .default(5)
      .describe('Priority of its stages in the queue for a worker, from 1 (first) to 5 (last).'),
  })
  .refine(({ cron, calendar }) => cron !== undefined || calendar !== undefined, {
    path: ['cron'],
    message: 'expected a time: "cron", "calendar", or both',
  })
export type ScheduleDeclaration = z.infer<typeof scheduleSchema>
