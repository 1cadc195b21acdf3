// What the commands say about a run that is parked.
import type { StageStatus } from '../contracts/status'
import { shellWord } from './shell-words'
import { table } from './terminal'

/** What has failed, and the commands that continue the run: the run says which overrides its stage takes. */
export function parkedLines(id: string, { stage, message, waysOn }: StageStatus): string[] {
  const resolve = `  rlaif resolve ${shellWord(id)}`
  const { fields = [], examples = [], canSkip = false } = waysOn ?? {}
  return [
    `${id}: ${stage} is parked: ${message ?? 'it failed permanently'}`,
    'Finished stages are kept. Fix the cause, then use one of:',
    ...table([
      [`${resolve} retry`, 'retry the stage'],
      ...examples.map((overrides) => [
        `${resolve} retry --overrides ${shellWord(JSON.stringify(overrides))}`,
        'retry it with other settings',
      ]),
      ...(canSkip ? [[`${resolve} skip`, 'continue without the stage']] : []),
      [`${resolve} abort`, 'make the run fail'],
    ]),
    ...(fields.length > 0 ? [`--overrides takes these fields of the stage: ${fields.join(', ')}`] : []),
  ]
}
