// The child's side: takes one job, computes it, says how it went, and ends.
import { loadStage, readsTextAlone } from '../activities/registry'
import type { StageHost } from '../activities/stage'
import { openAnswers, type AnswerFiles } from '../artifacts/answers'
import { openStore, storeFolder } from '../artifacts/open-store'
import type { Progress } from '../contracts/status'
import type { ChildMessage, Job } from '../activities/child'
import { explained } from '../activities/machine-failure'
import { inSpan } from '../activities/spans'
import { startTracing, type Tracing } from './tracing'

/** Progress messages are sent at most this often; the last of a phase always is. */
const PROGRESS_MS = 200

/** Exit code of a process that was asked to end. */
const ENDED_BY_REQUEST = 143

let tracing: Tracing | undefined
let asked = false
let heeded = false

const tell = (message: ChildMessage, then: () => void = () => {}) => process.send!(message, then)

function throttled(): (progress: Progress) => void {
  let last = 0
  return (progress) => {
    if (Date.now() - last < PROGRESS_MS && progress.done < progress.total) return
    last = Date.now()
    tell({ type: 'progress', progress })
  }
}

async function compute({ stage, input, home, output, checkpoints, trace }: Job): Promise<void> {
  tracing = await startTracing()
  const store = await openStore(home)
  const wanted = readsTextAlone(stage) ? 'text' : 'all'
  let answers: AnswerFiles | undefined
  const host: StageHost = {
    open: async (artifact) => (await store.open(artifact, wanted)).folder,
    manifest: async (artifact) => (await store.open(artifact, wanted)).manifest,
    answers: () => (answers ??= openAnswers(storeFolder(home))),
    output,
    checkpoints,
    report: throttled(),
    heedInterruption() {
      heeded = true
      return () => asked
    },
  }
  const { run } = await loadStage(stage)
  const summary = await inSpan(`compute ${stage}`, trace, () => run(input as never, host))
  await tracing?.flush()
  tell({ type: 'done', summary }, () => process.exit(0))
}

process.on('SIGINT', () => {}) // Ctrl-C reaches the whole terminal; the worker decides what becomes of this process
process.on('SIGTERM', () => {
  asked = true
  if (!heeded) process.exit(ENDED_BY_REQUEST)
})
process.on('disconnect', () => process.exit(1)) // the worker is gone: nobody would take the result
process.once('message', (job: Job) => {
  compute(job).catch(async (error: unknown) => {
    await tracing?.flush()
    const { name, message, stack } = explained(
      error,
      job.home,
      (job.input as { settings?: { microBatchSize?: number; recompute?: boolean } }).settings,
    )
    tell({ type: 'failed', name, message, stack: stack ?? '' }, () => process.exit(1))
  })
})
