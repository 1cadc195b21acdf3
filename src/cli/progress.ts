// A run's progress: on a terminal a block that is redrawn, elsewhere a line for each change.
import type { WorkflowHandle } from '@temporalio/client'
import type { Progress, StageStatus } from '../contracts/status'
import { snapshot, type Snapshot } from '../runs/snapshot'
import { amountText, attemptText, finishedText, metricsText, numberOf } from '../runs/stage-text'
import { statusHint } from './parked'
import { waitsFor, type Waiting } from '../runs/started-runs'
import { plainText, wrapped } from './terminal'
import { formatDuration, formatNumber } from '../number-format'

export { snapshot, type Snapshot }

const REFRESH_MS = 500
/** How long a run is given to answer before what is shown of it is drawn again. */
const PATIENCE_MS = 5_000
/** How often it is asked which of the runs that it waits for are parked. */
const WAITING_EVERY_MS = 3_000
const PLAIN_LINE_EVERY_MS = 15_000
const BAR_WIDTH = 20
const MOST_DETAIL_LINES = 8

const SIGNS: Record<StageStatus['state'], string> = {
  waiting: '·',
  running: '▸',
  done: '✓',
  reused: '↺',
  skipped: '–',
  parked: '⏸',
  failed: '✗',
}
/** Rate and time left, from what this process has seen of a stage's phase. */
class Pace {
  private phase = ''
  private firstDone = 0
  private firstAt = 0

  describe(stage: string, { phase, done, total, unit }: Progress): string {
    const now = `${stage} ${phase}`
    if (now !== this.phase || done < this.firstDone)
      Object.assign(this, { phase: now, firstDone: done, firstAt: Date.now() })
    const rate = (done - this.firstDone) / ((Date.now() - this.firstAt) / 1000)
    if (!(rate > 0) || done >= total) return ''
    const perUnit =
      rate >= 1 ? `${formatNumber(rate, 1)} ${unit}/s` : `${formatNumber(1 / rate, 1)} s/${unit.replace(/s$/, '')}`
    return `${perUnit}, ${formatDuration((total - done) / rate)} left`
  }
}

/** While a stage starts or waits for another, there is nothing to count. */
const isCounted = ({ done, total }: Progress): boolean => done > 0 || total > 1

function bar({ done, total }: Progress): string {
  const filled = total > 0 ? Math.round((BAR_WIDTH * done) / total) : 0
  return `[${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}]`
}

function runningText({ stage, message }: StageStatus, { progress, attempt }: Snapshot, pace: Pace): string {
  if (message !== undefined) return message
  if (attempt === undefined) return 'running'
  if (attempt.state !== 'running') return attemptText(attempt)
  const number = attempt.number > 1 ? numberOf(attempt) : ''
  if (!progress) return number ? `${number} is starting` : 'starting'
  const parts = [
    number,
    progress.phase,
    ...(isCounted(progress) ? [bar(progress), amountText(progress)] : []),
    pace.describe(stage, progress),
    progress.within,
    metricsText(progress),
  ]
  return parts.filter(Boolean).join('  ')
}

/** Why the attempt before failed, whole: its end says what to do. */
const failureLines = ({ attempt }: Snapshot): string[] =>
  attempt?.lastFailure === undefined ? [] : `attempt ${attempt.number - 1} failed: ${attempt.lastFailure}`.split('\n')

/** A line for each stage, and below the running one why its last attempt failed; or what a run without stages does. */
export const lines = (now: Snapshot, pace: Pace = new Pace()): string[] => [
  ...warningLines(now),
  ...blocks(now, pace).flat(),
]

const warningLines = ({ warnings = [] }: Snapshot): string[] => warnings.map((text) => plainText(`  ! ${text}`))

function blocks(now: Snapshot, pace: Pace): string[][] {
  if (now.stages.length === 0) return [withoutStages(now).map((line) => plainText(`  ${line}`))]
  const running = now.stages.find(({ state, message }) => state === 'running' && message === undefined)
  return now.stages.map((stage) => {
    const rest =
      stage.state === 'running' ? runningText(stage, now, pace) : stage.state === 'waiting' ? '' : finishedText(stage)
    const line = `  ${SIGNS[stage.state]} ${stage.stage.padEnd(14)} ${rest}`.trimEnd()
    return [line, ...(stage === running ? failureLines(now).map((more) => `${INDENT}${more}`) : [])].map(plainText)
  })
}
const INDENT = ' '.repeat(6)

function withoutStages(now: Snapshot): string[] {
  if (now.unanswered !== undefined) return [now.unanswered]
  const { attempt } = now
  if (!attempt) return []
  const doing = attempt.state === 'running' ? `${numberOf(attempt)} is running` : attemptText(attempt)
  return [`${attempt.activity}: ${doing}`, ...failureLines(now)]
}

/**
 * Shows a run until `done` settles, or until it waits for what is parked and for nothing else.
 * @param signal ends it at once, and nothing more is written
 */
export async function follow(
  handle: WorkflowHandle,
  done: Promise<unknown>,
  out: NodeJS.WriteStream = process.stdout,
  signal?: AbortSignal,
): Promise<void> {
  let isOver = false
  const setOver = () => {
    isOver = true
  }
  const end = done.then(setOver, setOver)
  const draw = out.isTTY ? redrawing(out) : appending(out)
  const waiting = waitingOf(handle)
  let before: Snapshot = { stages: [] }
  const update = async () => {
    const now = await snapshot(handle, PATIENCE_MS).catch(() => undefined)
    const { parked, isStill } = await waiting()
    if (now && !signal?.aborted) {
      before = now.stages.length > 0 ? now : { ...now, stages: before.stages }
      draw({ ...before, warnings: [...(before.warnings ?? []), ...unansweredText(before), ...parked.map(parkedText)] })
    }
    return isStill || now?.stages.some(({ state }) => state === 'parked')
  }
  while (!isOver) {
    if ((await update()) && !isOver) return
    if (signal?.aborted) return
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, REFRESH_MS))])
  }
  await update()
}

/** Why the stages that are shown may be those of a while ago. */
const unansweredText = ({ stages, unanswered }: Snapshot): string[] =>
  stages.length > 0 && unanswered !== undefined ? [unanswered] : []

const parkedText = (id: string) => `${id} is parked; ${statusHint(id)}`

/** What a run waits for, asked anew every few seconds. */
function waitingOf({ client, workflowId }: WorkflowHandle): () => Promise<Waiting> {
  let last: Waiting = { parked: [], isStill: false }
  let next = 0
  return async () => {
    if (Date.now() < next) return last
    const { parked, isStill } = await waitsFor(client, workflowId).catch(() => last)
    next = Date.now() + WAITING_EVERY_MS
    return (last = { parked: parked.filter((id) => id !== workflowId), isStill })
  }
}

function redrawing(out: NodeJS.WriteStream): (now: Snapshot) => void {
  const pace = new Pace()
  let height = 0
  return (now) => {
    const width = (out.columns || 120) - 1
    const warnings = warningLines(now).flatMap((line) => wrapped(line, width, INDENT))
    const block = [...warnings, ...blocks(now, pace).flatMap((lines) => fitted(lines, width))]
    const up = height > 0 ? `\x1b[${height}A` : ''
    // what was drawn before may have been taller
    out.write(`${up}${block.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[0J`)
    height = block.length
  }
}

/** The line of a stage in one row, what is below it in as many as it needs. */
const fitted = ([first = '', ...details]: readonly string[], width: number): string[] => {
  const below = details.flatMap((line) => wrapped(line, width, INDENT))
  const [most, half] = [MOST_DETAIL_LINES, MOST_DETAIL_LINES / 2]
  const shown = below.length > most ? [...below.slice(0, half), `${INDENT}…`, ...below.slice(-half)] : below
  return [first.slice(0, width), ...shown]
}

function appending(out: NodeJS.WriteStream): (now: Snapshot) => void {
  const pace = new Pace()
  const seen = new Map<string, string>()
  let last = 0
  const warned = new Set<string>()
  return (now) => {
    for (const line of warningLines(now).filter((line) => !warned.has(line))) out.write(`${line}\n`)
    for (const line of warningLines(now)) warned.add(line)
    blocks(now, pace).forEach((block, i) => {
      const { stage, state } = now.stages[i] ?? { stage: '', state: 'running' as const }
      const known = state === 'running' ? `running ${now.attempt?.number ?? 1} ${now.unanswered ?? ''}` : state
      const isNew = seen.get(stage) !== known
      const isDue = state === 'running' && Date.now() - last > PLAIN_LINE_EVERY_MS
      seen.set(stage, known)
      if (state === 'waiting' || block.length === 0 || !(isNew || isDue)) return
      last = Date.now()
      out.write(`${(isNew ? block : block.slice(0, 1)).join('\n')}\n`)
    })
  }
}
