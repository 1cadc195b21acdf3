// `rlaif schedule`: runs that start at set times. Schedules are declared in files and kept by Temporal; everything here
// can be done in its UI as well.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  ScheduleNotFoundError,
  type Backfill,
  type ScheduleDescription,
  type ScheduleHandle,
  type ScheduleOptions,
} from '@temporalio/client'
import type { ScheduleOutput } from '../contracts/command-output'
import { brief } from '../contracts/brief'
import { OVERLAPS, scheduleSchema, type Overlap, type ScheduleDeclaration } from '../contracts/schedule'
import { InvalidInput, parse } from '../contracts/parse'
import { defaultQueues } from '../contracts/queues'
import type { Connected } from '../runs/connection'
import { parseGivenJson } from '../runs/given-json'
import { checkInput } from '../runs/check-input'
import { refuseMissing, withOwnPaths } from './own-paths'
import { readTextFile } from '../runs/system-fault'
import { minute } from './schedule-lines'
import { counted } from '../number-format'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const MAX_BACKFILLED = 366

/** The declarations in files and in the .json files of folders. @throws InvalidInput naming file and field */
export function readDeclarations(paths: readonly string[]): ScheduleDeclaration[] {
  const files = paths.flatMap((path) => {
    if (!existsSync(path)) throw new InvalidInput(`schedule: there is no file or folder ${path}; check the path`)
    return statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => name.endsWith('.json'))
          .sort()
          .map((name) => join(path, name))
      : [path]
  })
  if (files.length === 0)
    throw new InvalidInput(`schedule: no .json file in ${paths.join(', ')}; name a file that declares a schedule`)
  const declarations = files.map(readDeclaration)
  const repeated = declarations.map(({ id }) => id).find((id, i, all) => all.indexOf(id) < i)
  if (repeated !== undefined)
    throw new InvalidInput(`schedule: field "id" is ${repeated} in two files; give each its own`)
  return declarations
}

function readDeclaration(file: string): ScheduleDeclaration {
  const given = parseGivenJson(readTextFile(file), `schedule: ${file}`)
  const declared = parse(scheduleSchema, given, `schedule: ${file}`)
  try {
    checkInput(declared.workflow, inputOf(declared))
  } catch (error) {
    throw error instanceof InvalidInput
      ? new InvalidInput(`schedule: ${file}: field "input": ${error.message}`, { cause: error })
      : error
  }
  return { ...declared, input: withOwnPaths(declared.workflow, declared.input, file) as ScheduleDeclaration['input'] }
}

const inputOf = ({ input }: ScheduleDeclaration) => ({ onFailure: 'fail', ...input })

/** Kept in the memo of the runs; shows whether a schedule already is as declared. */
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
    priority: { priorityKey: priority }, // the server keeps it although the client's type lacks it
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

/**
 * Creates or updates a schedule as declared. Whether it is paused stays as it is, and so does what it has run.
 * @param dryRun only returns what would be done
 */
export async function applySchedule(
  { client }: Connected,
  declaration: ScheduleDeclaration,
  dryRun = false,
): Promise<Applied> {
  await refuseMissing(declaration.workflow, inputOf(declaration))
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
        new InvalidInput(`schedule ${declaration.id}: the server refused it: ${error.message}`, { cause: error }),
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

async function existingSchedule(
  { client }: Connected,
  id: string,
): Promise<{ handle: ScheduleHandle; now: ScheduleDescription }> {
  const handle = client.schedule.getHandle(id)
  const now = await describeOrNothing(handle)
  if (!now)
    throw new InvalidInput(
      `there is no schedule "${id}"; ` +
        '`rlaif schedule list` lists the schedules, `rlaif schedule apply` creates one from a file',
    )
  return { handle, now }
}

export async function describeSchedule(connected: Connected, id: string): Promise<ScheduleOutput> {
  const { now } = await existingSchedule(connected, id)
  const { action, policies, state, info, spec } = now
  return {
    id,
    workflow: action.workflowType,
    state: state.paused ? 'paused' : 'active',
    ...(state.note && { note: state.note }),
    next: state.paused ? [] : info.nextActionTimes.slice(0, 3).map((at) => at.toISOString()),
    timeZone: spec.timezone ?? 'UTC',
    jitterMinutes: (spec.jitter ?? 0) / MINUTE_MS,
    overlap: policies.overlap ?? 'SKIP',
    catchUpHours: policies.catchupWindow / HOUR_MS,
    started: info.numActionsTaken,
    skipped: info.numActionsSkippedOverlap,
    missed: info.numActionsMissedCatchupWindow,
    running: info.runningActions.map(({ workflow }) => workflow.workflowId),
    latest: info.recentActions
      .slice(-5)
      .map(({ action, takenAt }) => ({ run: action.workflow.workflowId, at: takenAt.toISOString() })),
    input: action.args?.[0] ?? {},
  }
}

export async function pauseSchedule(connected: Connected, id: string, paused: boolean, note?: string): Promise<string> {
  const { handle } = await existingSchedule(connected, id)
  await (paused ? handle.pause(note) : handle.unpause(note))
  return paused
    ? `${id} is paused: it starts no run until \`rlaif schedule unpause\`; runs in progress continue`
    : `${id} is active again`
}

export async function triggerSchedule(connected: Connected, id: string): Promise<string> {
  const { handle, now } = await existingSchedule(connected, id)
  const running = now.info.runningActions[0]
  await handle.trigger(now.policies.overlap ?? OVERLAPS.skip) // the client's default allows all
  const isSkipped = running !== undefined && (now.policies.overlap ?? 'SKIP') === 'SKIP'
  return isSkipped
    ? `${id} still runs ${running.workflow.workflowId}; no other starts now, as its overlap policy is "skip"`
    : `${id} starts a run; \`rlaif status\` shows it`
}

/** The times at which the schedule would have run. */
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
  overlap: Overlap
  yes?: boolean
}

const timeOf = (given: string, flag: string): Date => {
  const time = new Date(given)
  if (Number.isNaN(time.getTime()))
    throw new InvalidInput(`${flag} got "${given}"; it must be a date or a time, e.g. 2026-11-20 or 2026-11-20T00:00Z`)
  return time
}

/** Starts the runs of a time range in the past; without --yes only lists them. */
export async function backfillSchedule(connected: Connected, id: string, flags: BackfillFlags): Promise<string[]> {
  const { handle } = await existingSchedule(connected, id)
  const [from, to] = [timeOf(flags.from, '--from'), timeOf(flags.to, '--to')]
  if (from >= to) throw new InvalidInput(`--from ${flags.from} is not before --to ${flags.to}; swap them`)
  const { overlap } = flags
  const times = await matchingTimes(connected, id, from, to)
  if (times.length === 0) return [`${id} has no run between ${minute(from)} and ${minute(to)}`]
  if (times.length > MAX_BACKFILLED)
    throw new InvalidInput(
      `--from and --to span ${times.length} runs, more than ${MAX_BACKFILLED}; choose a shorter range`,
    )
  const lines = times.map((time) => `  ${minute(time)}`)
  if (!flags.yes)
    return [
      ...lines,
      `${counted(times.length, 'run')} would start; add --yes to start ${times.length === 1 ? 'it' : 'them'}`,
    ]
  const backfill: Backfill = { start: new Date(from.getTime() - 1), end: to, overlap: OVERLAPS[overlap] }
  await handle.backfill(backfill)
  const order = overlap === 'allowAll' ? 'all at once' : 'one after the other'
  const starting = counted(times.length, 'run starts', 'runs start')
  return [...lines, `${starting}, ${order}; a night that has been run before reuses its results`]
}

/** Deletes a schedule but no run of it; without --yes only says what would be deleted. */
export async function deleteSchedule(connected: Connected, id: string, yes: boolean): Promise<string> {
  const { handle, now } = await existingSchedule(connected, id)
  if (!yes)
    return (
      `${id} would be deleted (${counted(now.info.numActionsTaken, 'run')} so far; runs and their reports stay); ` +
      'add --yes to delete it'
    )
  await handle.delete()
  return `${id} is deleted; its runs and their reports stay`
}
