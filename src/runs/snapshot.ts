// What a run is doing now: the stages that it reports, its pending activity with progress, attempt and failure, or why
// it reports nothing.
import type { WorkflowHandle } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'
import { progressSchema, runStatusSchema, type Progress, type StageStatus } from '../contracts/status'
import { decodedBy, messageOf } from './payloads'
import { pollersOf } from './pollers'
import { isFailing, whyUnanswered } from './unanswered'

/**
 * How long a run is given to say how it stands while a worker is up. The server gives a question to another worker when
 * the one that has the run in memory has not taken it in ten seconds: it ended, or its machine is busy.
 */
const PATIENCE_MS = 30_000
/** After so long it is looked whether any worker is up. */
const LOOK_MS = 3_000
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

/** @param patience how long the run is given to answer, in milliseconds */
export async function snapshot(handle: WorkflowHandle, patience = PATIENCE_MS): Promise<Snapshot> {
  const described = await handle.describe()
  const all = described.raw.pendingActivities ?? []
  const pending = all.find(({ state }) => state === STARTED) ?? all[0]
  const attempt = pending && (await attemptOf(handle, pending))
  const answer = await stagesOf(handle, described.taskQueue, isFailing(described) ? LOOK_MS : patience)
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

type Stages = Pick<Snapshot, 'stages' | 'warnings'>

/** The stages that the run reports, or why it has not answered. */
async function stagesOf(handle: WorkflowHandle, queue: string, patience: number): Promise<Stages | { fault: Error }> {
  let isAnswered = false
  const asked = handle.query('status').catch((error: Error) => error)
  const answer = asked.finally(() => (isAnswered = true))
  const tooLate = async () => {
    await pause(Math.min(LOOK_MS, patience))
    if (!isAnswered && (await pollersOf(handle.client, queue)).length > 0) await pause(patience - LOOK_MS)
    return new Error(`it has not answered within ${patience / 1000} s, as on a busy machine; ask again`)
  }
  const status = await Promise.race([answer, tooLate()])
  if (status instanceof Error) return { fault: status }
  const { stages = [], warnings } = runStatusSchema.safeParse(status).data ?? {}
  return { stages, warnings }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
