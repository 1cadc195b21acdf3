// The state of each trial of a sweep, and what may start next. Knows nothing of Temporal.
import type { Artifact } from '../contracts/artifact'
import { cutInside } from '../contracts/brief'
import { metricOf, type EndedTrial, type SweepInput } from '../contracts/sweep'
import type { Trial } from '../contracts/sweep-trials'
import { counted, formatCost } from '../number-format'

/** About seven events and five kilobytes a trial: far from Temporal's 50,000 events and 50 MB per run. */
export const TRIALS_PER_RUN = 250
/** A parked trial keeps its sweep from continuing in a new run, up to this many. */
const MAX_TRIALS_PER_RUN = 2500
const HOUR_MS = 3_600_000
/** Number of ended trials from which on the share of failures counts. */
const ENOUGH_TO_JUDGE = 5
const MAX_MESSAGE_LENGTH = 200

/** What a sweep reads of a workflow's result: every workflow returns an artifact, or artifacts under these names. */
export interface TrialOutcome extends Partial<Artifact> {
  report?: Artifact
  stages?: Record<string, Artifact>
  /** Cost of the run's own stages. */
  spent?: number
}

/** A trial that has started and not ended. */
interface ActiveTrial {
  trial: Trial
  startedAt: number
  /** Why it is parked; it then does not count against `maxConcurrent`. */
  parked?: string
}

export class TrialLedger {
  readonly ended: Map<number, EndedTrial>
  readonly active = new Map<number, ActiveTrial>()
  readonly waiting: Trial[]
  /** What failed runs of a trial had spent that runs again. */
  readonly spentBefore: Map<number, number>
  paused: boolean
  /** Why no further trial starts. */
  stopped: string | undefined
  private startedInThisRun = 0
  private readonly budgetEnd: number

  /** @param before what earlier runs of the same sweep handed on */
  constructor(
    private readonly settings: SweepInput,
    readonly trials: readonly Trial[],
    startedAt: number,
    before?: SweepInput['carried'],
  ) {
    this.ended = new Map(before?.ended.map((trial) => [trial.trial, trial]))
    this.waiting = trials.filter(({ trial }) => !this.ended.has(trial))
    this.spentBefore = new Map(before?.spentBefore)
    this.paused = before?.paused ?? false
    this.stopped = before?.stopped
    this.budgetEnd = startedAt + (settings.budget.hours ?? Infinity) * HOUR_MS
  }

  canStart(): boolean {
    const isHalted = this.paused || this.stopped !== undefined || this.isRunFull()
    return this.waiting.length > 0 && this.running().length < this.settings.maxConcurrent && !isHalted
  }

  /** Whether nothing is active and nothing will start. */
  isOver(): boolean {
    return this.active.size === 0 && (this.waiting.length === 0 || this.stopped !== undefined)
  }

  /** Whether nothing is active and the waiting trials are left to a new run of the workflow. */
  mustContinueAsNew(): boolean {
    const isFull = this.active.size === 0 && this.startedInThisRun >= TRIALS_PER_RUN
    return isFull && this.waiting.length > 0 && this.stopped === undefined
  }

  /** @returns milliseconds until `budget.hours` are over; undefined without them, or when no trial can start */
  timeLeft(now: number): number | undefined {
    if (this.settings.budget.hours === undefined || this.waiting.length === 0 || this.stopped !== undefined)
      return undefined
    return Math.max(1, this.budgetEnd - now)
  }

  start(now: number): Trial {
    const trial = this.waiting.shift()!
    this.active.set(trial.trial, { trial, startedAt: now })
    this.startedInThisRun++
    return trial
  }

  /** @param reason why the trial is parked, or null when it resumes */
  park(trial: number, reason: string | null): void {
    const parked = this.active.get(trial)
    if (parked && reason !== null) parked.parked = reason
    else delete parked?.parked
  }

  end(trial: number, outcome: TrialOutcome, now: number): void {
    const seconds = this.deactivate(trial, now)
    const { cost = 0, ...figures } = figuresOf(outcome, metricOf(this.settings))
    this.ended.set(trial, { trial, seconds, state: 'done', ...figures, ...this.costOf(trial, cost) })
  }

  /** @param cost what its run had spent when it failed */
  fail(trial: number, message: string, now: number, cost = 0): void {
    const seconds = this.deactivate(trial, now)
    const cut = cutInside(message, MAX_MESSAGE_LENGTH)
    this.ended.set(trial, { trial, seconds, state: 'failed', message: cut, ...this.costOf(trial, cost) })
  }

  /** Lets every failed trial run again. @returns how many there are */
  retryFailed(): number {
    const failed = this.trials.filter(({ trial }) => this.ended.get(trial)?.state === 'failed')
    for (const { trial } of failed) {
      this.spentBefore.set(trial, this.ended.get(trial)!.cost ?? 0)
      this.ended.delete(trial)
    }
    for (const trial of failed) this.waiting.push(trial)
    this.stopped = undefined
    return failed.length
  }

  /** Stops the sweep when its budget is spent or too many trials have failed. */
  checkLimits(now: number): void {
    this.stopped ??= this.exceededLimit(now)
  }

  /** Every trial by number; one that never started counts as skipped. */
  results(): EndedTrial[] {
    const message = this.stopped ?? ''
    const skipped = this.waiting.map(({ trial }): EndedTrial => ({ trial, state: 'skipped', message }))
    return [...this.ended.values(), ...skipped].sort((a, b) => a.trial - b.trial)
  }

  private running(): ActiveTrial[] {
    return [...this.active.values()].filter(({ parked }) => parked === undefined)
  }

  private isRunFull(): boolean {
    const isAnyParked = this.running().length < this.active.size
    return this.startedInThisRun >= (isAnyParked ? MAX_TRIALS_PER_RUN : TRIALS_PER_RUN)
  }

  /** @returns the seconds that the trial took */
  private deactivate(trial: number, now: number): number {
    const { startedAt } = this.active.get(trial)!
    this.active.delete(trial)
    return (now - startedAt) / 1000
  }

  /** The cost of a trial over all its runs, if it cost anything. */
  private costOf(trial: number, ofLastRun: number): Pick<EndedTrial, 'cost'> {
    const cost = (this.spentBefore.get(trial) ?? 0) + ofLastRun
    this.spentBefore.delete(trial)
    return cost > 0 ? { cost } : {}
  }

  private exceededLimit(now: number): string | undefined {
    if (this.waiting.length === 0) return undefined
    const { budget, tolerate } = this.settings
    const ended = [...this.ended.values()]
    const failed = ended.filter(({ state }) => state === 'failed').length
    const costs = [...ended.map((trial) => trial.cost ?? 0), ...this.spentBefore.values()]
    const cost = costs.reduce((sum, one) => sum + one, 0)
    if (now >= this.budgetEnd) return `"budget.hours" is over: ${budget.hours}`
    if (budget.cost !== undefined && cost >= budget.cost)
      return `"budget.cost" is spent: ${formatCost(cost)} of ${budget.cost}`
    if (ended.length >= ENOUGH_TO_JUDGE && failed > tolerate * ended.length)
      return `${failed} of ${counted(ended.length, 'trial')} failed, more than "tolerate" allows`
    return undefined
  }
}

const link = ({ uri, sha256 }: Artifact) => ({ uri, sha256 })

/** A trial's report, its cost, and the main figure of the sweep, if the result names it. */
function figuresOf(outcome: TrialOutcome, metric: string): Pick<EndedTrial, 'result' | 'cost' | 'metric'> {
  const [stage, name] = metric.split('.') as [string, string]
  const onlyArtifact = outcome.uri === undefined ? undefined : (outcome as Artifact)
  const main = outcome.report ?? onlyArtifact
  const cost = outcome.spent ?? onlyArtifact?.summary.cost
  const value = [outcome.stages?.[stage], outcome.report, onlyArtifact]
    .map((artifact) => artifact?.summary[name])
    .find((figure) => typeof figure === 'number')
  return {
    ...(main && { result: link(main) }),
    ...(typeof cost === 'number' && cost > 0 && { cost }),
    ...(typeof value === 'number' && { metric: value }),
  }
}
