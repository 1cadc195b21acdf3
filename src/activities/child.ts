// The worker's side of a stage: one child process, the only one that uses the device, so that a crash, a hang or an
// out-of-memory kill is a failed attempt and not a lost worker (design decision 4).
import { fork, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Summary } from '../contracts/artifact'
import type { StageName } from '../contracts/stages'
import type { Progress } from '../contracts/status'
import type { Asker } from '../artifacts/answers'
import type { Sources } from '../artifacts/store'
import { BANNER } from '../model/without-banner'
import { redact } from '../secrets'
import { CANCELLED, parseMessage, type ChildMessage } from './child-message'
import { howToSaveMemory, type MemorySettings } from './machine-failure'
import type { TraceParent } from './spans'

/** A child that reports no progress for this long counts as hung. RLAIF_HANG_SECONDS sets it. */
const hangMs = () => Number(process.env.RLAIF_HANG_SECONDS ?? 1200) * 1000
/** Long enough to finish a step and save; less than a worker waits for its stages (worker.ts). */
const KILL_AFTER_MS = 20_000

export interface Job {
  stage: StageName
  input: unknown
  home: string
  output: string
  checkpoints: string
  /** Of the work. */
  key: string
  /** ID of the run that computes it. */
  run: string
  /** Name of the files of answers that it writes. */
  writer: string
  /** Who asks a labeler's questions. */
  asker: Asker
  /** What the stage reads from outside the store. */
  sources: Sources
  /** The activity's span. */
  trace: TraceParent
}

/** What a stage has computed, and what this run has paid for it if it asked an endpoint. */
interface Computed {
  summary: Summary
  spent: ChildMessage['spent']
}

/** A failure of a stage in its child process; `name` is that of the error there. */
export class StageFailure extends Error {
  constructor(
    name: string,
    message: string,
    readonly detail?: string,
    /** What this run has paid for the stage so far. */
    readonly spent?: ChildMessage['spent'],
  ) {
    super(message)
    this.name = name
  }
}

export interface Listener {
  onProgress(progress: Progress): void
  /** A line the child wrote to its standard output or error. */
  onLine(line: string): void
}

/**
 * Runs a stage in a child of this process. The child is asked to save and exit when `signal` aborts, when it hangs, and
 * when this process exits.
 * @param program the module that the child runs (workers/child-main.ts)
 */
export function computeInChild(
  program: string,
  job: Job,
  signal: AbortSignal,
  { onProgress, onLine }: Listener,
): Promise<Computed> {
  return new Promise((resolve, reject) => {
    const child = startChild(program, job)
    if (child.pid === undefined) return void child.once('error', (error) => reject(notStarted(job, error)))
    let settle: (() => void) | undefined
    let spent: ChildMessage['spent']
    const stop = () => stopChild(child, isCancellation(signal))
    const watchdog = watch(() => {
      const seconds = hangMs() / 1000
      const hung = new StageFailure(
        'Hung',
        `${job.stage}: no progress for ${seconds} s; the child process was killed`,
        undefined,
        spent,
      )
      settle ??= () => reject(hung)
      stop()
    })
    const lastLines = readLines(child, onLine)
    child.on('message', (raw) => {
      watchdog.reset()
      try {
        const message = parseMessage(job.stage, raw)
        spent = message.spent ?? spent
        if (message.type === 'progress') onProgress(message.progress)
        else if (message.type === 'done') settle ??= () => resolve({ summary: message.summary, spent })
        else settle ??= () => reject(new StageFailure(message.name, message.message, message.stack, spent))
      } catch (error) {
        // thrown on, it would end the worker with all its stages
        settle ??= () => reject(error as Error)
        stop()
      }
    })
    child.on('error', (error) => {
      settle ??= () => reject(error)
      stop() // it runs, but a message did not reach it
    })
    child.on('exit', (code, killedBy) => {
      watchdog.clear()
      signal.removeEventListener('abort', stop)
      settle ??= () => reject(crash(job, { code, killedBy, lines: lastLines(), spent }))
      settle()
    })
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    child.send(job)
  })
}

/** @throws StageFailure or, without a process id, emits an error */
function startChild(program: string, job: Job): ChildProcess {
  try {
    return fork(program, [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    })
  } catch (error) {
    throw notStarted(job, error as Error)
  }
}

const WHY_NOT_STARTED: Record<string, string> = {
  EAGAIN:
    'the limit of processes is reached: raise it (ulimit -u, or pids of the container), or run fewer workers here',
  EMFILE: 'the worker has too many files open: raise the limit (ulimit -n) and restart it',
  ENOMEM: 'the machine has no memory for it: run fewer workers here, or use a larger machine',
  ENOENT: 'its program is not there: restart the worker, or install rlaif again',
}

/** No exit follows. Another attempt may find what was missing. */
function notStarted({ stage }: Job, error: Error): StageFailure {
  const { code = error.name } = error as NodeJS.ErrnoException
  const remedy = WHY_NOT_STARTED[code] ?? 'see that this user may run Node on this machine'
  return new StageFailure('NotStarted', `${stage}: the child process could not be started (${code}): ${remedy}`)
}

/** Whether a person or the server wants the work no more, rather than this worker ending. */
const isCancellation = ({ aborted, reason }: AbortSignal) =>
  aborted && (reason as Error | undefined)?.message !== 'WORKER_SHUTDOWN'

function stopChild(child: ChildProcess, cancelled: boolean): void {
  if (cancelled && child.connected) child.send(CANCELLED)
  child.kill('SIGTERM')
  setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref()
}

/** Calls `onHang` every second from when nothing was heard for too long. */
function watch(onHang: () => void): { reset(): void; clear(): void } {
  let heard = Date.now()
  const timer = setInterval(() => {
    if (Date.now() - heard >= hangMs()) onHang()
  }, 1000)
  return { reset: () => void (heard = Date.now()), clear: () => clearInterval(timer) }
}

/** Passes on every line of the child's output. @returns a function that gives the last ones */
function readLines(child: ChildProcess, onLine: (line: string) => void): () => string {
  let last = ''
  for (const input of [child.stdout!, child.stderr!])
    createInterface({ input }).on('line', (line) => {
      if (BANNER.test(line)) return
      const shown = redact(line)
      last = `${last}${shown}\n`.slice(-2000)
      onLine(shown)
    })
  return () => last.trim()
}

/** How a child ended without a result. */
interface Exit {
  code: number | null
  killedBy: NodeJS.Signals | null
  /** The last ones of its output. */
  lines: string
  spent: ChildMessage['spent']
}

function crash({ stage, input }: Job, { code, killedBy, lines, spent }: Exit): StageFailure {
  const remedy = howToSaveMemory((input as { settings?: MemorySettings }).settings)
  const cause = killedBy
    ? `was killed by ${killedBy}${killedBy === 'SIGKILL' ? ` (out of memory? ${remedy})` : ''}`
    : `exited with code ${code}`
  const message = `${stage}: the child process ${cause} before it was done. ${lines}`.trim()
  return new StageFailure('Crashed', message, undefined, spent)
}
