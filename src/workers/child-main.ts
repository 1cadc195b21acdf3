// The child's side of a stage: receives one job, computes it, reports the outcome, and exits.
import { loadStage, readsOnlyText } from '../activities/registry'
import type { StageHost } from '../activities/stage'
import { openAnswers, type AnswerFiles } from '../artifacts/answers'
import { openStore, storeFolder } from '../artifacts/open-store'
import type { Progress } from '../contracts/status'
import type { ChildMessage, Job } from '../activities/child'
import { explainFailure, type MemorySettings } from '../activities/machine-failure'
import { inSpan } from '../activities/spans'
import { startTracing, type Tracing } from './tracing'

/** Progress messages are sent at most this often; the last one of a phase always is. */
const PROGRESS_MS = 200

/** Exit code of a process that received SIGTERM. */
const EXIT_ON_SIGTERM = 143

let tracing: Tracing | undefined
let isInterrupted = false
let stageHandlesInterruption = false

const send = (message: ChildMessage, then: () => void = () => {}) => process.send!(message, then)

function throttled(): (progress: Progress) => void {
  let last = 0
  return (progress) => {
    if (Date.now() - last < PROGRESS_MS && progress.done < progress.total) return
    last = Date.now()
    send({ type: 'progress', progress })
  }
}

async function compute({ stage, input, home, output, checkpoints, trace }: Job): Promise<void> {
  tracing = await startTracing()
  const store = await openStore(home)
  const selection = readsOnlyText(stage) ? 'text' : 'all'
  let answers: AnswerFiles | undefined
  const host: StageHost = {
    open: async (artifact) => (await store.open(artifact, selection)).folder,
    manifest: async (artifact) => (await store.open(artifact, selection)).manifest,
    answers: () => (answers ??= openAnswers(storeFolder(home))),
    output,
    checkpoints,
    report: throttled(),
    handleInterruption() {
      stageHandlesInterruption = true
      return () => isInterrupted
    },
  }
  const { run } = await loadStage(stage)
  const summary = await inSpan(`compute ${stage}`, trace, () => run(input as never, host))
  await tracing?.flush()
  send({ type: 'done', summary }, () => process.exit(0))
}

// Ctrl-C goes to every process of the terminal; the worker decides what happens to this one
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {
  isInterrupted = true
  if (!stageHandlesInterruption) process.exit(EXIT_ON_SIGTERM)
})
process.on('disconnect', () => process.exit(1)) // the worker is gone: nobody would receive the result
process.once('message', (job: Job) => {
  compute(job).catch(async (error: unknown) => {
    await tracing?.flush()
    const { name, message, stack } = explainFailure(
      error,
      job.home,
      (job.input as { settings?: MemorySettings }).settings,
    )
    send({ type: 'failed', name, message, stack: stack ?? '' }, () => process.exit(1))
  })
})
