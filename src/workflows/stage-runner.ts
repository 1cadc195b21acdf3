// Runs stages as activities, each on the queue it needs, and keeps what the run says about itself.
import { ActivityFailure, defineQuery, proxyActivities, setCurrentDetails, setHandler, workflowInfo, type ActivityOptions } from '@temporalio/workflow'
import type { Activities } from '../activities'
import type { Artifact } from '../contracts/artifact'
import { isEndpoint, type LabelerSettings, type Queues } from '../contracts/settings'
import type { StageInput, StageName, StageResult } from '../contracts/stages'
import type { RunStatus, StageStatus } from '../contracts/status'
import type { ArtifactGiven } from '../contracts/workflow-inputs'

export const statusQuery = defineQuery<RunStatus>('status')

/** Long enough for any training; a hung or killed worker is noticed by its missing heartbeat. No time limit counts waiting for a free worker. */
const OPTIONS: ActivityOptions = {
  startToCloseTimeout: '30 days',
  heartbeatTimeout: '1 minute',
  retry: { maximumAttempts: 5, initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes' },
}

export interface StageRunner {
  /** @throws when the stage has failed for good */
  run<N extends StageName>(stage: N, input: StageInput<N>, shownAs?: string): Promise<Artifact>
  /** The artifact a person gave, by reference, by URI or, where a model is meant, by a model's name. */
  artifact(given: ArtifactGiven, model?: 'or model'): Promise<Artifact>
  /** The artifact of a named model; each name is looked up once a run. */
  model(spec: string): Promise<Artifact>
  /** A labeler as stages take it. @param policy the initial policy, where a run has one: what the model "policy" stands for */
  labeler(settings: LabelerSettings, policy?: Artifact): Promise<StageInput<'label'>['labeler']>
  skip(stage: StageName, why: string): void
}

const queueOf = (queues: Queues): Record<StageName, string> => ({
  model: queues.light,
  data: queues.light,
  study: queues.light,
  report: queues.light,
  'human-labels': queues.light,
  choose: queues.label,
  label: queues.label,
  judge: queues.label,
  sft: queues.gpu,
  sample: queues.gpu,
  'reward-model': queues.gpu,
  rl: queues.gpu,
  evaluate: queues.gpu,
})

/** @param plan the stages that will run, in order; shown as waiting from the start */
export function stageRunner(plan: readonly StageName[], { queues, cache }: { queues: Queues; cache: 'use' | 'refresh' }): StageRunner {
  const stages: StageStatus[] = plan.map((stage) => ({ stage, state: 'waiting' }))
  setHandler(statusQuery, () => ({ workflow: workflowInfo().workflowType, stages }), { description: 'Every stage: its state, time and artifact' })

  const models = new Map<string, Artifact>()
  const set = (stage: string, status: Omit<StageStatus, 'stage'>) => {
    const at = stages.findIndex((s) => s.stage === stage)
    stages.splice(at < 0 ? stages.length : at, at < 0 ? 0 : 1, { stage, ...status })
    setCurrentDetails(describe(stages))
  }

  const runner: StageRunner = {
    async run(stage, input, shownAs = stage) {
      const taskQueue = asksLocally(input) ? queues.gpu : queueOf(queues)[stage]
      const activities = proxyActivities<Activities>({ ...OPTIONS, taskQueue, summary: shownAs })
      const started = Date.now()
      set(shownAs, { state: 'running' })
      try {
        const { reused, ...artifact } = await (activities[stage] as (input: unknown) => Promise<StageResult>)({ ...input, cache })
        set(shownAs, { state: reused ? 'reused' : 'done', seconds: (Date.now() - started) / 1000, artifact })
        return artifact
      } catch (error) {
        const cause = error instanceof ActivityFailure ? error.cause : error
        set(shownAs, { state: 'failed', message: cause instanceof Error ? cause.message : String(cause) })
        throw error
      }
    },
    artifact(given, model) {
      if (typeof given !== 'string') return Promise.resolve(given)
      if (model && !given.startsWith('file://')) return runner.model(given)
      return proxyActivities<Activities>({ ...OPTIONS, taskQueue: queues.light, summary: 'artifact' }).resolveArtifact(given)
    },
    async labeler(settings, policy) {
      if (isEndpoint(settings)) return { settings }
      if (settings.model === 'policy' && policy) return { settings, model: policy }
      return { settings, model: await runner.model(settings.model) }
    },
    async model(spec) {
      const artifact = models.get(spec) ?? (await runner.run('model', { spec, cache }, models.size === 0 ? 'model' : `model ${spec}`))
      models.set(spec, artifact)
      return artifact
    },
    skip: (stage, why) => set(stage, { state: 'skipped', message: why }),
  }
  return runner
}

/** Whether the labeler or judge of a stage is a local model, which needs the device. */
function asksLocally(input: object): boolean {
  const { labeler, judge } = input as Partial<Record<'labeler' | 'judge', StageInput<'label'>['labeler']>>
  return [labeler, judge].some((asked) => asked && !isEndpoint(asked.settings))
}

/** The run's current details in the UI, as a Markdown table. */
function describe(stages: readonly StageStatus[]): string {
  const rows = stages.map(({ stage, state, seconds, message, artifact }) => {
    const figures = artifact ? Object.entries(artifact.summary).map(([name, value]) => `${name} ${value}`) : []
    return `| ${stage} | ${state} | ${seconds === undefined ? '' : seconds.toFixed(1)} | ${(message ?? figures.join(', ')).replaceAll('|', '\\|').replaceAll('\n', ' ')} |`
  })
  return ['| Stage | State | Seconds | Figures |', '|---|---|---|---|', ...rows].join('\n')
}
