// `rlaif schedule`: runs that start by the clock. Declared in files, kept by Temporal; everything here can be done in its UI as well.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  ScheduleNotFoundError,
  type Backfill,
  type ScheduleDescription,
  type ScheduleHandle,
  type ScheduleOptions,
} from '@temporalio/client'
import { brief } from '../contracts/brief'
import { OVERLAPS, overlapSchema, scheduleSchema, type Overlap, type ScheduleDeclaration } from '../contracts/schedule'
import { InvalidInput, parse } from '../contracts/parse'
import { defaultQueues } from '../workers/worker'
import type { Connected } from './connection'
import { checkInput } from './input'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const MOST_MADE_UP = 366

/** Declarations in files and in the .json files of folders. @throws InvalidInput naming file and field */
export function readDeclarations(places: readonly string[]): ScheduleDeclaration[] {
  const files = places.flatMap((place) => {
    if (!existsSync(place)) throw new InvalidInput(`schedule: there is no file or folder ${place}`)
    return statSync(place).isDirectory()
      ? readdirSync(place)
          .filter((name) => name.endsWith('.json'))
          .sort()
          .map((name) => join(place, name))
      : [place]
  })
  if (files.length === 0) throw new InvalidInput(`schedule: no .json file in ${places.join(', ')}`)
  const declarations = files.map(readDeclaration)
  const twice = declarations.map(({ id }) => id).find((id, i, all) => all.indexOf(id) < i)
  if (twice !== undefined) throw new InvalidInput(`schedule: field "id" is ${twice} in two files`)
  return declarations
}

function readDeclaration(file: string): ScheduleDeclaration {
  let given: unknown
  try {
    given = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new InvalidInput(`schedule: ${file} is not JSON: ${(error as Error).message}`, { cause: error })
  }
  const declaration = parse(scheduleSchema, given, `schedule: ${file}`)
  try {
    checkInput(declaration.workflow, inputOf(declaration))
  } catch (error) {
    throw error instanceof InvalidInput
      ? new InvalidInput(`schedule: ${file}: field "input": ${error.message}`, { cause: error })
      : error
  }
  return declaration
}

const inputOf = ({ input }: ScheduleDeclaration) => ({ onFailure: 'fail', ...input })

/** Kept in the memo of the runs, and told apart by: whether a schedule is already as it is declared. */
const digestOf = (declaration: ScheduleDeclaration) =>
  createHash('sha256').update(JSON.stringify(declaration)).digest('hex').slice(0, 16)

export function optionsOf(declaration: ScheduleDeclaration): ScheduleOptions {
  const {
    id,
    note,
    workflow,
    cron,
    calendar,
    timeZone,
    jitterMinutes,
    overlap,
    catchUpHours,
    pauseOnFailure,
    paused,
    priority,
  } = declaration
  const action = {
    type: 'startWorkflow' as const,
    workflowType: workflow,
    workflowId: id,
    taskQueue: defaultQueues.light,
    args: [inputOf(declaration)],
    memo: { declaration: digestOf(declaration) },
    priority: { priorityKey: priority }, // kept by the server though the client's type lacks it
    ...(note !== undefined && { staticSummary: brief(note) }),
  }
  return {
    scheduleId: id,
    spec: {
      ...(cron !== undefined && { cronExpressions: [cron].flat() }),
      ...(calendar && {
        calendars: calendar.map(({ dayOfWeek, dayOfMonth, ...time }) => ({
          ...time,
          ...(dayOfWeek && { dayOfWeek }),
          ...(dayOfMonth && { dayOfMonth }),
        })),
      }),
      timezone: timeZone,
      jitter: jitterMinutes * MINUTE_MS,
    },
    policies: { overlap: OVERLAPS[overlap], catchupWindow: catchUpHours * HOUR_MS, pauseOnFailure },
    action,
    state: { paused, ...(note !== undefined && { note }) },
  }
}

export type Applied = 'created' | 'updated' | 'unchanged'

/** Makes a schedule what its declaration says. Whether it is paused, and what it has run, stays. @param dryRun only tells what it would do */
export async function applySchedule(
  { client }: Connected,
  declaration: ScheduleDeclaration,
  dryRun = false,
): Promise<Applied> {
  const options = optionsOf(declaration)
  const handle = client.schedule.getHandle(declaration.id)
  const now = await describeOrNothing(handle)
  if (now?.action.memo?.declaration === digestOf(declaration)) return 'unchanged'
  const change = now
    ? () => handle.update(({ state }) => ({ ...options, state: { ...options.state, paused: state.paused } }))
    : () => client.schedule.create(options)
  if (!dryRun)
    await change().catch((error: Error) =>
      Promise.reject(
        new InvalidInput(`schedule ${declaration.id}: the server refuses it: ${error.message}`, { cause: error }),
      ),
    )
  return now ? 'updated' : 'created'
}

async function describeOrNothing(handle: ScheduleHandle): Promise<ScheduleDescription | undefined> {
  try {
    return await handle.describe()
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined
    throw error
  }
}

async function existing(
  { client }: Connected,
  id: string,
): Promise<{ handle: ScheduleHandle; now: ScheduleDescription }> {
  const handle = client.schedule.getHandle(id)
  const now = await describeOrNothing(handle)
  if (!now)
    throw new InvalidInput(
      `there is no schedule "${id}"; \`rlaif schedule list\` shows them, \`rlaif schedule apply\` makes one from a file`,
    )
  return { handle, now }
}

const minute = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')}Z`
const workflowIds = (actions: ScheduleDescription['info']['recentActions']) =>
  actions.map(({ action, takenAt }) => `${minute(takenAt)}  ${action.workflow.workflowId}`)

/** One line each. */
export async function listSchedules({ client }: Connected): Promise<string[]> {
  const rows: string[][] = [['SCHEDULE', 'WORKFLOW', 'STATE', 'NEXT', 'LAST RUN']]
  for await (const { scheduleId, action, state, info } of client.schedule.list()) {
    const next = info.nextActionTimes[0]
    rows.push([
      scheduleId,
      action?.workflowType ?? '',
      state.paused ? 'paused' : 'active',
      next && !state.paused ? minute(next) : '',
      info.recentActions.at(-1)?.action.workflow.workflowId ?? '',
    ])
  }
  if (rows.length === 1) return ['no schedules yet; `rlaif schedule apply schedules` makes those that ship with rlaif']
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

export async function describeSchedule(connected: Connected, id: string): Promise<string[]> {
  const { now } = await existing(connected, id)
  const { action, policies, state, info, spec } = now
  const times = info.nextActionTimes.slice(0, 3).map(minute)
  return [
    `${id}: ${action.workflowType}, ${state.paused ? 'paused' : 'active'}${state.note ? ` · ${state.note}` : ''}`,
    `  next      ${state.paused ? 'none while it is paused' : times.join(', ') || 'none'} (time zone ${spec.timezone ?? 'UTC'}${spec.jitter ? `, up to ${spec.jitter / MINUTE_MS} min later` : ''})`,
    `  overlap   ${policies.overlap ?? 'SKIP'}; catches up within ${policies.catchupWindow / HOUR_MS} h; ${info.numActionsTaken} taken, ${info.numActionsSkippedOverlap} skipped for overlap, ${info.numActionsMissedCatchupWindow} missed`,
    `  running   ${info.runningActions.map(({ workflow }) => workflow.workflowId).join(', ') || 'nothing'}`,
    ...workflowIds(info.recentActions.slice(-5)).map((line, i) => `  ${i === 0 ? 'latest  ' : '        '}  ${line}`),
    `  input     ${JSON.stringify(action.args?.[0] ?? {})}`,
  ]
}

export async function pauseSchedule(connected: Connected, id: string, paused: boolean, note?: string): Promise<string> {
  const { handle } = await existing(connected, id)
  await (paused ? handle.pause(note) : handle.unpause(note))
  return `${id} is ${paused ? 'paused: nothing starts until `rlaif schedule unpause`; what runs goes on' : 'active again'}`
}

export async function triggerSchedule(connected: Connected, id: string): Promise<string> {
  const { handle, now } = await existing(connected, id)
  const runs = now.info.runningActions.length > 0
  await handle.trigger(now.policies.overlap ?? OVERLAPS.skip) // without it, Temporal would start one beside it
  const skips = runs && (now.policies.overlap ?? 'SKIP') === 'SKIP'
  return skips
    ? `${id} still runs ${now.info.runningActions[0]!.workflow.workflowId}: by its overlap policy "skip" no other starts now`
    : `${id} starts; \`rlaif status\` shows it`
}

/** Times that the schedule would have run at. */
async function matchingTimes({ client, namespace }: Connected, id: string, from: Date, to: Date): Promise<Date[]> {
  const timestamp = (time: Date) => ({ seconds: Math.floor(time.getTime() / 1000) as never, nanos: 0 })
  const { startTime } = await client.workflowService.listScheduleMatchingTimes({
    namespace,
    scheduleId: id,
    startTime: timestamp(from),
    endTime: timestamp(to),
  })
  return (startTime ?? []).map(({ seconds }) => new Date(Number(seconds) * 1000))
}

export interface BackfillFlags {
  from: string
  to: string
  overlap?: string
  yes?: boolean
}

const timeOf = (given: string, flag: string): Date => {
  const time = new Date(given)
  if (Number.isNaN(time.getTime()))
    throw new InvalidInput(`${flag} got "${given}"; it is a date or a time, e.g. 2026-11-20 or 2026-11-20T00:00Z`)
  return time
}

/** Runs for times gone by, one after the other; without --yes only listed. */
export async function backfillSchedule(connected: Connected, id: string, flags: BackfillFlags): Promise<string[]> {
  const { handle } = await existing(connected, id)
  const [from, to] = [timeOf(flags.from, '--from'), timeOf(flags.to, '--to')]
  if (from >= to) throw new InvalidInput(`--from ${flags.from} is not before --to ${flags.to}`)
  const overlap: Overlap = parse(overlapSchema, flags.overlap ?? 'bufferAll', '--overlap')
  const times = await matchingTimes(connected, id, from, to)
  if (times.length === 0) return [`${id} has no time between ${minute(from)} and ${minute(to)}`]
  if (times.length > MOST_MADE_UP)
    throw new InvalidInput(
      `${times.length} runs between --from and --to are more than ${MOST_MADE_UP}; give a shorter time`,
    )
  const lines = times.map((time) => `  ${minute(time)}`)
  if (!flags.yes) return [...lines, `${times.length} runs would start; add --yes to start them`]
  const backfill: Backfill = { start: new Date(from.getTime() - 1), end: to, overlap: OVERLAPS[overlap] }
  await handle.backfill(backfill)
  return [
    ...lines,
    `${times.length} runs start, ${overlap === 'allowAll' ? 'all at once' : 'one after the other'}; a night that was run before gets its results from the store`,
  ]
}

/** Runs that go on are left alone; without --yes it is only told. */
export async function deleteSchedule(connected: Connected, id: string, yes: boolean): Promise<string> {
  const { handle, now } = await existing(connected, id)
  if (!yes)
    return `${id} would be deleted (${now.info.numActionsTaken} runs so far; they and their reports stay); add --yes to delete it`
  await handle.delete()
  return `${id} is deleted; its runs and their reports stay`
}
