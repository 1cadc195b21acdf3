// What the stages on Ray share: the job that computes one, followed to its end.
import { join } from 'node:path'
import { LOCAL, type RaySettings } from '../../contracts/engine'
import { InvalidInput } from '../../contracts/parse'
import type { StageName } from '../../contracts/stages'
import type { Progress } from '../../contracts/status'
import { digestOf } from '../../digest'
import { checkedLookup, checkNumber } from '../../feedback/address-rules'
import { checkAllowance } from '../../feedback/endpoint-allowance'
import { checkCluster, type Cluster } from '../../ray/cluster'
import { openClusterJob } from '../../ray/cluster-job'
import { untilEnd, type RunningJob } from '../../ray/job'
import { jobFailure } from '../../ray/job-failure'
import { readOutcome, resultFolder, writeJob, type JobFile, type JobRows } from '../../ray/job-folder'
import { startLocalJob } from '../../ray/local-job'
import type { StageHost } from '../stage'

export interface WorkOnRay extends Pick<JobFile, 'model' | 'settings' | 'more' | 'seed'> {
  stage: StageName
  engine: RaySettings
  rows: JobRows
  /** Progress as the report's curves name its metrics. */
  named?: ((progress: Progress) => Progress) | undefined
  /** Why the job is to end early, if it is: what it needs of this process has failed for good. */
  failed?: (() => Error | undefined) | undefined
}

/** The job's folder, which the nodes of the cluster see under the same path. */
export const jobFolder = (host: StageHost): string => join(host.checkpoints, 'ray')

/**
 * Computes a stage on Ray: attaches to its job, or starts it, and waits for its end.
 * @returns the folder of its results
 * @throws JobFailed and what src/ray throws, each with a remedy
 */
export async function computeOnRay(work: WorkOnRay, host: StageHost): Promise<string> {
  refusePrecision(work)
  const folder = jobFolder(host)
  const interrupted = host.handleInterruption()
  const job = await openJob(work, folder, host)
  const outcome = await untilEnd(job, folder, {
    onProgress: (progress) => host.report(work.named?.(progress) ?? progress),
    wanted: () => {
      if (work.failed?.()) return 'stop'
      return interrupted() ? (host.isCancelled() || isLocal(work) ? 'stop' : 'leave') : 'run'
    },
  }).catch((error: unknown) => {
    throw work.failed?.() ?? error
  })
  if (outcome && 'done' in outcome) return resultFolder(folder)
  const place = isLocal(work) ? 'this worker' : `the cluster at ${work.engine.address}`
  throw jobFailure({ stage: work.stage, id: job.name, place, folder }, outcome, await job.log())
}

/** The groups of settings that a stage's `precision` comes from. */
const GROUPS: Partial<Record<StageName, string>> = { 'reward-model': 'rewardModel', respond: 'evaluate' }

function refusePrecision({ stage, settings }: WorkOnRay): void {
  if ((settings as { precision?: string }).precision === undefined) return
  throw new InvalidInput(
    `${stage}: field "${GROUPS[stage] ?? stage}.precision" is for the embedded engine; ` +
      'set "engine.ray.precision" instead, or leave out "engine"',
  )
}

const isLocal = ({ engine }: WorkOnRay) => engine.address === LOCAL

async function openJob(work: WorkOnRay, folder: string, host: StageHost): Promise<RunningJob> {
  const { stage, seed, model, settings, more, rows } = work
  const { address, tokenEnv, ...engine } = work.engine
  const prepare = () => writeJob(folder, { stage, seed, is_local: isLocal(work), engine, model, settings, more }, rows)
  if (isLocal(work)) {
    if (isDone(folder)) return ended
    prepare()
    return startLocalJob(folder)
  }
  const cluster = clusterOf(address, tokenEnv)
  await checkCluster(cluster)
  const id = `rlaif-${stage}-${host.key.slice(0, 16)}-${digestOf(folder).slice(0, 8)}`
  return openClusterJob({ cluster, id, folder, metadata: { rlaif: stage, key: host.key }, prepare })
}

/** A local job may have ended while this process was replaced. */
const isDone = (folder: string) => {
  const outcome = readOutcome(folder)
  return outcome !== undefined && 'done' in outcome
}
const ended: RunningJob = {
  name: 'that has ended',
  hasEnded: () => Promise.resolve(true),
  stop: () => Promise.resolve(),
  log: () => Promise.resolve(''),
}

/** @throws InvalidInput when this worker may not ask that address, or lacks the token */
function clusterOf(address: string, tokenEnv: string | undefined): Cluster {
  const reach = checkAllowance(address, tokenEnv)
  checkNumber(new URL(address), reach)
  const lookup = checkedLookup(reach)
  if (tokenEnv === undefined) return { address, lookup }
  const token = process.env[tokenEnv]?.trim()
  if (token) return { address, token, lookup }
  throw new InvalidInput(
    `ray: engine.ray.tokenEnv names ${tokenEnv}, which is not set on this worker; set it to the cluster's token`,
  )
}

/** Rows of a step that all workers share. @throws InvalidInput when they cannot share them evenly */
export function refuseUnevenBatch(stage: StageName, rows: number, { workers }: RaySettings): void {
  if (rows % workers === 0) return
  throw new InvalidInput(
    `${stage}: a step has ${rows} rows, which ${workers} workers cannot share evenly; set batchSize to a multiple of ` +
      'engine.ray.workers (no more than there are rows), or take fewer workers',
  )
}
