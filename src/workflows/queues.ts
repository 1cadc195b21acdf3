// The task queue of each stage, by what it needs (design decision 8).
import { LOCAL, type RaySettings } from '../contracts/engine'
import { isEndpoint, membersOf, type LabelerSettings } from '../contracts/labeler-settings'
import type { Queues } from '../contracts/queues'
import type { StageName } from '../contracts/stages'

/** The queue of each stage; its labeler or judge, if it has one, is an endpoint. */
const QUEUE_OF: Record<StageName, keyof Queues> = {
  model: 'light',
  data: 'light',
  guidance: 'light',
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
  revise: 'gpu',
  sft: 'gpu',
  sample: 'gpu',
  'reward-model': 'gpu',
  dpo: 'gpu',
  'online-dpo': 'gpu',
  rl: 'gpu',
  evaluate: 'gpu',
  respond: 'gpu',
}

/** @param input input of the stage: with a local model as labeler or judge, any stage needs the device */
export function queueOf(stage: StageName, input: object, queues: Queues): string {
  const { labeler, judge, watch } = input as Partial<
    Record<'labeler' | 'judge' | 'watch', { settings: LabelerSettings }>
  >
  const members = [labeler, judge, watch].flatMap((asked) => (asked ? membersOf(asked.settings) : []))
  const hasLocalModel = members.some((member) => !isEndpoint(member))
  if (hasLocalModel) return queues.gpu
  const { engine } = input as { engine?: { ray: RaySettings } }
  if (engine) return engine.ray.address === LOCAL ? queues.gpu : queues.label // a job elsewhere is waited for
  return queues['responses' in input ? 'label' : QUEUE_OF[stage]] // what is left of an evaluation is the judge's
}
