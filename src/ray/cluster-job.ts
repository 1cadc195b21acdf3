// A job of a cluster. Its id comes from the work, so that whoever does the work next finds it: a job that runs is
// attached to; after one that ended badly the next number is submitted, and resumes from the checkpoints.
import { setTimeout as pause } from 'node:timers/promises'
import { findJob, hasEnded, jobLog, RayUnreachable, stopJob, submitJob, type Cluster, type JobInfo } from './cluster'
import type { RunningJob } from './job'
import { codeFolder, readOutcome } from './job-folder'

/** Between SIGTERM and SIGKILL when a job is stopped. */
const STOP_SECONDS = 4
const STOPPED_WITHIN_MS = 12_000
/** How long a cluster that has answered before may be out: a head that is started again is waited for. */
const OUTAGE_MS = 60_000

export interface ClusterWork {
  cluster: Cluster
  /** The same for every attempt of the work: letters, digits, - and _. */
  id: string
  folder: string
  /** What people see of the job in Ray's dashboard. */
  metadata: Record<string, string>
  /** Writes the job's files; called before it is submitted. */
  prepare(): void
}

/** Attaches to the job of this work, or submits it. */
export async function openClusterJob(work: ClusterWork): Promise<RunningJob> {
  for (let number = 1; ; number++) {
    const id = `${work.id}-${number}`
    const found = await findJob(work.cluster, id)
    if (!found) return submitted(work, id)
    if (!hasEnded(found) || isUnread(found, work)) return running(work, id)
  }
}

/** A job that has succeeded while nobody was attached to it. */
const isUnread = ({ status }: JobInfo, { folder }: ClusterWork): boolean =>
  status === 'SUCCEEDED' && readOutcome(folder) !== undefined

async function submitted(work: ClusterWork, id: string): Promise<RunningJob> {
  const { cluster, folder, metadata, prepare } = work
  prepare()
  await submitJob(cluster, {
    submission_id: id,
    entrypoint: `python -m rlaif_ray ${quoted(folder)}`,
    runtime_env: {
      env_vars: {
        PYTHONPATH: codeFolder(folder),
        PYTHONDONTWRITEBYTECODE: '1',
        RAY_JOB_STOP_WAIT_TIME_S: `${STOP_SECONDS}`,
        HF_HUB_OFFLINE: '1', // everything is in the folder
        TOKENIZERS_PARALLELISM: 'false',
      },
    },
    metadata,
  })
  return running(work, id)
}

/** A word of the shell. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

function running({ cluster }: ClusterWork, id: string): RunningJob {
  let heard = Date.now()
  /** Whether the job has ended; a cluster that is out for a moment is not an answer. */
  const ended = async (): Promise<boolean> => {
    try {
      const found = await findJob(cluster, id)
      heard = Date.now()
      if (!found) throw new RayUnreachable(`ray: ${cluster.address} has lost job ${id}: its head was started again`)
      return hasEnded(found)
    } catch (error) {
      const isOut = error instanceof RayUnreachable && Date.now() - heard < OUTAGE_MS && !/has lost/.test(error.message)
      if (!isOut) throw error
      return false
    }
  }
  return {
    name: id,
    hasEnded: ended,
    log: async () => (await jobLog(cluster, id)).slice(-8000),
    async stop() {
      await stopJob(cluster, id)
      const until = Date.now() + STOPPED_WITHIN_MS
      while (Date.now() < until && !(await ended())) await pause(500)
    },
  }
}
