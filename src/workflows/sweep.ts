// One workflow at many settings, each a child workflow: left alone overnight, its report read in the morning.
import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common'
import {
  CancellationScope,
  ParentClosePolicy,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  executeChild,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import { brief } from '../contracts/brief'
import {
  TRIAL_PARKED,
  sweepResultSchema,
  trialParkedSchema,
  type EndedTrial,
  type SweepInput,
  type SweepMemo,
  type SweepResult,
} from '../contracts/sweep'
import { trialsOf, type Trial } from '../contracts/sweep-trials'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { checkNames } from './check-names'
import { childId } from './child-id'
import { describeTrials } from './describe-trials'
import { rootMessage, runSpent } from './failure'
import { carriedByItself, parseInput, refusingBadInput } from './input'
import { notifyPeople } from './notification'
import { stageRunner } from './stage-runner'
import { TrialLedger, type TrialOutcome } from './trial-ledger'
import { counted } from '../number-format'

export const retryFailed = defineUpdate<string>('retryFailed')
export const pause = defineUpdate<string>('pause')
export const resume = defineUpdate<string>('resume')
export const stop = defineUpdate<string>('stop')
export const trialParked = defineSignal<[unknown]>(TRIAL_PARKED)

export async function sweep(input?: unknown): Promise<SweepResult> {
  const settings = parseInput(workflowSchemas.sweep, input, 'sweep')
  const { notify, queues } = settings
  const carried = carriedByItself(settings)
  const { night, previous, startedAt } = carried ?? {
    night: scheduledNight(),
    previous: previousNight(),
    startedAt: Date.now(),
  }
  const trials = refusingBadInput(() => trialsOf(settings, night, carried && 'checked before'))
  const ledger = new TrialLedger(settings, trials, startedAt, carried)
  const stages = stageRunner(['trials', 'sweep-report'], { ...settings, method: 'sweep' })
  const scopes = new Map<number, CancellationScope>()
  const show = () => {
    const { line, note } = describeTrials(settings, ledger, workflowInfo().workflowId)
    stages.show(
      'trials',
      ledger.isOver()
        ? { state: 'done', message: line, seconds: (Date.now() - startedAt) / 1000 }
        : { state: 'running', message: line },
    )
    stages.note(note)
  }
  const refuseFurtherMessages = registerHandlers(ledger, scopes, show) // before anything is awaited: a message may be there
  await checkNames('sweep', settings, stages)
  const baseline = settings.baseline && (await stages.artifact(settings.baseline))

  show()
  while (!ledger.isOver()) {
    if (ledger.mustContinueAsNew()) {
      const { paused, stopped } = ledger
      return continueAsNew<typeof sweep>({
        ...settings,
        carried: {
          ended: [...ledger.ended.values()],
          startedAt,
          paused,
          stopped,
          night,
          previous,
          spentBefore: [...ledger.spentBefore],
        },
      })
    }
    if (ledger.canStart()) void run(ledger.start(Date.now()))
    else await changeOf(ledger)
    ledger.checkLimits(Date.now())
  }
  refuseFurtherMessages()
  show()

  const { carried: _, ...shown } = settings
  const title = `Sweep · ${settings.name}${night ? ` · ${night}` : ''}`
  const report = await stages.run('sweep-report', {
    title,
    settings: shown,
    ended: ledger.results(),
    cache: settings.cache,
    ...(night && { night }),
    ...(previous && { previous }),
    ...(baseline && { baseline: { uri: baseline.uri, sha256: baseline.sha256 } }),
  })
  if (notify) await notifyPeople(notify, queues, `${title}: ${report.summary.headline}`)
  return { report, trials: counts(ledger.results()), ...(night && { night }), ...(previous && { previous }) }

  async function run(trial: Trial): Promise<void> {
    const scope = new CancellationScope()
    scopes.set(trial.trial, scope)
    show()
    try {
      ledger.end(trial.trial, await scope.run(() => startTrial(settings, trial)), Date.now())
    } catch (error) {
      const message = isCancellation(error) ? 'cancelled' : rootMessage(error)
      ledger.fail(trial.trial, message, Date.now(), runSpent(error))
    }
    scopes.delete(trial.trial)
    show()
  }
}

/** Waits until a trial may start, the sweep or this run of it is over, or the hours of the budget are. */
async function changeOf(ledger: TrialLedger): Promise<void> {
  const changed = () => ledger.canStart() || ledger.isOver() || ledger.mustContinueAsNew()
  const timeLeft = ledger.timeLeft(Date.now())
  await (timeLeft === undefined ? condition(changed) : condition(changed, timeLeft, { summary: 'budget.hours' }))
}

function startTrial({ workflow, queues }: SweepInput, { trial, levels, seed, input }: Trial): Promise<TrialOutcome> {
  const { workflowId } = workflowInfo()
  const sweep: SweepMemo = { workflowId, trial }
  return executeChild(workflow, {
    args: [input],
    taskQueue: queues.light,
    workflowId: childId(`trial-${trial}`),
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    memo: { sweep },
    staticSummary: brief(
      `seed ${seed}, ${Object.entries(levels)
        .map(([field, level]) => `${field} ${level}`)
        .join(', ')}`,
    ),
  }) as Promise<TrialOutcome>
}

const WRITING_REPORT =
  'the report is being written: start the sweep again to run more; it takes finished work from the store'
const STOP_DESCRIPTION =
  'Starts no further trial and gives parked ones up; once the running trials have ended, the report is written.'

/** @returns what to call once no trial can run again: from then on messages are refused */
function registerHandlers(
  ledger: TrialLedger,
  scopes: ReadonlyMap<number, CancellationScope>,
  show: () => void,
): () => void {
  let isOver = false
  let givesUpParked = false
  const validator = () => {
    if (isOver) throw new Error(WRITING_REPORT)
  }
  const handle = (update: typeof pause, description: string, act: () => string) => {
    const actAndShow = () => {
      const answer = act()
      show()
      return answer
    }
    setHandler(update, actAndShow, { validator, description })
  }
  handle(
    retryFailed,
    'Runs every failed trial again; their finished stages are taken from the store.',
    () => `${counted(ledger.retryFailed(), 'trial runs', 'trials run')} again`,
  )
  handle(pause, 'Starts no further trial until `resume`; running trials continue.', () => {
    ledger.paused = true
    return 'paused'
  })
  handle(resume, 'Starts trials again after `pause`.', () => {
    ledger.paused = false
    return 'resumed'
  })
  handle(stop, STOP_DESCRIPTION, () => {
    ledger.stopped = 'stopped by a person'
    givesUpParked = true
    for (const { trial, parked } of ledger.active.values()) if (parked !== undefined) scopes.get(trial.trial)?.cancel()
    return 'stopped'
  })
  const takeSignal = (given: unknown) => {
    const signal = trialParkedSchema.safeParse(given).data
    if (signal) ledger.park(signal.trial, signal.parked)
    if (signal && signal.parked !== null && givesUpParked) scopes.get(signal.trial)?.cancel()
    show()
  }
  setHandler(trialParked, takeSignal, { description: 'Internal: a trial reports that it is parked or has resumed.' })
  return () => {
    isOver = true
  }
}
const SCHEDULED = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME)
/** The time that a schedule started this run for, e.g. 2026-11-25T02:30Z: the name of the night, even of a late run. */
const scheduledNight = (): string | undefined => {
  const time = workflowInfo().typedSearchAttributes.get(SCHEDULED)
  return time && `${time.toISOString().slice(0, 16)}Z`
}

/** Night and report of the schedule's last run that completed. */
function previousNight(): SweepResult['previous'] {
  const result = sweepResultSchema.safeParse(workflowInfo().lastResult).data
  return result?.night === undefined
    ? undefined
    : { night: result.night, report: { uri: result.report.uri, sha256: result.report.sha256 } }
}

function counts(results: readonly EndedTrial[]): SweepResult['trials'] {
  const count = (wanted: EndedTrial['state']) => results.filter(({ state }) => state === wanted).length
  return { done: count('done'), failed: count('failed'), skipped: count('skipped') }
}
