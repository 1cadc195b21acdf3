// What has become of each trial of a sweep, and what may start next. Knows nothing of Temporal.
import type { Artifact } from '../contracts/artifact'
import { metricOf, type EndedTrial, type SweepInput } from '../contracts/sweep'
import type { Trial } from '../contracts/sweep-trials'

/** Some seven events and five kilobytes a trial: far from Temporal's 50,000 events and 50 MB a run. */
export const TRIALS_A_RUN = 250
/** A parked trial keeps its sweep from going on in a new run, up to here. */
const TRIALS_A_RUN_AT_MOST = 2500
const HOUR_MS = 3_600_000
const ENOUGH_TO_JUDGE = 5
const LONGEST_MESSAGE = 200

/** What of a workflow's result a sweep looks at: every workflow returns an artifact, or artifacts under these names. */
export interface TrialOutcome extends Partial<Artifact> {
  report?: Artifact
  stages?: Record<string, Artifact>
  /** Money that the run spent itself. */
  spent?: number
}

/** A trial that has begun and not ended. */
export interface BegunTrial {
  trial: Trial
  begunAt: number
  /** What it is parked with; it then holds no place. */
  parked?: string
}

export interface TrialLedger {
  readonly trials: readonly Trial[]
  readonly ended: ReadonlyMap<number, EndedTrial>
  readonly begun: ReadonlyMap<number, BegunTrial>
  readonly waiting: readonly Trial[]
  readonly paused: boolean
  /** Why no other trial starts. */
  readonly stopped: string | undefined
  canStart(): boolean
  /** Nothing runs, and nothing is to run. */
  isOver(): boolean
  /** Nothing runs, and what waits is for a new run of the workflow. */
  isToContinue(): boolean
  /** Milliseconds until the time of the budget is over, where it has one and it matters. */
  timeLeft(now: number): number | undefined
  begin(now: number): Trial
  park(trial: number, parked: string | null): void
  end(trial: number, outcome: TrialOutcome, now: number): void
  fail(trial: number, message: string, now: number): void
  /** @returns how many wait again */
  retryFailed(): number
  pause(paused: boolean): void
  stop(why: string): void
  /** Stops where budget or tolerance say so. */
  heedLimits(now: number): void
  /** Of every trial, those that never began as skipped; by number. */
  results(): EndedTrial[]
}

/** @param before what earlier runs of the same sweep have seen */
export function openTrialLedger(
  settings: SweepInput,
  trials: readonly Trial[],
  startedAt: number,
  before?: SweepInput['carried'],
): TrialLedger {
  const { maxConcurrent, budget, tolerate } = settings
  const ended = new Map<number, EndedTrial>(before?.ended.map((one) => [one.trial, one]))
  const begun = new Map<number, BegunTrial>()
  const waiting = trials.filter(({ trial }) => !ended.has(trial))
  let paused = before?.paused ?? false
  let stopped = before?.stopped
  let begunHere = 0

  const isParked = ({ parked }: BegunTrial) => parked !== undefined
  const places = () => maxConcurrent - [...begun.values()].filter((one) => !isParked(one)).length
  const runIsFull = () =>
    begunHere >= TRIALS_A_RUN_AT_MOST || (begunHere >= TRIALS_A_RUN && ![...begun.values()].some(isParked))
  const budgetEnd = startedAt + (budget.hours ?? Infinity) * HOUR_MS

  function take(trial: number, now: number): { trial: number; seconds: number } {
    const seconds = (now - begun.get(trial)!.begunAt) / 1000
    begun.delete(trial)
    return { trial, seconds }
  }

  function limit(now: number): string | undefined {
    if (waiting.length === 0) return undefined
    const failed = [...ended.values()].filter(({ state }) => state === 'failed').length
    const cost = [...ended.values()].reduce((sum, one) => sum + (one.cost ?? 0), 0)
    if (now >= budgetEnd) return `"budget.hours" is over: ${budget.hours}`
    if (budget.cost !== undefined && cost >= budget.cost)
      return `"budget.cost" is spent: ${cost.toFixed(4)} of ${budget.cost}`
    if (ended.size >= ENOUGH_TO_JUDGE && failed > tolerate * ended.size)
      return `${failed} of ${ended.size} trials failed, more than "tolerate" allows`
    return undefined
  }

  return {
    trials,
    ended,
    begun,
    waiting,
    get paused() {
      return paused
    },
    get stopped() {
      return stopped
    },
    canStart: () => waiting.length > 0 && places() > 0 && !paused && stopped === undefined && !runIsFull(),
    isOver: () => begun.size === 0 && (waiting.length === 0 || stopped !== undefined),
    isToContinue: () => begun.size === 0 && begunHere >= TRIALS_A_RUN && waiting.length > 0 && stopped === undefined,
    timeLeft: (now) =>
      budget.hours === undefined || waiting.length === 0 || stopped !== undefined
        ? undefined
        : Math.max(1, budgetEnd - now),
    begin(now) {
      const trial = waiting.shift()!
      begun.set(trial.trial, { trial, begunAt: now })
      begunHere++
      return trial
    },
    park(trial, parked) {
      const own = begun.get(trial)
      if (own && parked !== null) own.parked = parked
      else delete own?.parked
    },
    end(trial, outcome, now) {
      ended.set(trial, { ...take(trial, now), state: 'done', ...figuresOf(outcome, metricOf(settings)) })
    },
    fail(trial, message, now) {
      ended.set(trial, { ...take(trial, now), state: 'failed', message: message.slice(0, LONGEST_MESSAGE) })
    },
    retryFailed() {
      const failed = trials.filter(({ trial }) => ended.get(trial)?.state === 'failed')
      for (const { trial } of failed) ended.delete(trial)
      waiting.push(...failed)
      stopped = undefined
      return failed.length
    },
    pause(now) {
      paused = now
    },
    stop(why) {
      stopped = why
    },
    heedLimits(now) {
      stopped ??= limit(now)
    },
    results() {
      const skipped = waiting.map(({ trial }): EndedTrial => ({ trial, state: 'skipped', message: stopped ?? '' }))
      return [...ended.values(), ...skipped].sort((a, b) => a.trial - b.trial)
    },
  }
}

const link = ({ uri, sha256 }: Artifact) => ({ uri, sha256 })

/** A trial's report, what it spent, and the figure the sweep is about, where the result names it. */
function figuresOf(outcome: TrialOutcome, metric: string): Pick<EndedTrial, 'result' | 'cost' | 'metric'> {
  const [stage, name] = metric.split('.') as [string, string]
  const own = outcome.uri === undefined ? undefined : (outcome as Artifact)
  const main = outcome.report ?? own
  const cost = outcome.spent ?? own?.summary.cost
  const value = [outcome.stages?.[stage], outcome.report, own]
    .map((artifact) => artifact?.summary[name])
    .find((figure) => typeof figure === 'number')
  return {
    ...(main && { result: link(main) }),
    ...(typeof cost === 'number' && cost > 0 && { cost }),
    ...(typeof value === 'number' && { metric: value }),
  }
}
