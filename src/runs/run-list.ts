// The latest runs, as the server's list has them. Runs that another has started are counted there.
import type { WorkflowExecutionInfo } from '@temporalio/client'
import type { RunListOutput } from '../contracts/command-output'
import { InvalidInput } from '../contracts/parse'
import type { Connected } from './connection'
import { secondsBetween, stateOf } from './run-view'
import { isMarkedParked, isUnknownMark, LATEST, PARKED, parkedReason, quoted, startedRuns } from './started-runs'

export interface ListFlags {
  /** Only parked runs, also those that another run has started. */
  parked?: boolean
  type?: string
  since?: Date
  /** Also runs that another run has started. */
  all?: boolean
  limit: number
}

/** The latest runs that match, newest first. */
export async function latestRuns(connected: Connected, flags: ListFlags): Promise<RunListOutput> {
  const query = queryOf(flags)
  const { limit } = flags
  const { client } = connected
  const found: WorkflowExecutionInfo[] = []
  try {
    for await (const run of client.workflow.list({ query, pageSize: limit })) if (found.push(run) === limit) break
  } catch (error) {
    if (flags.parked && isUnknownMark(error)) return { runs: [], more: 0 }
    throw error
  }
  const runs = await Promise.all(found.map((run) => listed(connected, run)))
  const { count } = runs.length < limit ? { count: runs.length } : await client.workflow.count(query)
  return { runs, more: count - runs.length }
}

async function listed(connected: Connected, run: WorkflowExecutionInfo): Promise<RunListOutput['runs'][number]> {
  const { workflowId: id, type, status, startTime, closeTime, typedSearchAttributes, parentExecution } = run
  const state = stateOf(status.name, isMarkedParked(typedSearchAttributes))
  const runs = await startedRuns(connected, { id, workflow: type })
  return {
    id,
    workflow: type,
    state,
    started: startTime.toISOString(),
    ...(closeTime && { ended: closeTime.toISOString() }),
    seconds: secondsBetween(startTime, closeTime),
    ...(parentExecution && { startedBy: parentExecution.workflowId! }),
    ...(runs && { runs }),
    ...(state === 'parked' && { parked: [await parkedReason(connected.client, id, typedSearchAttributes)] }),
  }
}

function queryOf({ parked, type, since, all }: ListFlags): string {
  return [
    parked ? PARKED : LATEST,
    ...(parked || all ? [] : ['ParentWorkflowId is null']),
    ...(type === undefined ? [] : [`WorkflowType = ${quoted(type)}`]),
    ...(since === undefined ? [] : [`StartTime >= ${quoted(since.toISOString())}`]),
  ].join(' AND ')
}

const MILLISECONDS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** @param given a time span that ends now, such as 12h, or a date or time */
export function sinceTime(given: string): Date {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([mhdw])$/.exec(given) ?? []
  const time = new Date(unit === undefined ? given : Date.now() - Number(amount) * MILLISECONDS[unit]!)
  const isDate = unit !== undefined || /^\d{4}-\d{2}/.test(given)
  if (isDate && !Number.isNaN(time.getTime())) return time
  throw new InvalidInput(
    `--since got "${given}"; it must be a time span, e.g. 30m, 12h, 7d or 2w, or a date or time, e.g. 2026-11-20`,
  )
}
