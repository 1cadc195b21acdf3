// `rlaif sweep`: the input of a sweep from a preset, and the list of its trials.
import type { TrialsOutput } from '../contracts/command-output'
import { isRecord, overlay } from '../contracts/overlay'
import { InvalidInput } from '../contracts/parse'
import { sweepPresets } from '../contracts/sweep-presets'
import { counted } from '../number-format'

/** The given input with the preset's name in it. */
export function sweepInput(preset: string | undefined, given: unknown): unknown {
  if (preset === undefined) return given
  if (!Object.hasOwn(sweepPresets, preset))
    throw new InvalidInput(`--preset got "${preset}"; there are ${Object.keys(sweepPresets).join(', ')}`)
  return overlay({ preset }, isRecord(given) ? given : {})
}

export const presetLines = (): string[] =>
  Object.entries(sweepPresets).map(([name, { about }]) => `${name.padEnd(23)} ${about}`)

/** A line for each trial, and a total. */
export function trialLines({ workflow, metric, maxConcurrent, trials }: TrialsOutput): string[] {
  const lines = trials.map(({ trial, settings, seed }) => {
    const fields = Object.entries(settings).map(([field, level]) => `${field} ${level}`)
    return `  ${String(trial).padStart(4)}  ${[...fields, `seed ${seed}`].join(', ')}`
  })
  const total = `${counted(trials.length, 'trial')} of ${workflow}, by ${metric}, ${maxConcurrent} at a time`
  return [...lines, `${total}; nothing was started`]
}
