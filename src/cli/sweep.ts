// `rlaif sweep`: the input of a sweep from a preset, and the list of its trials.
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

/** A line for each trial that would run. @throws InvalidInput like the sweep itself */
export function trialLines(input: unknown): string[] {
  const sweep = parse(sweepSchema, input, 'sweep') as SweepInput
  const trials = trialsOf(sweep)
  const lines = trials.map(({ trial, levels, seed }) => {
    const settings = Object.entries(levels).map(([field, level]) => `${field} ${level}`)
    return `  ${String(trial).padStart(4)}  ${[...settings, `seed ${seed}`].join(', ')}`
  })
  const total = `${trials.length} trials of ${sweep.workflow}, by ${metricOf(sweep)}, ${sweep.maxConcurrent} at a time`
  return [...lines, `${total}; nothing was started`]
}
