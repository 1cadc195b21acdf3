// `rlaif sweep`: a sweep by its preset, or a look at what one would do.
import { isRecord, overlay } from '../contracts/overlay'
import { InvalidInput, parse } from '../contracts/parse'
import { metricOf, sweepSchema, type SweepInput } from '../contracts/sweep'
import { sweepPresets } from '../contracts/sweep-presets'
import { trialsOf } from '../contracts/sweep-trials'

/** The given input with the preset's name in it. */
export function sweepInput(preset: string | undefined, given: unknown): unknown {
  if (preset === undefined) return given
  if (!Object.hasOwn(sweepPresets, preset))
    throw new InvalidInput(`--preset got "${preset}"; there are ${Object.keys(sweepPresets).join(', ')}`)
  return overlay({ preset }, isRecord(given) ? given : {})
}

export const presetLines = (): string[] =>
  Object.entries(sweepPresets).map(([name, { about }]) => `${name.padEnd(23)} ${about}`)

/** The trials that would run. @throws InvalidInput as the sweep itself */
export function trialLines(input: unknown): string[] {
  const sweep = parse(sweepSchema, input, 'sweep') as SweepInput
  const trials = trialsOf(sweep)
  const lines = trials.map(
    ({ trial, levels, seed }) =>
      `  ${String(trial).padStart(4)}  ${Object.entries(levels)
        .map(([field, level]) => `${field} ${level}`)
        .join(', ')}, seed ${seed}`,
  )
  return [
    ...lines,
    `${trials.length} trials of ${sweep.workflow}, by ${metricOf(sweep)}, ${sweep.maxConcurrent} at a time; nothing was started`,
  ]
}
