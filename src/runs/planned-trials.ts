// The trials of a sweep before it is started.
import type { TrialsOutput } from '../contracts/command-output'
import { parse } from '../contracts/parse'
import { metricOf, sweepSchema, type SweepInput } from '../contracts/sweep'
import { trialsOf } from '../contracts/sweep-trials'

/** The trials that would run. @throws InvalidInput like the sweep itself */
export function plannedTrials(input: unknown): TrialsOutput {
  const sweep = parse(sweepSchema, input, 'sweep') as SweepInput
  const trials = trialsOf(sweep).map(({ trial, levels, seed }) => ({ trial, settings: levels, seed }))
  return { workflow: sweep.workflow, metric: metricOf(sweep), maxConcurrent: sweep.maxConcurrent, trials }
}
