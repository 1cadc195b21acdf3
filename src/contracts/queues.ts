// Which task queue a stage is sent to (design decision 8): by what it needs.
import { z } from 'zod'
import { isEndpoint, type LabelerSettings } from './labeler-settings'
import type { StageName } from './stages'

export const queuesSchema = z
  .strictObject({
    light: z.string().min(1).default('rlaif').describe('Reading data, writing reports.'),
    label: z.string().min(1).default('rlaif-label').describe('Waiting for endpoints.'),
    gpu: z.string().min(1).default('rlaif-gpu').describe('Work that needs the device, one at a time on each.'),
  })
  .prefault({})
  .describe('Task queues.')
export type Queues = z.infer<typeof queuesSchema>

/** The queue that each stage needs, where its labeler or judge, if it has one, is an endpoint. */
const QUEUE_OF: Record<StageName, keyof Queues> = {
  model: 'light',
  data: 'light',
  'human-labels': 'light',
  study: 'light',
  report: 'light',
  comparison: 'light',
  'rating-items': 'light',
  'human-results': 'light',
  'sweep-report': 'light',
  claims: 'light',
  label: 'label',
  judge: 'label',
  contest: 'label',
  choose: 'label',
  sft: 'gpu',
  sample: 'gpu',
  'reward-model': 'gpu',
  rl: 'gpu',
  evaluate: 'gpu',
  respond: 'gpu',
}

/** @param input of the stage: a labeler or judge that is a local model needs the device, whatever the stage */
export function queueOf(stage: StageName, input: object, queues: Queues): string {
  const { labeler, judge } = input as Partial<Record<'labeler' | 'judge', { settings: LabelerSettings }>>
  const asksLocally = [labeler, judge].some((asked) => asked && !isEndpoint(asked.settings))
  return queues[asksLocally ? 'gpu' : QUEUE_OF[stage]]
}
