// Runs stages as activities, each on the queue it needs, keeps what the run says about itself, and parks where a stage failed for good.
import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
  type ActivityOptions,
} from '@temporalio/workflow'
import { defineSearchAttributeKey } from '@temporalio/common'
import type { Activities } from '../activities'
import { isArtifactUri, isPolicyUri, type Artifact } from '../contracts/artifact'
import { checkResolution, overridden, type Resolution } from '../contracts/resolution'
import {
  isEndpoint,
  type Cache,
  type LabelerSettings,
  type Notify,
  type OnFailure,
  type Queues,
} from '../contracts/settings'
import { HANDED_BACK, type LabelerInput, type StageInput, type StageName, type StageResult } from '../contracts/stages'
import type { RunStatus, StageStatus } from '../contracts/status'
import { TRIAL_PARKED, sweepMemoSchema } from '../contracts/sweep'
import type { ArtifactGiven } from '../contracts/workflow-inputs'
import { describe, summaryOf } from './describe'
import { refusingBadInput } from './input'
import { notifyPeople } from './notification'
import { SEARCH_ATTRIBUTES, type SearchAttribute } from '../contracts/search-attributes'

export const statusQuery = defineQuery<RunStatus>('status')
export const resolveFailure = defineUpdate<string, [unknown]>('resolveFailure')
export const resolveFailureSignal = defineSignal<[unknown]>('resolveFailure')

/** Long enough for any training; a hung or killed worker is noticed by its missing heartbeat. No time limit counts waiting for a free worker. */
const OPTIONS: ActivityOptions = {
  startToCloseTimeout: '30 days',
  heartbeatTimeout: '30 seconds',
  retry: { maximumAttempts: 5, initialInterval: '1 second', backoffCoefficient: 4, maximumInterval: '5 minutes' },
}
/** A run that nobody mends fails after this. */
const PARKED_AT_MOST = '30 days'

export interface StageRunner {
  /** @throws when the stage has failed for good and is not to wait, or a person gave it up */
  run<N extends StageName>(stage: N, input: StageInput<N>, shownAs?: string): Promise<Artifact>
  /** As `run`, for a stage that the run can do without: undefined when a person skipped it. */
  runOptional<N extends StageName>(stage: N, input: StageInput<N>, shownAs?: string): Promise<Artifact | undefined>
  /** The artifact a person gave, by reference, by URI or, where a model is meant, by a model's name. */
  artifact(given: ArtifactGiven, model?: 'or model'): Promise<Artifact>
  /** The artifact of a named model; each name is looked up once a run. */
  model(spec: string): Promise<Artifact>
  /** A labeler as stages take it. @param policy the initial policy, where a run has one: what the model "policy" stands for */
  labeler(settings: LabelerSettings, policy?: Artifact): Promise<LabelerInput>
  skip(stage: StageName, why: string): void
  /** A line or a table above the table of stages. */
  note(text: string): void
  /** How other work of the run, such as its child workflows, stands among its stages. */
  show(name: string, status: Omit<StageStatus, 'stage'>): void
  /** Money spent by the stages of this run; what was in the store already was paid for by another. */
  spent(): number
  /** Shows a piece of other work while it goes on. */
  track<T>(shownAs: string, work: () => Promise<T>): Promise<T>
}

export interface RunnerSettings {
  queues: Queues
  cache: Cache
  onFailure: OnFailure
  notify?: Notify | undefined
  method?: string
  /** From this stage of the plan on, nothing is taken from the store. */
  fromStage?: StageName | undefined
  task?: string
}

const queueOf = (queues: Queues): Record<StageName, string> => ({
  model: queues.light,
  data: queues.light,
  'human-labels': queues.light,
  study: queues.light,
  report: queues.light,
  comparison: queues.light,
  'rating-items': queues.light,
  'human-results': queues.light,
  'sweep-report': queues.light,
  claims: queues.light,
  label: queues.label,
  judge: queues.label,
  contest: queues.label,
  choose: queues.label,
  sft: queues.gpu,
  sample: queues.gpu,
  'reward-model': queues.gpu,
  rl: queues.gpu,
  evaluate: queues.gpu,
  respond: queues.gpu,
})

/** A stage that failed for good and waits for a person. */
interface Parked {
  stage: StageName
  input: StageInput<StageName>
  canSkip: boolean
  resolution?: Resolution
}

/** @param plan the stages that will run, in order; shown as waiting from the start */
export function stageRunner(
  plan: readonly string[],
  { queues, cache, onFailure, notify, method, task, fromStage }: RunnerSettings,
): StageRunner {
  if (fromStage && !plan.includes(fromStage))
    throw ApplicationFailure.nonRetryable(
      `field "fromStage" got "${fromStage}", which is no stage of this run; there are ${plan.join(', ')}`,
      'InvalidInput',
    )
  const again = new Set(fromStage ? plan.slice(plan.indexOf(fromStage)) : [])
  const stages: StageStatus[] = plan.map((stage) => ({ stage, state: 'waiting' }))
  const models = new Map<string, Artifact>()
  const resetPoints: Record<string, number> = {}
  let spent = 0
  let parked: Parked | undefined
  let noted: string | undefined

  setHandler(statusQuery, () => ({ workflow: workflowInfo().workflowType, stages }), {
    description: 'Every stage: its state, time and artifact',
  })
  setHandler(resolveFailure, (given) => resolve(checkResolution(given, parked)), {
    description:
      'Go on from a parked stage: {"action": "retry" | "skip" | "abort", "overrides": {…}}. Overrides are laid over the stage\'s input, e.g. {"action": "retry", "overrides": {"labeler": {"baseUrl": "http://127.0.0.1:8000/v1"}}}.',
    validator: (given) => void refusingBadInput(() => checkResolution(given, parked)),
  })
  setHandler(
    resolveFailureSignal,
    (given) => {
      try {
        resolve(checkResolution(given, parked))
      } catch (error) {
        log.warn('signal resolveFailure ignored', { reason: (error as Error).message })
      }
    },
    {
      description:
        'The same as the update, for when no worker is up to answer; a message that does not fit is logged and ignored.',
    },
  )
  findableBy({ status: 'running', ...(method && { method }), ...(task && { task }) })

  function resolve(resolution: Resolution): string {
    parked!.resolution = resolution
    return `${parked!.stage}: ${resolution.action}`
  }

  function set(stage: string, status: Omit<StageStatus, 'stage'>): void {
    const at = stages.findIndex((s) => s.stage === stage)
    stages.splice(at < 0 ? stages.length : at, at < 0 ? 0 : 1, { stage, ...status })
    setCurrentDetails(describe(stages, parked, noted))
  }

  async function attempt<N extends StageName>(stage: N, input: StageInput<N>, shownAs: string): Promise<Artifact> {
    const taskQueue = asksLocally(input) ? queues.gpu : queueOf(queues)[stage]
    const activities = proxyActivities<Activities>({ ...OPTIONS, taskQueue, summary: summaryOf(shownAs, stage, input) })
    const started = Date.now()
    set(shownAs, { state: 'running' })
    resetPoints[shownAs] = workflowInfo().historyLength + 1 // the workflow task that schedules this stage: where the UI's Reset goes on from
    upsertMemo({ resetPoints: { ...resetPoints } })
    findableBy({ status: 'running', stage: shownAs })
    const { reused, ...artifact } = await (activities[stage] as (input: unknown) => Promise<StageResult>)({
      ...input,
      cache: again.has(stage) ? 'refresh' : cache,
    })
    if (!reused && typeof artifact.summary.cost === 'number') spent += artifact.summary.cost
    set(shownAs, { state: reused ? 'reused' : 'done', seconds: (Date.now() - started) / 1000, artifact })
    if (!stages.some(({ state }) => state === 'waiting')) findableBy({ status: 'done' })
    return artifact
  }

  /** Until the stage is done, skipped, or given up. */
  async function runUntilResolved<N extends StageName>(
    stage: N,
    given: StageInput<N>,
    shownAs: string,
    canSkip: boolean,
  ): Promise<Artifact | undefined> {
    for (let input = given; ;) {
      try {
        return await attempt(stage, input, shownAs)
      } catch (error) {
        const cause = error instanceof ActivityFailure ? error.cause : error
        const message = rootMessage(error)
        if (isCancellation(error)) throw error
        if (cause instanceof ApplicationFailure && cause.type === HANDED_BACK) continue
        const { action, overrides } =
          onFailure === 'wait' ? await park(stage, input, shownAs, message, canSkip) : { action: 'abort' as const }
        if (action === 'abort') {
          set(shownAs, { state: 'failed', message })
          findableBy({ status: 'failed' })
          throw error
        }
        if (action === 'skip') {
          set(shownAs, { state: 'skipped', message: `skipped by a person after: ${message}` })
          return undefined
        }
        input = await withModels(overridden(stage, input, overrides))
      }
    }
  }

  async function park<N extends StageName>(
    stage: N,
    input: StageInput<N>,
    shownAs: string,
    message: string,
    canSkip: boolean,
  ): Promise<Resolution> {
    parked = { stage, input, canSkip }
    const own = parked
    set(shownAs, { state: 'parked', message })
    findableBy({ status: 'parked' })
    await tellSweep(`${shownAs}: ${message}`)
    if (notify)
      await notifyPeople(
        notify,
        queues,
        `${workflowInfo().workflowId} is parked and needs you: ${shownAs}: ${message}`.slice(0, 2500),
      )
    const resolved = await condition(() => own.resolution !== undefined, PARKED_AT_MOST, {
      summary: `${shownAs} is parked: waits for resolveFailure`,
    })
    parked = undefined
    await tellSweep(null)
    return resolved ? own.resolution! : { action: 'abort' }
  }

  /** A labeler that an override made local needs the artifact of its model. */
  async function withModels<N extends StageName>(input: StageInput<N>): Promise<StageInput<N>> {
    const asked = input as Partial<Record<'labeler' | 'judge', LabelerInput>>
    const found = { ...asked }
    for (const role of ['labeler', 'judge'] as const)
      if (asked[role]) found[role] = await runner.labeler(asked[role].settings, asked[role].model)
    return found as StageInput<N>
  }

  const runner: StageRunner = {
    async run(stage, input, shownAs = stage) {
      return (await runUntilResolved(stage, input, shownAs, false))!
    },
    runOptional: (stage, input, shownAs = stage) => runUntilResolved(stage, input, shownAs, true),
    artifact(given, model) {
      if (typeof given !== 'string') return Promise.resolve(given)
      if (model && !isArtifactUri(given)) return runner.model(given)
      return proxyActivities<Activities>({ ...OPTIONS, taskQueue: queues.light, summary: 'artifact' }).resolveArtifact(
        given,
      )
    },
    async labeler(settings, policy) {
      if (isEndpoint(settings)) return { settings }
      if (settings.model === 'policy' && policy) return { settings, model: policy }
      return { settings, model: await runner.model(settings.model) }
    },
    async model(spec) {
      const known = models.get(spec)
      if (known) return known
      const from = isPolicyUri(spec) ? await runner.artifact(spec) : undefined
      const artifact = await runner.run(
        'model',
        { spec, cache, ...(from && { from }) },
        models.size === 0 ? 'model' : `model ${spec}`,
      )
      models.set(spec, artifact)
      return artifact
    },
    note(text) {
      noted = text
      setCurrentDetails(describe(stages, parked, noted))
    },
    show: set,
    spent: () => spent,
    async track(shownAs, work) {
      const started = Date.now()
      set(shownAs, { state: 'running' })
      try {
        const made = await work()
        set(shownAs, { state: 'done', seconds: (Date.now() - started) / 1000 })
        return made
      } catch (error) {
        set(shownAs, { state: 'failed', message: rootMessage(error) })
        throw error
      }
    },
    skip: (stage, why) => set(stage, { state: 'skipped', message: why }),
  }
  return runner
}

/** A trial tells its sweep that it is parked, or goes on; a sweep that is gone already is no matter. */
async function tellSweep(parked: string | null): Promise<void> {
  const sweep = sweepMemoSchema.safeParse(workflowInfo().memo?.sweep).data
  if (sweep)
    await getExternalWorkflowHandle(sweep.workflowId)
      .signal(TRIAL_PARKED, { trial: sweep.trial, parked: parked?.slice(0, 500) ?? null })
      .catch(() => {})
}

/** What first went wrong, below what Temporal wraps around it. */
export const rootMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause && !(error instanceof ApplicationFailure) ? rootMessage(error.cause) : error.message
}

function findableBy(values: Partial<Record<SearchAttribute, string>>): void {
  upsertSearchAttributes(
    Object.entries(values).map(([name, value]) => ({
      key: defineSearchAttributeKey(SEARCH_ATTRIBUTES[name as SearchAttribute], 'KEYWORD'),
      value,
    })),
  )
}

/** Whether the labeler or judge of a stage is a local model, which needs the device. */
function asksLocally(input: object): boolean {
  const { labeler, judge } = input as Partial<Record<'labeler' | 'judge', LabelerInput>>
  return [labeler, judge].some((asked) => asked && !isEndpoint(asked.settings))
}
