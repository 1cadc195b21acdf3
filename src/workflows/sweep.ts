// One workflow at many settings, a child for each: left alone overnight, read in the morning.
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
import { describeTrials } from './describe-trials'
import { parseInput, refusingBadInput } from './input'
import { notifyPeople } from './notification'
import { rootMessage } from './failure'
import { stageRunner } from './stage-runner'
import { openTrialLedger, type TrialLedger, type TrialOutcome } from './trial-ledger'

export const retryFailed = defineUpdate<string>('retryFailed')
export const pause = defineUpdate<string>('pause')
export const resume = defineUpdate<string>('resume')
export const stop = defineUpdate<string>('stop')
export const trialParked = defineSignal<[unknown]>(TRIAL_PARKED)

export async function sweep(input?: unknown): Promise<SweepResult> {
  const settings = parseInput(workflowSchemas.sweep, input, 'sweep')
  const { carried, notify, queues } = settings
  const { night, previous, startedAt } = carried ?? {
    night: scheduledNight(),
    previous: resultBefore(),
    startedAt: Date.now(),
  }
  const trials = refusingBadInput(() => trialsOf(settings, night, carried && 'checked before'))
  const ledger = openTrialLedger(settings, trials, startedAt, carried)
  const stages = stageRunner(['trials', 'sweep-report'], { ...settings, method: 'sweep' })
  const baseline = settings.baseline && (await stages.artifact(settings.baseline))
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
  const over = takeMessages(ledger, scopes, show)

  show()
  while (!ledger.isOver()) {
    if (ledger.isToContinue()) {
      const { paused, stopped } = ledger
      return continueAsNew<typeof sweep>({
        ...settings,
        carried: { ended: [...ledger.ended.values()], startedAt, paused, stopped, night, previous },
      })
    }
    if (ledger.canStart()) void run(ledger.begin(Date.now()))
    else await changeOf(ledger)
    ledger.heedLimits(Date.now())
  }
  over()
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
      ledger.fail(trial.trial, isCancellation(error) ? 'cancelled' : rootMessage(error), Date.now())
    }
    scopes.delete(trial.trial)
    show()
  }
}

/** Waits until a trial may start, the last one has ended, or the budget's time is over. */
async function changeOf(ledger: TrialLedger): Promise<void> {
  const changed = () => ledger.canStart() || ledger.isOver() || ledger.isToContinue()
  const timeLeft = ledger.timeLeft(Date.now())
  await (timeLeft === undefined ? condition(changed) : condition(changed, timeLeft, { summary: 'budget.hours' }))
}

function startTrial({ workflow, queues }: SweepInput, { trial, levels, seed, input }: Trial): Promise<TrialOutcome> {
  const { workflowId } = workflowInfo()
  const sweep: SweepMemo = { workflowId, trial }
  return executeChild(workflow, {
    args: [input],
    taskQueue: queues.light,
    workflowId: `${workflowId}/trial-${trial}`,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    memo: { sweep },
    staticSummary: brief(
      `seed ${seed}, ${Object.entries(levels)
        .map(([field, level]) => `${field} ${level}`)
        .join(', ')}`,
    ),
  }) as Promise<TrialOutcome>
}

/** @returns what to call when no trial can be run again any more */
function takeMessages(
  ledger: TrialLedger,
  scopes: ReadonlyMap<number, CancellationScope>,
  show: () => void,
): () => void {
  let isOver = false
  let givesUpParked = false
  const answering = (answer: () => string) => () => {
    const said = answer()
    show()
    return said
  }
  const validator = () => {
    if (isOver)
      throw new Error('the report is being written: start the sweep again; what is finished is taken from the store')
  }
  setHandler(
    retryFailed,
    answering(() => `${ledger.retryFailed()} trials run again`),
    { validator, description: 'Runs every failed trial again; what is finished of them is taken from the store.' },
  )
  setHandler(
    pause,
    answering(() => (ledger.pause(true), 'paused')),
    { validator, description: 'No further trial starts until `resume`; those that run go on.' },
  )
  setHandler(
    resume,
    answering(() => (ledger.pause(false), 'resumed')),
    { validator, description: 'Trials start again after `pause`.' },
  )
  setHandler(
    stop,
    answering(() => {
      ledger.stop('stopped by a person')
      givesUpParked = true
      for (const { trial, parked } of ledger.begun.values()) if (parked !== undefined) scopes.get(trial.trial)?.cancel()
      return 'stopped'
    }),
    {
      validator,
      description:
        'No further trial starts and parked ones are given up; once those that run have ended, the report is written of what there is.',
    },
  )
  setHandler(
    trialParked,
    (given) => {
      const told = trialParkedSchema.safeParse(given).data
      if (told) ledger.park(told.trial, told.parked)
      if (told && told.parked !== null && givesUpParked) scopes.get(told.trial)?.cancel()
      show()
    },
    { description: 'Not for people: a trial tells that it is parked, or that it goes on.' },
  )
  return () => {
    isOver = true
  }
}

const SCHEDULED = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME)
/** The time that a schedule started this run for, e.g. 2026-11-25T02:30Z: by it a night is known, whenever it really ran. */
const scheduledNight = (): string | undefined => {
  const time = workflowInfo().typedSearchAttributes.get(SCHEDULED)
  return time && `${time.toISOString().slice(0, 16)}Z`
}

/** Of the schedule's last run that came to an end. */
function resultBefore(): SweepResult['previous'] {
  const result = sweepResultSchema.safeParse(workflowInfo().lastResult).data
  return result?.night === undefined
    ? undefined
    : { night: result.night, report: { uri: result.report.uri, sha256: result.report.sha256 } }
}

function counts(results: readonly EndedTrial[]): SweepResult['trials'] {
  const of = (wanted: EndedTrial['state']) => results.filter(({ state }) => state === wanted).length
  return { done: of('done'), failed: of('failed'), skipped: of('skipped') }
}
