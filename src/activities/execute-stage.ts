// What every stage's activity does around the stage itself: look for the artifact in the store, else compute it in a
// child process and commit it.
import { ApplicationFailure, CancelledFailure, Context, log } from '@temporalio/activity'
import type { Asker } from '../artifacts/answers'
import { artifactsIn, keyOf, type ArtifactStore, type Sources } from '../artifacts/store'
import type { Artifact } from '../contracts/artifact'
import { withoutPlace } from '../contracts/engine'
import type { Cache } from '../contracts/run-settings'
import { InvalidInput, parse } from '../contracts/parse'
import type { Progress } from '../contracts/status'
import type { StageTrack } from '../contracts/track'
import { HANDED_BACK, stageSchemas, type StageSpending, type StageName, type StageResult } from '../contracts/stages'
import { baseOf, type Reference } from '../model/adapter-base'
import { askerOf, asksAgain, restsOnOldAnswers } from './asker'
import { computeInChild, type StageFailure } from './child'
import { continueFrom, parkedBefore } from './continued-work'
import { explainFailure } from './machine-failure'
import { traceParent } from './spans'
import { openStageMeter } from './metrics'
import { readsOnlyText, stageVersion } from './registry'
import { readSources } from './sources'
import { openTrackedStage } from './tracked-stage'

/** Interval of heartbeats; how many of them the worker sends on is up to the SDK's throttle. */
const HEARTBEAT_MS = 3_000

/** What a worker provides for its stages. */
export interface StageEnvironment {
  store: ArtifactStore
  /** RLAIF_HOME of this worker, passed on to the child. */
  home: string
  /** The module that the child process runs. */
  childProgram: string
}

/** @returns the artifact of `stage` for `input`; equal settings and inputs are computed once */
export async function executeStage(
  environment: StageEnvironment,
  stage: StageName,
  input: unknown,
): Promise<StageResult> {
  const meter = openStageMeter(stage)
  const started = Date.now()
  const { track, ...own } = (input ?? {}) as { track?: StageTrack }
  const tracked = openTrackedStage(environment, stage, track)
  try {
    const parsed = parse(stageSchemas[stage] as never, own, stage) as Attempt['input']
    const result = await whileHeartbeating((signal, onProgress) =>
      findOrCompute(environment, {
        stage,
        input: parsed,
        signal,
        onKey: (key) => tracked.computes(key),
        onProgress(progress) {
          onProgress(progress)
          meter.progress(progress)
        },
      }),
    )
    meter.ended(result.reused ? 'reused' : 'computed', result)
    const seconds = (Date.now() - started) / 1000
    const untracked = await tracked.ended(result)
    return { ...result, seconds, ...(untracked !== undefined && { untracked }) }
  } catch (error) {
    meter.ended(outcomeOf(error))
    tracked.failed()
    throw asActivityFailure(error, environment.home)
  }
}

/** One attempt of a stage. */
interface Attempt {
  stage: StageName
  input: { cache: Cache; shards?: Artifact[] }
  signal: AbortSignal
  /** The work is not in the store, and is computed under this key. */
  onKey(key: string): void
  onProgress(progress: Progress): void
}

/** What finished work is looked for by. */
interface Identity {
  settings: object
  key: string
  sources: Sources
  /** Whether the work is this run's alone. */
  isOfRun: boolean
  run: string
  /** The finished artifact, if there is one and it may be used. */
  find(): Promise<Artifact | undefined>
}

/** Shards put together are the same work as the whole: they do not enter its key. */
async function identify(
  { store }: StageEnvironment,
  { stage, input }: Pick<Attempt, 'stage' | 'input'>,
): Promise<Identity> {
  const { cache, shards: _, ...settings } = input
  const run = Context.current().info.workflowExecution?.runId ?? ''
  // without the cache, only attempts of the same run find its artifacts
  const isOfRun = cache === 'off' || asksAgain(settings)
  const { sources, keyed } = await readSources(stage, settings)
  const key = keyOf(stage, stageVersion(stage), { ...withoutPlace(keyed), ...(isOfRun && { run }) })
  const find = async () => {
    const found = cache === 'refresh' ? undefined : await store.find(stage, key)
    return found && !restsOnOldAnswers(found.summary, settings) ? found : undefined
  }
  return { settings, key, sources, isOfRun, run, find }
}

async function findOrCompute(environment: StageEnvironment, attempt: Attempt): Promise<StageResult> {
  const { store } = environment
  const { stage, signal, onProgress } = attempt
  const { settings, key, sources, isOfRun, run, find } = await identify(environment, attempt)
  const found = await find()
  if (found) return { ...found, reused: true }

  if (!readsOnlyText(stage)) for (const artifact of artifactsIn(attempt.input)) await verifyWithBases(store, artifact)
  const lock = await store.lock(stage, key, signal, () =>
    onProgress({ phase: 'waiting for the same stage of another run', done: 0, total: 1, unit: 'stages' }),
  )
  try {
    const foundNow = lock.waited ? await find() : undefined
    if (foundNow) return { ...foundNow, reused: true }
    const asker = askerOf(stage, stageVersion(stage), settings, run, isOfRun)
    return await compute(environment, attempt, { key, asker, sources, settings })
  } finally {
    await lock.release()
  }
}

/** Verifies an artifact and, where it is an adapter, the policies that it rests on. */
async function verifyWithBases(store: ArtifactStore, artifact: Reference): Promise<void> {
  await store.verify(artifact)
  const base = baseOf((await store.open(artifact, 'text')).folder, artifact)
  if (base) await verifyWithBases(store, base)
}

async function compute(
  environment: StageEnvironment,
  { stage, input, signal, onKey, onProgress }: Attempt,
  { key, asker, sources, settings }: Pick<Identity, 'key' | 'sources' | 'settings'> & { asker: Asker },
): Promise<StageResult> {
  const { store, home, childProgram } = environment
  const started = Date.now()
  const elapsedSeconds = () => (Date.now() - started) / 1000
  log.info('stage computes', { stage, key })
  onKey(key)
  const work = await store.begin(stage, key)
  const parked = parkedBefore(input)
  if (parked)
    await continueFrom(store, { stage, key: (await identify(environment, { stage, input: parked })).key }, work)
  const stopBackup = store.startBackup(work)
  try {
    const run = Context.current().info.workflowExecution?.workflowId ?? ''
    const job = { stage, input, home, ...work, key, run, asker, sources, trace: traceParent() }
    const { summary, spent } = await computeInChild(childProgram, job, signal, {
      onProgress,
      onLine: (line) => log.warn(line, { stage }),
    })
    const made = { stage, version: stageVersion(stage), key, seconds: elapsedSeconds() }
    const read = Object.keys(sources).length > 0 && { sources }
    const artifact = await store.commit(work, { ...made, input: settings, ...read, summary })
    log.info('stage finished', { stage, key, seconds: elapsedSeconds() })
    return { ...artifact, reused: false, ...(spent !== undefined && { spent }) }
  } catch (error) {
    store.discard(work)
    throw error
  } finally {
    await stopBackup()
  }
}

/** Heartbeats with the latest progress while `work` runs; cancelling the activity aborts its signal. */
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
        'the worker was shut down; another one resumes the stage from what was saved',
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

/** Names of errors that another attempt would only repeat. */
const NON_RETRYABLE = new Set([
  'InvalidInput',
  'PathRefused',
  'EndpointRefused',
  'RayRefused',
  'ProgramFailed',
  'Diverged',
  'OverOptimized',
  'DiskFull',
  'OutOfMemory',
  'Defect',
])

/** Decides what is worth another attempt: everything but what a person has to fix. */
export function asActivityFailure(thrown: unknown, home: string): unknown {
  if (thrown instanceof CancelledFailure || thrown instanceof ApplicationFailure) return thrown
  const error = explainFailure(thrown, home)
  const nonRetryable = error instanceof InvalidInput || NON_RETRYABLE.has(error.name)
  const { detail, spent } = error as StageFailure
  return ApplicationFailure.create({
    message: error.message,
    type: error.name,
    nonRetryable,
    ...((detail !== undefined || spent) && {
      details: [detail ?? '', ...(spent ? [{ spent } satisfies StageSpending] : [])],
    }),
  })
}

/** The finished artifact of `stage` for `input`, or null: what is done need not be split. */
export async function findStage(
  environment: StageEnvironment,
  { stage, input }: { stage: StageName; input: unknown },
): Promise<Artifact | null> {
  try {
    const parsed = parse(stageSchemas[stage] as never, input, stage) as Attempt['input']
    return (await (await identify(environment, { stage, input: parsed })).find()) ?? null
  } catch (error) {
    throw asActivityFailure(error, environment.home)
  }
}

/** The reference of an artifact that a person named by its URI. */
export async function resolveArtifact(environment: StageEnvironment, given: Artifact | string): Promise<Artifact> {
  try {
    return typeof given === 'string' ? await environment.store.describe(given) : given
  } catch (error) {
    throw asActivityFailure(error, environment.home)
  }
}
