// `rlaif status` without a run, as lines: the latest runs, and the reasons of those that are parked.
import type { RunListOutput } from '../contracts/command-output'
import { formatDuration } from '../number-format'
import type { ListFlags } from '../runs/run-list'
import { reasonLine } from './parked'
import { table } from './terminal'

/** A line for each run, below a head; the reason of what is parked below its run. */
export function listLines({ runs, more }: RunListOutput, flags: ListFlags): string[] {
  if (runs.length === 0) return [noneText(flags)]
  const hasParts = runs.some(({ runs }) => runs !== undefined)
  const rows = runs.map(({ id, workflow, state, started, ended, seconds, runs }) => [
    id,
    workflow,
    state === 'timedOut' ? 'timed out' : state,
    started.slice(0, 19).replace('T', ' '),
    ended === undefined ? '' : formatDuration(seconds),
    ...(hasParts ? [countText(runs)] : []),
  ])
  const [head, ...lines] = table([
    ['RUN', 'WORKFLOW', 'STATE', 'STARTED', 'TOOK', ...(hasParts ? ['RUNS IT STARTED'] : [])],
    ...rows,
  ])
  return [
    head!,
    ...lines.flatMap((line, i) => [line, ...(runs[i]!.parked ?? []).map(reasonLine)]),
    ...(more > 0 ? [`${more} more; --limit ${runs.length + more} shows all, --since 7d those of a week`] : []),
  ]
}

/** E.g. "12 completed, 2 parked". */
export const countText = (counts: RunListOutput['runs'][number]['runs']): string =>
  Object.entries(counts ?? {})
    .map(([state, count]) => `${count} ${state === 'timedOut' ? 'timed out' : state}`)
    .join(', ')

function noneText({ parked, type, since }: ListFlags): string {
  if (parked) return 'no run is parked'
  if (type === undefined && since === undefined) return 'no runs yet; start one with `rlaif run align`, or from the UI'
  const which = `${type === undefined ? '' : ` of ${type}`}${since === undefined ? '' : ` since ${since.toISOString()}`}`
  return `no run${which}; \`rlaif status --all\` lists the runs that others have started as well`
}
