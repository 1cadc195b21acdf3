// A job from the outside, wherever it runs: on a cluster (cluster-job.ts) or on this machine (local-job.ts).
import { setTimeout as pause } from 'node:timers/promises'
import type { Progress } from '../contracts/status'
import { readOutcome, readProgress, type Outcome } from './job-folder'

const POLL_MS = 1000

export interface RunningJob {
  /** Its id, for messages. */
  name: string
  /** Whether it has ended. @throws RayUnreachable when that cannot be known at the moment */
  hasEnded(): Promise<boolean>
  /** Ends it; resolves when it has ended. */
  stop(): Promise<void>
  /** The end of what it has written to its log. */
  log(): Promise<string>
}

export interface Watcher {
  onProgress(progress: Progress): void
  /** What is to become of the job, asked about every second. */
  wanted(): 'run' | 'stop' | 'leave'
}

/** A job that this process no longer waits for. */
export class NotAwaited extends Error {
  override name = 'Interrupted'
}

/**
 * Waits for a job's end and passes on its progress.
 * @returns how it ended; undefined if its process was killed
 * @throws NotAwaited when it was stopped, or is to go on without this process
 */
export async function untilEnd(job: RunningJob, folder: string, watcher: Watcher): Promise<Outcome | undefined> {
  while (!(await job.hasEnded())) {
    const wanted = watcher.wanted()
    if (wanted === 'stop') {
      await job.stop()
      throw new NotAwaited(`ray: job ${job.name} was stopped; its checkpoints stay`)
    }
    if (wanted === 'leave') throw new NotAwaited(`ray: job ${job.name} goes on; the next attempt attaches to it`)
    watcher.onProgress(readProgress(folder) ?? { phase: `job ${job.name} starts`, done: 0, total: 1, unit: 'jobs' })
    await pause(POLL_MS)
  }
  return readOutcome(folder)
}
