// The runs that a run has started, such as trials and arms: how many there are in which state, and which are parked.
import { defineSearchAttributeKey, type TypedSearchAttributes } from '@temporalio/common'
import type { ParkedOutput, RunListOutput, RunState } from '../contracts/command-output'
import { SEARCH_ATTRIBUTES } from '../contracts/search-attributes'
import type { Connected } from './connection'
import { snapshot } from './progress'

type Counts = NonNullable<RunListOutput['runs'][number]['runs']>

const STATUS = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD')
const STAGE = defineSearchAttributeKey(SEARCH_ATTRIBUTES.stage, 'KEYWORD')
export const PARKED = `${SEARCH_ATTRIBUTES.status} = "parked" AND ExecutionStatus = "Running"`
/** A run that goes on in a new one is listed as that one alone. */
export const LATEST = 'ExecutionStatus != "ContinuedAsNew"'

/** Whether the server's list marks the run as parked. */
export const isMarkedParked = (attributes: TypedSearchAttributes): boolean => attributes.get(STATUS) === 'parked'

/** Whether a server refused a query as it has never had a worker, and knows no mark of parked runs. */
export const isUnknownMark = (error: unknown): boolean =>
  error instanceof Error && (error.message.includes(SEARCH_ATTRIBUTES.status) || isUnknownMark(error.cause))

const STATES: Record<string, RunState> = {
  Running: 'running',
  Completed: 'completed',
  Failed: 'failed',
  Canceled: 'cancelled',
  Terminated: 'terminated',
  TimedOut: 'timedOut',
}

/** A value in a query of the server's list. */
export const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

/** Workflows that start runs of others. */
const STARTING = new Set(['sweep', 'compare', 'rounds', 'miniature'])

/** How many runs a run has started, by state; undefined where it has started none. */
export async function startedRuns(
  { client }: Connected,
  { id, workflow }: { id: string; workflow: string },
): Promise<Counts | undefined> {
  if (!STARTING.has(workflow)) return undefined
  const startedBy = `ParentWorkflowId = ${quoted(id)} AND ${LATEST}`
  const { groups } = await client.workflow.count(`${startedBy} GROUP BY ExecutionStatus`)
  const counts: Counts = {}
  for (const { count, groupValues } of groups) {
    const state = STATES[String(groupValues.flat()[0])]
    if (state) counts[state] = count
  }
  if (Object.keys(counts).length === 0) return undefined
  const parked = counts.running === undefined ? 0 : await countParked(client, `${startedBy} AND ${PARKED}`)
  if (parked === 0) return counts
  const { running = 0, ...ended } = counts
  return { ...(running > parked && { running: running - parked }), parked, ...ended }
}

async function countParked(client: Connected['client'], query: string): Promise<number> {
  try {
    return (await client.workflow.count(query)).count
  } catch (error) {
    if (isUnknownMark(error)) return 0
    throw error
  }
}

const MOST_PARKED = 50

/** Those among the runs that a run has started, or that they have, which are parked, and why. */
export async function parkedRuns({ client }: Connected, id: string): Promise<ParkedOutput[]> {
  const query = `(RootWorkflowId = ${quoted(id)} OR ParentWorkflowId = ${quoted(id)}) AND ${PARKED}`
  const found: Promise<ParkedOutput>[] = []
  for await (const { workflowId, typedSearchAttributes } of client.workflow.list({ query })) {
    if (workflowId === id) continue
    found.push(parkedReason(client, workflowId, typedSearchAttributes))
    if (found.length === MOST_PARKED) break
  }
  return Promise.all(found)
}

/** Which stage of a parked run has failed, and why, if a worker answers. */
export async function parkedReason(
  client: Connected['client'],
  run: string,
  attributes: TypedSearchAttributes,
): Promise<ParkedOutput> {
  const { stages } = await snapshot(client.workflow.getHandle(run))
  const parked = stages.find(({ state }) => state === 'parked')
  return {
    run,
    stage: parked?.stage ?? attributes.get(STAGE) ?? '',
    ...(parked?.message !== undefined && { reason: parked.message }),
  }
}
