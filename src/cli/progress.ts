// A run's progress: on a terminal a block that is redrawn, elsewhere a line for each change.
import type { WorkflowHandle } from '@temporalio/client'
import { defaultPayloadConverter, type Payload } from '@temporalio/common'
import { progressSchema, runStatusSchema, type Progress, type StageStatus } from '../contracts/status'
import { plainText } from './terminal'
import { formatDuration, formatNumber } from '../number-format'

const REFRESH_MS = 500
const PLAIN_LINE_EVERY_MS = 15_000
const BAR_WIDTH = 20
const QUERY_TIMEOUT_MS = 5_000

/** What a run reports of its stages. */
export interface Snapshot {
  stages: StageStatus[]
  /** Progress of the running stage. */
  progress?: Progress | undefined
  /** Number of its current attempt, and why the previous one failed. */
  attempt?: number | undefined
  lastFailure?: string | undefined
}

/** The stages that the run reports, and the last heartbeat of the running one. */
export async function snapshot(handle: WorkflowHandle): Promise<Snapshot> {
  const { raw } = await handle.describe()
  const pending = raw.pendingActivities?.[0]
  const [payload] = await decoded(handle, pending?.heartbeatDetails?.payloads ?? [])
  const progress = payload ? progressSchema.safeParse(defaultPayloadConverter.fromPayload(payload)).data : undefined
  return {
    stages: await stagesOf(handle),
    progress,
    attempt: pending?.attempt ?? undefined,
    lastFailure: pending?.lastFailure ? await messageOf(handle, pending.lastFailure) : undefined,
  }
}

/** A run's description holds payloads as they are stored: encrypted, if encryption is on. */
async function decoded({ client }: WorkflowHandle, payloads: Payload[]): Promise<Payload[]> {
  for (const codec of [...client.options.loadedDataConverter.payloadCodecs].reverse())
    payloads = await codec.decode(payloads)
  return payloads
}

async function messageOf(
  handle: WorkflowHandle,
  { message, encodedAttributes }: { message?: string | null; encodedAttributes?: Payload | null },
): Promise<string | undefined> {
  if (!encodedAttributes) return message ?? undefined
  const [payload] = await decoded(handle, [encodedAttributes])
  return defaultPayloadConverter.fromPayload<{ message: string }>(payload!).message
}

/** The stages that the run reports; empty while no worker answers. */
async function stagesOf(handle: WorkflowHandle): Promise<StageStatus[]> {
  const timeout = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), QUERY_TIMEOUT_MS).unref())
  const status = await Promise.race([handle.query('status').catch(() => undefined), timeout])
  return runStatusSchema.safeParse(status).data?.stages ?? []
}

const SIGNS: Record<StageStatus['state'], string> = {
  waiting: '·',
  running: '▸',
  done: '✓',
  reused: '↺',
  skipped: '–',
  parked: '⏸',
  failed: '✗',
}
/** Metrics shown next to the bar if a step has them, and their names there. */
const SHOWN_METRICS: [metric: string, name: string][] = [
  ['loss', 'loss'],
  ['policyLoss', 'loss'],
  ['reward', 'reward'],
  ['kl', 'KL'],
  ['accuracy', 'accuracy'],
]

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

function bar({ done, total }: Progress): string {
  const filled = total > 0 ? Math.round((BAR_WIDTH * done) / total) : 0
  return `[${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}]`
}

function metricsText({ metrics = {} }: Progress): string {
  return SHOWN_METRICS.filter(([metric]) => metrics[metric] !== undefined)
    .map(([metric, name]) => `${name} ${formatNumber(metrics[metric], 3)}`)
    .join('  ')
}

function runningText(
  { stage, message }: StageStatus,
  { progress, attempt, lastFailure }: Snapshot,
  pace: Pace,
): string {
  if (message !== undefined) return message
  if (attempt === undefined) return 'running'
  const earlier =
    attempt > 1
      ? `attempt ${attempt}${lastFailure ? ` after: ${lastFailure.split('\n')[0]!.slice(0, 100)}` : ''}  `
      : ''
  if (!progress) return `${earlier}starting`
  const parts = [
    progress.phase,
    bar(progress),
    `${progress.done}/${progress.total} ${progress.unit}`,
    pace.describe(stage, progress),
    progress.within,
    metricsText(progress),
  ]
  return earlier + parts.filter(Boolean).join('  ')
}

function finishedText({ state, seconds, message }: StageStatus): string {
  if (state === 'reused') return 'reused: already finished with the same settings'
  if (state === 'done') return [formatDuration(seconds ?? 0), ...(message === undefined ? [] : [message])].join('  ')
  return message ?? state
}

/** One line for each stage. */
export function lines(now: Snapshot, pace: Pace = new Pace()): string[] {
  return now.stages.map((stage) => {
    const rest =
      stage.state === 'running' ? runningText(stage, now, pace) : stage.state === 'waiting' ? '' : finishedText(stage)
    return plainText(`  ${SIGNS[stage.state]} ${stage.stage.padEnd(14)} ${rest}`).trimEnd()
  })
}

/** Shows a run until `done` settles or a stage is parked. @returns the parked stage */
export async function follow(
  handle: WorkflowHandle,
  done: Promise<unknown>,
  out: NodeJS.WriteStream = process.stdout,
): Promise<StageStatus | undefined> {
  let isOver = false
  const setOver = () => {
    isOver = true
  }
  const end = done.then(setOver, setOver)
  const draw = out.isTTY ? redrawing(out) : appending(out)
  const update = async () => {
    const now = await snapshot(handle).catch(() => undefined)
    if (now) draw(now)
    return now?.stages.find(({ state }) => state === 'parked')
  }
  while (!isOver) {
    const parked = await update()
    if (parked && !isOver) return parked
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, REFRESH_MS))])
  }
  await update()
  return undefined
}

function redrawing(out: NodeJS.WriteStream): (now: Snapshot) => void {
  const pace = new Pace()
  let height = 0
  return (now) => {
    const block = lines(now, pace).map((line) => line.slice(0, (out.columns || 120) - 1))
    out.write(`${height > 0 ? `\x1b[${height}A` : ''}${block.map((line) => `\x1b[2K${line}\n`).join('')}`)
    height = block.length
  }
}

function appending(out: NodeJS.WriteStream): (now: Snapshot) => void {
  const pace = new Pace()
  const seen = new Map<string, string>()
  let last = 0
  return (now) => {
    lines(now, pace).forEach((line, i) => {
      const { stage, state } = now.stages[i]!
      const isNew = seen.get(stage) !== state
      const isDue = state === 'running' && Date.now() - last > PLAIN_LINE_EVERY_MS
      seen.set(stage, state)
      if (state === 'waiting' || !(isNew || isDue)) return
      last = Date.now()
      out.write(`${line}\n`)
    })
  }
}
