// What the commands say about a run that is parked.
import type { StageStatus } from '../contracts/status'
import { table } from './terminal'

/** What has failed, and the commands that continue the run. */
export function parkedLines(id: string, { stage, message }: StageStatus): string[] {
  return [
    `${id}: ${stage} is parked: ${message ?? 'it failed permanently'}`,
    'Finished stages are kept. Fix the cause, then use one of:',
    ...table([
      [`  rlaif resolve ${id} retry`, 'retry the stage'],
      [`  rlaif resolve ${id} retry --overrides '{"labeler": {"baseUrl": "…"}}'`, 'retry it with other settings'],
      [`  rlaif resolve ${id} abort`, 'make the run fail'],
    ]),
  ]
}
