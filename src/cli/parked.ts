// What the command says about a run that is parked.
import type { StageStatus } from '../contracts/status'

/** What a person reads when a run has parked. */
export function parkedLines(id: string, { stage, message }: StageStatus): string[] {
  return [
    `${id}: ${stage} is parked: ${message ?? 'it failed for good'}`,
    'Nothing that is finished is lost. Mend what failed, then:',
    `  rlaif resolve ${id} retry                                 the stage is tried again`,
    `  rlaif resolve ${id} retry --overrides '{"settings": {…}}'   with other settings, e.g. {"labeler": {"baseUrl": "…"}}`,
    `  rlaif resolve ${id} abort                                 the run fails`,
  ]
}
