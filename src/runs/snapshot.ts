// What a run is doing now: the stages that it reports, its pending activity with progress, attempt and failure, or why it
// reports nothing.
import type { WorkflowHandle } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'
import { progressSchema, runStatusSchema, type Progress, type StageStatus } from '../contracts/status'
import { decodedBy, messageOf } from './payloads'
import { whyUnanswered } from './unanswered'

const QUERY_TIMEOUT_MS = 5_000
/** A stage that has waited longer for a worker is said to wait. */
const LONG_WAIT_MS = 2_000
/** PENDING_ACTIVITY_STATE_STARTED and …_PAUSED in Temporal's API. */
const [STARTED, PAUSED] = [2, 4]

/** An attempt of an activity that has not ended. */
export interface Attempt {
  activity: string
  /** From 1. */
  number: number
  /** Undefined where attempts are not limited. */
  most?: number | undefined
  state: 'starting' | 'running' | 'waiting for a worker' | 'pausing' | 'paused'
  /** Where it waits for a worker. */
  queue?: string | undefined
  /** When it starts, in milliseconds of the epoch, if it is one that pauses before it does. */
  startsAt?: number | undefined
  /** Why the attempt before failed. */
  lastFailure?: string | undefined
}

export interface Snapshot {
  stages: StageStatus[]
  /** What a person should know, whatever the run is doing. */
  warnings?: string[] | undefined
  attempt?: Attempt | undefined
  /** Progress of the running stage. */
  progress?: Progress | undefined
  /** Why a run in progress reports no stages. */
  unanswered?: string | undefined
}

type Described = Awaited<ReturnType<WorkflowHandle['describe']>>
type Pending = NonNullable<Described['raw']['pendingActivities']>[number]

export async function snapshot(handle: WorkflowHandle): Promise<Snapshot> {
  const described = await handle.describe()
  const all = described.raw.pendingActivities ?? []
  const pending = all.find(({ state }) => state === STARTED) ?? all[0]
  const attempt = pending && (await attemptOf(handle, pending))
  const answer = await stagesOf(handle)
  if ('stages' in answer) {
    const progress = pending && (await progressOf(handle, pending))
    return { ...answer, warnings: [...(answer.warnings ?? []), ...(progress?.warnings ?? [])], attempt, progress }
  }
  const isRunning = described.status.name === 'RUNNING'
  return { stages: [], attempt, ...(isRunning && { unanswered: await whyUnanswered(handle, described, answer.fault) }) }
}

async function progressOf(handle: WorkflowHandle, { heartbeatDetails }: Pending): Promise<Progress | undefined> {
  const [payload] = await decodedBy(handle.client, heartbeatDetails?.payloads ?? [])
  return payload && progressSchema.safeParse(defaultPayloadConverter.fromPayload(payload)).data
}

const milliseconds = (time: { seconds?: unknown; nanos?: number | null } | null | undefined): number | undefined =>
  time ? Number(time.seconds) * 1000 + (time.nanos ?? 0) / 1e6 : undefined

async function attemptOf(handle: WorkflowHandle, pending: Pending): Promise<Attempt> {
  const { activityType, attempt, maximumAttempts, lastFailure, activityOptions, nextAttemptScheduleTime } = pending
  return {
    activity: activityType?.name ?? '',
    number: attempt ?? 1,
    most: maximumAttempts || undefined,
    state: stateOf(pending),
    queue: activityOptions?.taskQueue?.name ?? undefined,
    startsAt: milliseconds(nextAttemptScheduleTime),
    lastFailure: lastFailure ? await messageOf(handle.client, lastFailure) : undefined,
  }
}

function stateOf({ state, scheduledTime, nextAttemptScheduleTime }: Pending): Attempt['state'] {
  if (state === PAUSED) return 'paused'
  if (state === STARTED) return 'running'
  if ((milliseconds(nextAttemptScheduleTime) ?? 0) > Date.now()) return 'pausing'
  return Date.now() - (milliseconds(scheduledTime) ?? 0) > LONG_WAIT_MS ? 'waiting for a worker' : 'starting'
}

/** The stages that the run reports, or why it has not answered. */
async function stagesOf(handle: WorkflowHandle): Promise<Pick<Snapshot, 'stages' | 'warnings'> | { fault: Error }> {
  const late = new Error(`no answer within ${QUERY_TIMEOUT_MS / 1000} s`)
  const timeout = new Promise<Error>((resolve) => setTimeout(() => resolve(late), QUERY_TIMEOUT_MS).unref())
  const status = await Promise.race([handle.query('status').catch((error: Error) => error), timeout])
  if (status instanceof Error) return { fault: status }
  const { stages = [], warnings } = runStatusSchema.safeParse(status).data ?? {}
  return { stages, warnings }
}
