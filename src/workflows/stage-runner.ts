// Runs stages as activities, each on the queue it needs; a stage that failed permanently parks the run or fails it.
import { isCancellation, upsertMemo, workflowInfo } from '@temporalio/workflow'
import type { Artifact } from '../contracts/artifact'
import type { Engine } from '../contracts/engine'
import type { Queues } from '../contracts/queues'
import { overridden, type Resolution } from '../contracts/resolution'
import type { Cache, Notify, OnFailure, Shards } from '../contracts/run-settings'
import type { StageInput, StageName, StageResult } from '../contracts/stages'
import type { StageStatus } from '../contracts/status'
import type { TemplateSettings } from '../contracts/template-settings'
import { withoutTrack, type StageTrack, type Track } from '../contracts/track'
import { shardsDone, summaryOf } from './describe'
import { finalFailure, rootMessage, stageSpent, wasHandedBack, withSpending } from './failure'
import { openNamedInputs, withLabelerModels, type NamedInputs } from './named-inputs'
import { openParking } from './parking'
import { queueOf } from './queues'
import { setSearchAttributes } from './search-attributes'
import { runInShards, splitOf } from './shards'
import { stageActivities } from './stage-activities'
import { openStageBoard } from './stage-board'

export interface StageRunner extends NamedInputs {
  /** @throws when the stage has failed permanently and `onFailure` is "fail", or a person aborted */
  run<N extends StageName>(stage: N, input: StageInput<N>, shownAs?: string): Promise<Artifact>
  /** Like `run`, for a stage that the run can do without: undefined when a person skipped it. */
  runOptional<N extends StageName>(stage: N, input: StageInput<N>, shownAs?: string): Promise<Artifact | undefined>
  /** Shows a stage of the plan as skipped. */
  skip(stage: StageName, why: string): void
  /** Shows a line or a table above the table of stages. */
  note(text: string): void
  /** Shows what a person should know as long as the run lasts. */
  warn(text: string): void
  /** Shows the state of other work of the run, such as child workflows, among its stages. */
  show(name: string, status: Omit<StageStatus, 'stage'>): void
  /** Shows other work of the run, from its start to its end. */
  track<T>(shownAs: string, work: () => Promise<T>): Promise<T>
  /** Cost of the stages of this run, failed ones included; what was already in the store was paid for by another. */
  spent(): number
  /** Adds what a child workflow has spent. */
  charge(cost: number): void
}

export interface RunnerSettings {
  queues: Queues
  cache: Cache
  onFailure: OnFailure
  notify?: Notify | undefined
  track?: Track | undefined
  method?: string
  task?: string
  shards?: Shards
  /** Variables of the chat template of policies. */
  template?: TemplateSettings | undefined
  /** What computes policies. */
  engine?: Engine
  /** From this stage of the plan on, nothing is taken from the store. */
  fromStage?: StageName | undefined
}

/** A stage to run, its input, the run's name for it, and whether the run can do without it. */
interface Planned<N extends StageName> {
  stage: N
  input: StageInput<N>
  shownAs: string
  canSkip: boolean
}

/**
 * The runner of a workflow, opened once, at its start. Reads as one page.
 * @param plan the stages that will run, in order; shown as waiting from the start
 */
export function stageRunner(plan: readonly string[], settings: RunnerSettings): StageRunner {
  const { queues, cache, onFailure, method, task, fromStage, track } = settings
  const refreshed = stagesFrom(plan, fromStage)
  const again = wasReset()
  const resetPoints: Record<string, number> = {}
  const board = openStageBoard(plan)
  const parking = openParking(board, settings)
  const named = openNamedInputs(settings, (stage, input, shownAs) => run(stage, input, shownAs))
  /** Cost by piece of work: a stage that was tried several times says its total each time. */
  const spentOn = new Map<string, number>()
  const spent = () => [...spentOn.values()].reduce((sum, cost) => sum + cost, 0)
  setSearchAttributes({ status: 'running', ...(method && { method }), ...(task && { task }) })

  async function attempt<N extends StageName>({ stage, input, shownAs }: Planned<N>): Promise<Artifact> {
    const started = Date.now()
    board.set(shownAs, { state: 'running' })
    // The workflow task that schedules this stage: the event that the UI's Reset starts from.
    resetPoints[shownAs] = workflowInfo().historyLength + 1
    upsertMemo({ resetPoints: { ...resetPoints } })
    setSearchAttributes({ status: 'running', stage: shownAs })
    const result = await compute({ stage, input: untracked(input), shownAs })
    const { reused, spent: paid, seconds: ofAttempt, untracked: message, ...artifact } = result
    if (paid) spentOn.set(paid.work, paid.cost)
    else if (!reused && typeof artifact.summary.cost === 'number') spentOn.set(shownAs, artifact.summary.cost)
    // The first task after a Reset is at another time than it was: a stage that ended in it would seem to have lasted.
    const seconds = again ? ofAttempt : (Date.now() - started) / 1000
    board.set(shownAs, {
      state: reused ? 'reused' : 'done',
      ...(seconds !== undefined && { seconds }),
      artifact,
      ...(message !== undefined && { message }),
    })
    if (!board.hasWaiting()) setSearchAttributes({ status: 'done' })
    return artifact
  }

  /** On one worker, or in shards on all of them. */
  async function compute<N extends StageName>({ stage, input, shownAs }: Omit<Planned<N>, 'canSkip'>) {
    const planned = refreshed.has(stage) ? ('refresh' as const) : cache
    const cacheOfStage = again && planned === 'use' ? ('refresh' as const) : planned
    const split = splitOf(stage, input, settings.shards)
    if (!split) {
      const activities = stageActivities(queueOf(stage, input, queues), summaryOf(shownAs, stage, input))
      const given = { ...input, cache: cacheOfStage, ...(track && { track: trackedAs(track) }) }
      return (activities[stage] as (input: unknown) => Promise<StageResult>)(given)
    }
    return runInShards(split, {
      ...{ stage, input, shownAs, queues, cache: cacheOfStage, looksInStore: planned === 'use' },
      track: track && trackedAs(track),
      onShard(done, { spent: paid }) {
        if (paid) spentOn.set(paid.work, paid.cost)
        board.set(shownAs, { state: 'running', message: shardsDone(done, split.of) })
      },
    })
  }

  /** Runs the stage until it is done or skipped (undefined). @throws when it is given up */
  async function runUntilResolved<N extends StageName>(given: Planned<N>): Promise<Artifact | undefined> {
    const { stage, shownAs } = given
    for (let planned = given; ;) {
      try {
        return await attempt(planned)
      } catch (error) {
        if (isCancellation(error)) throw error
        if (wasHandedBack(error)) continue
        const message = rootMessage(error)
        const paid = stageSpent(error)
        if (paid) spentOn.set(paid.work, paid.cost)
        const { action, overrides }: Resolution =
          onFailure === 'wait' ? await parking.park({ ...planned, message } as never) : { action: 'abort' }
        if (action === 'abort') {
          board.set(shownAs, { state: 'failed', message })
          setSearchAttributes({ status: 'failed' })
          throw withSpending(error, spent())
        }
        if (action === 'skip') {
          board.set(shownAs, { state: 'skipped', message: `skipped by a person after: ${message}` })
          return undefined
        }
        const changed = overridden(stage, planned.input, overrides)
        planned = { ...planned, input: await withLabelerModels(changed, named, planned.input) }
      }
    }
  }

  const run: StageRunner['run'] = async (stage, input, shownAs = stage) =>
    (await runUntilResolved({ stage, input, shownAs, canSkip: false }))!

  return {
    ...named,
    run,
    runOptional: (stage, input, shownAs = stage) => runUntilResolved({ stage, input, shownAs, canSkip: true }),
    skip: (stage, why) => board.set(stage, { state: 'skipped', message: why }),
    note: (text) => board.note(text),
    warn: (text) => board.warn(text),
    show: (name, status) => board.set(name, status),
    spent,
    charge: (cost) => void spentOn.set('children', (spentOn.get('children') ?? 0) + cost),
    async track(shownAs, work) {
      const started = Date.now()
      board.set(shownAs, { state: 'running' })
      try {
        const result = await work()
        board.set(shownAs, { state: 'done', ...(!again && { seconds: (Date.now() - started) / 1000 }) })
        return result
      } catch (error) {
        board.set(shownAs, { state: 'failed', message: rootMessage(error) })
        throw error
      }
    },
  }
}

/** The same run after a reset, too. */
function trackedAs(to: Track): StageTrack {
  const { workflowId, originalExecutionRunId } = workflowInfo()
  return { to, run: { id: workflowId, execution: originalExecutionRunId } }
}

/** Who is told of a run is no part of the settings that its reports have, nor of their keys. */
function untracked<N extends StageName>(input: StageInput<N>): StageInput<N> {
  const { settings } = input as { settings?: unknown }
  return settings === undefined ? input : { ...input, settings: withoutTrack(settings) }
}

/**
 * Whether this run began as another one, up to the point of a Reset: stages up to it are in its history, and what comes
 * after is to be done again although the store has it.
 */
function wasReset(): boolean {
  const { runId, originalExecutionRunId } = workflowInfo()
  return runId !== originalExecutionRunId
}

/** A stage and those after it. @throws when the plan has no such stage */
function stagesFrom(plan: readonly string[], first: StageName | undefined): ReadonlySet<string> {
  if (first === undefined) return new Set()
  if (plan.includes(first)) return new Set(plan.slice(plan.indexOf(first)))
  throw finalFailure(
    `field "fromStage" got "${first}", which is no stage of this run; its stages are ${plan.join(', ')}`,
    'InvalidInput',
  )
}
