// A schedule as it is declared in a file: what runs, when, and what happens when nights collide or are missed.
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
    'wants five fields: minute, hour, day of month, month, day of week, e.g. "30 2 * * *"',
  )
const DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const
const calendar = z.strictObject({
  hour: z.number().int().min(0).max(23).default(0),
  minute: z.number().int().min(0).max(59).default(0),
  dayOfWeek: z.array(z.enum(DAYS)).min(1).optional().describe('Every day without it.'),
  dayOfMonth: z.array(z.number().int().min(1).max(31)).min(1).optional(),
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
      .regex(/^[\w.-]{1,100}$/, 'wants letters, digits, dots, dashes')
      .describe('Runs are called <id>-<time>.'),
    note: z.string().max(500).optional(),
    workflow: z
      .enum(['sweep', ...SWEPT])
      .default('sweep')
      .describe('What runs.'),
    input: z
      .record(z.string(), z.unknown())
      .default({})
      .describe(
        'Its input. "onFailure" is "fail" here, if it does not say otherwise: a parked night would hold up the next.',
      ),
    cron: z
      .union([cron, z.array(cron).min(1)])
      .optional()
      .describe('When, e.g. "30 2 * * *".'),
    calendar: z
      .array(calendar)
      .min(1)
      .optional()
      .describe('When, in words, e.g. [{"hour": 2, "minute": 30, "dayOfWeek": ["MONDAY"]}].'),
    timeZone: z.string().refine(isTimeZone, 'wants the name of a time zone, e.g. "Europe/Berlin"').default('UTC'),
    jitterMinutes: z
      .number()
      .min(0)
      .max(720)
      .default(0)
      .describe('Each run starts up to so much later, by chance; its night stays the time it was scheduled for.'),
    overlap: overlapSchema
      .default('skip')
      .describe(
        'When the run before still goes on: "skip" leaves this one out, "bufferOne" and "bufferAll" start it afterwards, "allowAll" beside it.',
      ),
    catchUpHours: z
      .number()
      .positive()
      .max(8760)
      .default(6)
      .describe('After an outage, runs that were missed for no longer than this are made up for.'),
    pauseOnFailure: z.boolean().default(false).describe('A run that fails pauses the schedule.'),
    paused: z
      .boolean()
      .default(false)
      .describe('How it is when it is first applied; afterwards `rlaif schedule pause` and `unpause` decide.'),
    priority: z
      .number()
      .int()
      .min(1)
      .max(5)
      .default(5)
      .describe('Of its stages that wait for a worker: 1 first, 5 last.'),
  })
  .refine(({ cron, calendar }) => cron !== undefined || calendar !== undefined, {
    path: ['cron'],
    message: 'wants a time: "cron", "calendar", or both',
  })
export type ScheduleDeclaration = z.infer<typeof scheduleSchema>
