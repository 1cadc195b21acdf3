// The runs that a run has started, such as trials and arms: how many there are in which state, and which are parked.
import type { WorkflowClient } from '@temporalio/client'
import { defineSearchAttributeKey, type TypedSearchAttributes } from '@temporalio/common'
import type { ParkedOutput, RunListOutput, RunState } from '../contracts/command-output'
import { SEARCH_ATTRIBUTES } from '../contracts/search-attributes'
import type { Connected } from './connection'
import { snapshot } from './snapshot'

type Counts = NonNullable<RunListOutput['runs'][number]['runs']>

const STATUS = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD')
const STAGE = defineSearchAttributeKey(SEARCH_ATTRIBUTES.stage, 'KEYWORD')
export const PARKED = `${SEARCH_ATTRIBUTES.status} = "parked" AND ExecutionStatus = "Running"`
/** A run that goes on in a new one is listed as that one alone. */
export const LATEST = 'ExecutionStatus != "ContinuedAsNew"'

/** Whether the server's list marks the run as parked. */
export const isMarkedParked = (attributes: TypedSearchAttributes): boolean => attributes.get(STATUS) === 'parked'

/** Whether a server refused a query as it has never had a worker, and knows no marks of runs. */
export const isUnknownMark = (error: unknown): boolean =>
  error instanceof Error &&
  (Object.values(SEARCH_ATTRIBUTES).some((name) => error.message.includes(name)) || isUnknownMark(error.cause))

/** How a run stands, by its status in the server's list. */
export const STATES: Record<string, RunState> = {
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
  { client }: Pick<Connected, 'client'>,
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

/** Of more open runs it is not asked which are parked while their own is watched. */
const MOST_WATCHED = 100

/** What a run waits for. */
export interface Waiting {
  /** The runs that are parked, itself or among those that it has started. */
  parked: string[]
  /** Whether it waits for nothing else: it goes on when they are resolved. */
  isStill: boolean
}

/** @param id of an open run */
export async function waitsFor(client: WorkflowClient, id: string): Promise<Waiting> {
  const { raw, typedSearchAttributes } = await client.getHandle(id).describe()
  if (isMarkedParked(typedSearchAttributes)) return { parked: [id], isStill: true }
  const open = raw.pendingChildren ?? []
  if (open.length === 0 || open.length > MOST_WATCHED) return { parked: [], isStill: false }
  const below = await Promise.all(open.map(({ workflowId }) => waitsFor(client, workflowId!)))
  const isIdle = !raw.pendingWorkflowTask && (raw.pendingActivities ?? []).length === 0
  return {
    parked: below.flatMap(({ parked }) => parked),
    isStill: isIdle && below.every(({ isStill }) => isStill),
  }
}

const MOST_PARKED = 50

/**
 * Those among the runs that a run has started, or that they have, which are parked, and why.
 * @param known some of them, which the server's list may not have yet
 */
export async function parkedRuns(
  { client }: Connected,
  id: string,
  known: readonly string[] = [],
): Promise<ParkedOutput[]> {
  const query = `(RootWorkflowId = ${quoted(id)} OR ParentWorkflowId = ${quoted(id)}) AND ${PARKED}`
  const marks = new Map<string, TypedSearchAttributes | undefined>(known.map((run) => [run, undefined]))
  for await (const { workflowId, typedSearchAttributes } of client.workflow.list({ query })) {
    marks.set(workflowId, typedSearchAttributes)
    if (marks.size > MOST_PARKED) break
  }
  marks.delete(id)
  return Promise.all([...marks].slice(0, MOST_PARKED).map(([run, mark]) => parkedReason(client, run, mark)))
}

/** Which stage of a parked run has failed, and why, if a worker answers. */
export async function parkedReason(
  client: Connected['client'],
  run: string,
  attributes?: TypedSearchAttributes,
): Promise<ParkedOutput> {
  const { stages } = await snapshot(client.workflow.getHandle(run))
  const parked = stages.find(({ state }) => state === 'parked')
  return {
    run,
    stage: parked?.stage ?? attributes?.get(STAGE) ?? '',
    ...(parked?.message !== undefined && { reason: parked.message }),
  }
}
