// The child's side of a stage: receives one job, computes it, reports the outcome, and exits.
import { loadStage, readsOnlyText } from '../activities/registry'
import type { StageHost } from '../activities/stage'
import { openAnswers, shelfOf, type AnswerFiles } from '../artifacts/answers'
import { openStore, storeFolder } from '../artifacts/open-store'
import type { ArtifactStore } from '../artifacts/store'
import type { Progress } from '../contracts/status'
import type { Job } from '../activities/child'
import { CANCELLED, type ChildMessage } from '../activities/child-message'
import { explainFailure, type MemorySettings } from '../activities/machine-failure'
import { openLiveCurve } from '../activities/live-curve'
import { curveFolder } from '../curve-file'
import { inSpan } from '../activities/spans'
import { redactAll } from '../secrets'
import { startTracing, type Tracing } from './tracing'

/** Progress messages are sent at most this often; the last one of a phase always is. */
const PROGRESS_MS = 200
/** In characters; the worker refuses longer messages. */
const MAX_NOTE = 300
const MAX_WARNING = 1000

/** Exit code of a process that received SIGTERM. */
const EXIT_ON_SIGTERM = 143

let tracing: Tracing | undefined
let isInterrupted = false
let stageHandlesInterruption = false
let isCancelled = false

/** The border of this process: nothing leaves it for Temporal, the log or the store with a secret in it. */
const send = (message: ChildMessage, then: () => void = () => {}) => process.send!(redactAll(message), then)

/** What a stage reports, in messages that are not too many; every training step in the curve of the run. */
function reporter(
  paid: () => Pick<ChildMessage, 'spent'>,
  curve: (metrics: Record<string, number>) => void,
): Pick<StageHost, 'report' | 'note' | 'warn'> {
  let last = 0
  let latest: Progress = { phase: 'starting', done: 0, total: 1, unit: 'steps' }
  const warnings: string[] = []
  const sendNow = (progress: Progress) => {
    last = Date.now()
    send({ type: 'progress', progress: { ...progress, ...(warnings.length > 0 && { warnings }) }, ...paid() })
  }
  return {
    report(progress) {
      latest = progress
      if (progress.metrics?.step !== undefined) curve(progress.metrics)
      if (Date.now() - last >= PROGRESS_MS || progress.done >= progress.total) sendNow(progress)
    },
    warn(text) {
      if (warnings.includes(text)) return
      process.stderr.write(`${text}\n`)
      warnings.push(text.slice(0, MAX_WARNING))
      sendNow(latest)
    },
    note(within) {
      if (Date.now() - last >= PROGRESS_MS) sendNow({ ...latest, within: within.slice(0, MAX_NOTE) })
    },
  }
}

/** Writes training steps where TensorBoard finds them. What cannot be written is said once and left out. */
function curveOf({ home, run, stage, key }: Job): (metrics: Record<string, number>) => void {
  let add: ((metrics: Record<string, number>) => void) | undefined
  return (metrics) => {
    try {
      add ??= openLiveCurve(curveFolder(home, run, stage, key), stage)
      add(metrics)
    } catch (error) {
      process.stderr.write(`curves: ${(error as Error).message}; the live curve of ${stage} ends here\n`)
      add = () => {}
    }
  }
}

/** Of each labeler that the stage asks. */
const answers = new Map<string, AnswerFiles>()
/** What this run has paid for the work, if it asked a labeler. */
function paid({ asker: { work } }: Job): Pick<ChildMessage, 'spent'> {
  const costs = [...answers.values()].map((files) => files.spent().byRun)
  return costs.length > 0 ? { spent: { work, cost: costs.reduce((a, b) => a + b, 0) } } : {}
}

async function answersOf(identity: object, store: ArtifactStore, { home, asker, writer }: Job): Promise<AnswerFiles> {
  const shelf = shelfOf(identity)
  const opened = answers.get(shelf)
  if (opened) return opened
  await store.fetchAnswers(shelf)
  const files = openAnswers(storeFolder(home), asker, { shelf, writer })
  answers.set(shelf, files)
  return files
}

async function compute(job: Job): Promise<void> {
  const { stage, input, home, output, checkpoints, key, run: runId, sources, trace } = job
  tracing = await startTracing()
  const store = await openStore(home)
  const selection = readsOnlyText(stage) ? 'text' : 'all'
  const host: StageHost = {
    open: async (artifact) => (await store.open(artifact, selection)).folder,
    manifest: async (artifact) => (await store.open(artifact, selection)).manifest,
    answers: (identity) => answersOf(identity, store, job),
    sources,
    output,
    checkpoints,
    key,
    run: runId,
    ...reporter(() => paid(job), curveOf(job)),
    handleInterruption() {
      stageHandlesInterruption = true
      return () => isInterrupted
    },
    isCancelled: () => isCancelled,
  }
  const { run } = await loadStage(stage, input as object)
  const summary = await inSpan(`compute ${stage}`, trace, () => run(input as never, host))
  await tracing?.flush()
  send({ type: 'done', summary, ...paid(job) }, () => process.exit(0))
}

// Ctrl-C goes to every process of the terminal; the worker decides what happens to this one
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {
  isInterrupted = true
  if (!stageHandlesInterruption) process.exit(EXIT_ON_SIGTERM)
})
process.on('disconnect', () => process.exit(1)) // the worker is gone: nobody would receive the result
process.on('message', (message) => (isCancelled ||= message === CANCELLED))
process.once('message', (job: Job) => {
  compute(job).catch(async (error: unknown) => {
    await tracing?.flush()
    const { name, message, stack } = explainFailure(
      error,
      job.home,
      (job.input as { settings?: MemorySettings }).settings,
    )
    send({ type: 'failed', name, message, stack: stack ?? '', ...paid(job) }, () => process.exit(1))
  })
})
