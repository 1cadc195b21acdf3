// A run's progress on the terminal: a redrawn block where there is one, a line for each change where there is none.
import type { WorkflowHandle } from '@temporalio/client'
import { defaultPayloadConverter, type Payload } from '@temporalio/common'
import { progressSchema, runStatusSchema, type Progress, type StageStatus } from '../contracts/status'
import { plainText } from './failure'

const REFRESH_MS = 500
const PLAIN_LINE_EVERY_MS = 15_000
const BAR_WIDTH = 20
const QUERY_TIMEOUT_MS = 5_000

interface Snapshot {
  stages: StageStatus[]
  /** Of the stage that runs now. */
  progress?: Progress | undefined
  /** Which attempt it is, and why the one before failed. */
  attempt?: number | undefined
  lastFailure?: string | undefined
}

/** What the run says about itself, and its running stage's last heartbeat. */
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

/** What a description of a run holds is as it is stored: encrypted, where payloads are. */
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

/** Empty while no worker answers. */
export async function stagesOf(handle: WorkflowHandle): Promise<StageStatus[]> {
  const timeout = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), QUERY_TIMEOUT_MS).unref())
  const status = await Promise.race([handle.query('status').catch(() => undefined), timeout])
  return runStatusSchema.safeParse(status).data?.stages ?? []
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60
    ? `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`
    : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
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
/** Shown beside the bar where a step has them, under these names. */
const SHOWN_METRICS: [metric: string, name: string][] = [
  ['loss', 'loss'],
  ['policyLoss', 'loss'],
  ['reward', 'reward'],
  ['kl', 'KL'],
  ['accuracy', 'accuracy'],
]

/** Rate and time left, from what this process saw of a stage's phase. */
class Pace {
  private work = ''
  private firstDone = 0
  private firstAt = 0

  describe(stage: string, { phase, done, total, unit }: Progress): string {
    const work = `${stage} ${phase}`
    if (work !== this.work || done < this.firstDone) Object.assign(this, { work, firstDone: done, firstAt: Date.now() })
    const rate = (done - this.firstDone) / ((Date.now() - this.firstAt) / 1000)
    if (!(rate > 0) || done >= total) return ''
    const perUnit = rate >= 1 ? `${rate.toFixed(1)} ${unit}/s` : `${(1 / rate).toFixed(1)} s/${unit.replace(/s$/, '')}`
    return `${perUnit}, ${duration((total - done) / rate)} left`
  }
}

function bar({ done, total }: Progress): string {
  const filled = total > 0 ? Math.round((BAR_WIDTH * done) / total) : 0
  return `[${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}]`
}

function metricsText({ metrics = {} }: Progress): string {
  return SHOWN_METRICS.filter(([metric]) => metrics[metric] !== undefined)
    .map(([metric, name]) => `${name} ${metrics[metric]!.toFixed(3)}`)
    .join('  ')
}

function running({ stage, message }: StageStatus, { progress, attempt, lastFailure }: Snapshot, pace: Pace): string {
  if (message !== undefined) return message
  if (attempt === undefined) return 'at work'
  const again =
    attempt > 1
      ? `attempt ${attempt}${lastFailure ? ` after: ${lastFailure.split('\n')[0]!.slice(0, 100)}` : ''}  `
      : ''
  if (!progress) return `${again}starting`
  const parts = [
    progress.phase,
    bar(progress),
    `${progress.done}/${progress.total} ${progress.unit}`,
    pace.describe(stage, progress),
    metricsText(progress),
  ]
  return again + parts.filter(Boolean).join('  ')
}

function finished({ state, seconds, message }: StageStatus): string {
  if (state === 'reused') return 'reused: finished before with the same settings'
  if (state === 'done') return [duration(seconds ?? 0), ...(message === undefined ? [] : [message])].join('  ')
  return message ?? state
}

/** One line a stage. */
export function lines(now: Snapshot, pace: Pace = new Pace()): string[] {
  return now.stages.map((stage) => {
    const rest =
      stage.state === 'running' ? running(stage, now, pace) : stage.state === 'waiting' ? '' : finished(stage)
    return plainText(`  ${SIGNS[stage.state]} ${stage.stage.padEnd(14)} ${rest}`).trimEnd()
  })
}

/** Shows a run until `done` settles or a stage is parked. @returns the parked stage */
export async function follow(
  handle: WorkflowHandle,
  done: Promise<unknown>,
  out: NodeJS.WriteStream = process.stdout,
): Promise<StageStatus | undefined> {
  let over = false
  const note = () => {
    over = true
  }
  const end = done.then(note, note)
  const draw = out.isTTY ? redrawn(out) : appended(out)
  const look = async () => {
    const now = await snapshot(handle).catch(() => undefined)
    if (now) draw(now)
    return now?.stages.find(({ state }) => state === 'parked')
  }
  while (!over) {
    const parked = await look()
    if (parked && !over) return parked
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, REFRESH_MS))])
  }
  await look()
  return undefined
}

function redrawn(out: NodeJS.WriteStream): (now: Snapshot) => void {
  const pace = new Pace()
  let height = 0
  return (now) => {
    const block = lines(now, pace).map((line) => line.slice(0, (out.columns || 120) - 1))
    out.write(`${height > 0 ? `\x1b[${height}A` : ''}${block.map((line) => `\x1b[2K${line}\n`).join('')}`)
    height = block.length
  }
}

function appended(out: NodeJS.WriteStream): (now: Snapshot) => void {
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
