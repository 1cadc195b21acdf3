// The parent's side of a stage: one child process, which alone touches the device, so that a crash, a hang or an out-of-memory
// kill is a failed attempt and not a lost worker (design decision 4).
import { fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { summarySchema, type Summary } from '../contracts/artifact'
import type { StageName } from '../contracts/stages'
import { progressSchema, type Progress } from '../contracts/status'
import { smaller } from './machine-failure'
import type { TraceParent } from './spans'

/** A child that says nothing for this long is taken for hung. RLAIF_HANG_SECONDS moves it. */
const hangMs = () => Number(process.env.RLAIF_HANG_SECONDS ?? 1200) * 1000
/** Long enough to end a step and save; less than a worker waits for its stages (worker.ts). */
const KILL_AFTER_MS = 20_000

export interface Job {
  stage: StageName
  input: unknown
  home: string
  output: string
  checkpoints: string
  /** The span of the activity. */
  trace: TraceParent
}

/** How a stage failed in its child; `name` is that of the error there. */
export class StageFailure extends Error {
  constructor(
    name: string,
    message: string,
    readonly detail?: string,
  ) {
    super(message)
    this.name = name
  }
}

const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), progress: progressSchema }),
  z.object({ type: z.literal('done'), summary: summarySchema }),
  z.object({ type: z.literal('failed'), name: z.string(), message: z.string(), stack: z.string() }),
])
export type ChildMessage = z.infer<typeof messageSchema>

/** What TensorFlow says of itself at every start. */
const BANNER = /absl::InitializeLog|oneDNN custom operations|^\s*$/

export interface Listener {
  onProgress(progress: Progress): void
  /** A line the child wrote to its standard output or error. */
  onLine(line: string): void
}

/**
 * Runs a stage in a child of this process. The child is asked to save and end when `signal` aborts, when it hangs, and when this process does.
 * @param program the module that the child runs (workers/child-main.ts)
 */
export function computeInChild(
  program: string,
  job: Job,
  signal: AbortSignal,
  { onProgress, onLine }: Listener,
): Promise<Summary> {
  return new Promise((resolve, reject) => {
    const child = fork(program, [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    })
    let outcome: (() => void) | undefined
    let heard = Date.now()
    let errors = ''
    const stop = () => {
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref()
    }
    const watchdog = setInterval(() => {
      if (Date.now() - heard < hangMs()) return
      outcome ??= () =>
        reject(
          new StageFailure('Hung', `${job.stage}: no progress for ${hangMs() / 1000} s; the child process was killed`),
        )
      stop()
    }, 1000)
    const heardLine = (line: string) => {
      if (BANNER.test(line)) return
      errors = `${errors}${line}\n`.slice(-2000)
      onLine(line)
    }
    for (const input of [child.stdout!, child.stderr!]) createInterface({ input }).on('line', heardLine)
    child.on('message', (raw) => {
      heard = Date.now()
      const message = messageSchema.parse(raw)
      if (message.type === 'progress') onProgress(message.progress)
      else if (message.type === 'done') outcome = () => resolve(message.summary)
      else outcome = () => reject(new StageFailure(message.name, message.message, message.stack))
    })
    child.on('error', (error) => (outcome ??= () => reject(error)))
    child.on('exit', (code, killedBy) => {
      clearInterval(watchdog)
      signal.removeEventListener('abort', stop)
      const end = killedBy
        ? `was killed by ${killedBy}${killedBy === 'SIGKILL' ? ` (out of memory? ${smaller((job.input as { settings?: object }).settings)})` : ''}`
        : `ended with code ${code}`
      outcome ??= () =>
        reject(
          new StageFailure(
            'Crashed',
            `${job.stage}: the child process ${end} before it was done. ${errors.trim()}`.trim(),
          ),
        )
      outcome()
    })
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    child.send(job)
  })
}
