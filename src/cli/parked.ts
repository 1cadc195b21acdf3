// What the commands say about a run that is parked, or that waits for parked ones.
import type { ParkedOutput } from '../contracts/command-output'
import type { StageStatus } from '../contracts/status'
import { typedCommand } from '../installation'
import { shellWord } from './shell-words'
import { table } from './terminal'

/** What has failed, and the commands that continue the run: the run says which overrides its stage takes. */
export function parkedLines(id: string, { stage, message, waysOn }: StageStatus): string[] {
  const resolve = `${typedCommand} resolve ${shellWord(id)}`
  const { fields = [], examples = [], canSkip = false } = waysOn ?? {}
  return [
    `${id}: ${stage} is parked: ${message ?? 'it failed permanently'}`,
    'Finished stages are kept. Fix the cause, then use one of:',
    ...table([
      ['  retry the stage:', `${resolve} retry`],
      ...examples.map((overrides, i) => [
        i === 0 ? '  with other settings, e.g.:' : '',
        `${resolve} retry --overrides ${shellWord(JSON.stringify(overrides))}`,
      ]),
      ...(canSkip ? [['  continue without the stage:', `${resolve} skip`]] : []),
      ['  make the run fail:', `${resolve} abort`],
    ]),
    ...(fields.length > 0 ? [`--overrides takes these fields of the stage: ${fields.join(', ')}`] : []),
  ]
}

export const statusHint = (id: string): string => `\`${typedCommand} status ${shellWord(id)}\` says how to go on`

/** The parked runs among those that a run has started. */
export const parkedBelowLines = (id: string, parked: readonly ParkedOutput[] = []): string[] =>
  parked
    .filter(({ run }) => run !== id)
    .flatMap((one) => [`  ${one.run} is parked; ${statusHint(one.run)}`, reasonLine(one)])

export const reasonLine = ({ stage, reason }: Pick<ParkedOutput, 'stage' | 'reason'>): string =>
  `    ⏸ ${stage}: ${(reason ?? 'no worker answers for the reason').split('\n')[0]!}`
