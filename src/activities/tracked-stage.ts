// Tells the run's tracker of a stage: its steps while they are done, and what it made. The tracker never holds up a stage
// and never fails it; what it could not be told is noted in the home of this worker, and told with the next stage's end.
import { log } from '@temporalio/activity'
import type { Artifact } from '../contracts/artifact'
import type { StageName } from '../contracts/stages'
import type { StageTrack } from '../contracts/track'
import { counted } from '../number-format'
import { redact } from '../secrets'
import type { TrackedRun } from '../tracking/tracker'
import { openUntold, type TrackingEnvironment, type Untold } from './untold'
import { nameOf, trackerOf } from './tracker-of'

const FOLLOW_MS = 5_000
/** After a failure, so long until the next attempt at most. */
const MOST_MS = 60_000
/** At the end of a stage its run waits so long for a tracker, which goes on being told afterwards. */
const WAIT_MS = 2_000

export interface TrackedStageRun {
  /** The stage is computed: its steps are told as they come. */
  computes(key: string): void
  /** @returns what the tracker could not be told so far, for people */
  ended(artifact: Artifact): Promise<string | undefined>
  failed(): void
}

const UNTRACKED: TrackedStageRun = { computes() {}, ended: () => Promise.resolve(undefined), failed() {} }

/** @param track absent: nobody is told */
export function openTrackedStage(
  environment: TrackingEnvironment,
  stage: StageName,
  track: StageTrack | undefined,
): TrackedStageRun {
  if (!track) return UNTRACKED
  const untold = openUntold(environment, track)
  let following: { stop(): void } | undefined
  let failures = 0
  const tell = (state: TrackedRun['state']) =>
    told(untold, track, environment, state).catch((error: unknown) => {
      if (failures++ === 0)
        log.warn(`${nameOf(track.to)} cannot be told of the run`, { reason: reasonOf(error), stage })
      throw error
    })
  return {
    computes(key) {
      untold.add({ stage, key })
      following = follow(() => tell('running'))
    },
    async ended(artifact) {
      following?.stop()
      untold.add({ stage, key: keyIn(artifact.uri), artifact: { uri: artifact.uri, sha256: artifact.sha256 } })
      const telling = tell('finished').finally(() => untold.close())
      const outcome = await withinWait(telling.then(() => untold.tellOthers()))
      if (outcome === 'done') return undefined
      const attempts = counted(failures + Number(outcome === LATE), 'failed attempt')
      return (
        `${nameOf(track.to)} could not be told yet (${outcome}; ${attempts}); that is tried again, at the latest at the ` +
        'end of the next stage on this worker'
      )
    },
    failed() {
      following?.stop()
      void tell('failed')
        .catch(() => {})
        .finally(() => untold.close())
    },
  }
}

const keyIn = (uri: string) => uri.replace(/\/$/, '').split('/').at(-1)!

const LATE = 'it has not answered yet'

/** @returns "done", or why not */
async function withinWait(work: Promise<void>): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => (timer = setTimeout(() => resolve(LATE), WAIT_MS)))
  const done = work.then(() => 'done', reasonOf)
  try {
    return await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}

const reasonOf = (error: unknown): string => redact((error as Error).message || String(error)).slice(0, 300)

/** Calls `tell` again and again, less often while it fails. */
function follow(tell: () => Promise<void>): { stop(): void } {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const next = (wait: number) => {
    if (isStopped) return
    timer = setTimeout(() => {
      tell().then(
        () => next(FOLLOW_MS),
        () => next(Math.min(2 * wait, MOST_MS)),
      )
    }, wait)
    timer.unref()
  }
  next(FOLLOW_MS)
  return {
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

/** By run: one update after the other, so that two stages at once do not each add what is missing. */
const queues = new Map<string, Promise<unknown>>()

async function told(
  untold: Untold,
  track: StageTrack,
  { home }: TrackingEnvironment,
  state: TrackedRun['state'],
): Promise<void> {
  const { execution } = track.run
  const before = queues.get(execution) ?? Promise.resolve()
  const now = before.then(
    () => untold.tell(trackerOf(track.to, home), state),
    () => untold.tell(trackerOf(track.to, home), state),
  )
  queues.set(execution, now)
  try {
    await now
  } finally {
    if (queues.get(execution) === now) queues.delete(execution)
  }
}
