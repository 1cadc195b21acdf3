// What every stage's activity does around the stage itself: look in the store, compute in a child process, write the artifact.
import { ApplicationFailure, CancelledFailure, Context, log } from '@temporalio/activity'
import { artifactsIn, keyOf, type ArtifactStore } from '../artifacts/store'
import type { Artifact } from '../contracts/artifact'
import type { Cache } from '../contracts/run-settings'
import { InvalidInput, parse } from '../contracts/parse'
import type { Progress } from '../contracts/status'
import { HANDED_BACK, stageSchemas, type StageName, type StageResult } from '../contracts/stages'
import { computeInChild, type StageFailure } from './child'
import { explained } from './machine-failure'
import { traceParent } from './spans'
import { openStageMeter } from './metrics'
import { readsTextAlone, stageVersion } from './registry'

/** Heartbeats are sent this often; the worker's throttle lets them through. */
const HEARTBEAT_MS = 3_000

/** What a worker gives its stages. */
export interface StageEnvironment {
  store: ArtifactStore
  /** RLAIF_HOME of this worker, passed on to the child. */
  home: string
  /** The module that the computing child process runs. */
  childProgram: string
}

/** @returns the artifact of `stage` for `input`, computed at most once for the same settings and inputs */
export async function executeStage(
  environment: StageEnvironment,
  stage: StageName,
  input: unknown,
): Promise<StageResult> {
  const meter = openStageMeter(stage)
  try {
    const parsed = parse(stageSchemas[stage] as never, input, stage) as { cache: Cache }
    const result = await whileHeartbeating((signal, onProgress) =>
      foundOrComputed(
        environment,
        stage,
        parsed,
        signal,
        (progress) => (onProgress(progress), meter.progress(progress)),
      ),
    )
    meter.ended(result.reused ? 'reused' : 'computed', result)
    return result
  } catch (error) {
    meter.ended(outcomeOf(error))
    throw asActivityFailure(error, environment.home)
  }
}

async function foundOrComputed(
  environment: StageEnvironment,
  stage: StageName,
  input: { cache: Cache },
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<StageResult> {
  const { store } = environment
  const { cache, ...settings } = input
  const version = stageVersion(stage)
  const ownRun = cache === 'off' && { run: Context.current().info.workflowExecution?.runId } // found again by this run's own attempts alone
  const key = keyOf(stage, version, { ...settings, ...ownRun })
  const found = cache === 'refresh' ? undefined : await store.find(stage, key)
  if (found) return { ...found, reused: true }

  if (!readsTextAlone(stage)) for (const artifact of artifactsIn(settings)) await store.verify(artifact)
  const lock = await store.lock(stage, key, signal, () =>
    onProgress({ phase: 'waiting for the same stage of another run', done: 0, total: 1, unit: 'stages' }),
  )
  try {
    const foundNow = cache === 'refresh' || !lock.waited ? undefined : await store.find(stage, key)
    return foundNow ? { ...foundNow, reused: true } : await computed(environment, stage, key, input, signal, onProgress)
  } finally {
    await lock.release()
  }
}

async function computed(
  { store, home, childProgram }: StageEnvironment,
  stage: StageName,
  key: string,
  input: { cache: Cache },
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<StageResult> {
  const { cache: _, ...settings } = input
  const version = stageVersion(stage)
  const started = Date.now()
  log.info('stage computes', { stage, key })
  const work = await store.begin(stage, key)
  const madeSafe = store.keepSafe(work)
  try {
    const summary = await computeInChild(childProgram, { stage, input, home, ...work, trace: traceParent() }, signal, {
      onProgress,
      onLine: (line) => log.warn(line, { stage }),
    })
    const artifact = await store.commit(work, {
      stage,
      version,
      key,
      seconds: (Date.now() - started) / 1000,
      input: settings,
      summary,
    })
    log.info('stage finished', { stage, key, seconds: (Date.now() - started) / 1000 })
    return { ...artifact, reused: false }
  } catch (error) {
    store.discard(work)
    throw error
  } finally {
    await madeSafe()
  }
}

/** Heartbeats with the latest progress for as long as `work` goes on; a cancelled activity aborts its signal. */
async function whileHeartbeating<T>(
  work: (signal: AbortSignal, onProgress: (progress: Progress) => void) => Promise<T>,
): Promise<T> {
  const context = Context.current()
  let latest: unknown
  const timer = setInterval(() => context.heartbeat(latest), HEARTBEAT_MS)
  context.heartbeat(latest)
  try {
    return await work(context.cancellationSignal, (progress) => (latest = progress))
  } catch (error) {
    if (context.cancellationDetails?.workerShutdown)
      throw ApplicationFailure.nonRetryable(
        'the worker was shut down; the stage goes on elsewhere from what it has saved',
        HANDED_BACK,
      )
    if (context.cancellationSignal.aborted) await context.cancelled // rejects with Temporal's own reason
    throw error
  } finally {
    clearInterval(timer)
  }
}

const outcomeOf = (error: unknown) =>
  error instanceof CancelledFailure
    ? 'cancelled'
    : error instanceof ApplicationFailure && error.type === HANDED_BACK
      ? 'handed back'
      : 'failed'

const FINAL = new Set(['InvalidInput', 'EndpointRefused', 'Diverged', 'DiskFull', 'OutOfMemory'])

/** Decides what is worth another attempt: everything but what the user has to mend. */
function asActivityFailure(thrown: unknown, home: string): unknown {
  if (thrown instanceof CancelledFailure || thrown instanceof ApplicationFailure) return thrown
  const error = explained(thrown, home)
  const nonRetryable = error instanceof InvalidInput || FINAL.has(error.name)
  const { detail } = error as StageFailure
  return ApplicationFailure.create({
    message: error.message,
    type: error.name,
    nonRetryable,
    ...(detail !== undefined && { details: [detail] }),
  })
}

/** The reference of an artifact that a person named by its URI. */
export async function resolveArtifact(environment: StageEnvironment, given: Artifact | string): Promise<Artifact> {
  try {
    return typeof given === 'string' ? await environment.store.describe(given) : given
  } catch (error) {
    throw asActivityFailure(error, environment.home)
  }
}
