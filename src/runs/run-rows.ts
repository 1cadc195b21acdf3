// Runs as rows of a list, from the server's list alone: no history is read and no worker asked, however many there are.
import { defineSearchAttributeKey } from '@temporalio/common'
import type { WorkflowExecutionInfo } from '@temporalio/client'
import type { RunListOutput, RunState } from '../contracts/command-output'
import { SEARCH_ATTRIBUTES } from '../contracts/search-attributes'
import type { Connected } from './connection'
import { secondsBetween, stateOf } from './run-view'
import { isMarkedParked, isUnknownMark, LATEST, PARKED, quoted, startedRuns, STATES } from './started-runs'

export interface RunFilter {
  state?: RunState | undefined
  workflow?: string | undefined
  method?: string | undefined
  task?: string | undefined
  /** What its ID begins with. */
  id?: string | undefined
  /** Whose run it is: that of the sweep, comparison or study which started it. */
  startedBy?: string | undefined
  /** Also runs that another run has started. */
  all?: boolean | undefined
}

export interface RunRow {
  id: string
  workflow: string
  state: RunState
  /** The stage that is running or parked. */
  stage?: string | undefined
  method?: string | undefined
  task?: string | undefined
  started: Date
  ended?: Date | undefined
  seconds: number
  startedBy?: string | undefined
  /** How many runs it has started, by state. */
  runs?: RunListOutput['runs'][number]['runs']
}

export interface RunRows {
  rows: RunRow[]
  /** How many more match. */
  more: number
}

const KEYS = {
  stage: defineSearchAttributeKey(SEARCH_ATTRIBUTES.stage, 'KEYWORD'),
  method: defineSearchAttributeKey(SEARCH_ATTRIBUTES.method, 'KEYWORD'),
  task: defineSearchAttributeKey(SEARCH_ATTRIBUTES.task, 'KEYWORD'),
}
const NONE: RunRows = { rows: [], more: 0 }

/** The latest runs that match, newest first. @param most how many */
export async function runRows({ client }: Connected, filter: RunFilter, most: number): Promise<RunRows> {
  const query = queryOf(filter)
  const found: WorkflowExecutionInfo[] = []
  try {
    for await (const run of client.workflow.list({ query, pageSize: most })) if (found.push(run) === most) break
    const count = found.length < most ? found.length : (await client.workflow.count(query)).count
    return { rows: await Promise.all(found.map((run) => rowOf({ client }, run))), more: count - found.length }
  } catch (error) {
    if (isUnknownMark(error)) return NONE // no run has been marked yet
    throw error
  }
}

async function rowOf(connected: Pick<Connected, 'client'>, run: WorkflowExecutionInfo): Promise<RunRow> {
  const { workflowId: id, type: workflow, typedSearchAttributes: marks, startTime, closeTime, parentExecution } = run
  return {
    id,
    workflow,
    state: stateOf(run.status.name, isMarkedParked(marks)),
    stage: marks.get(KEYS.stage),
    method: marks.get(KEYS.method),
    task: marks.get(KEYS.task),
    started: startTime,
    ended: closeTime,
    seconds: secondsBetween(startTime, closeTime),
    startedBy: parentExecution?.workflowId ?? undefined,
    runs: await startedRuns(connected, { id, workflow }),
  }
}

const STATUS_OF = Object.fromEntries(Object.entries(STATES).map(([status, state]) => [state, status]))

function queryOf({ state, workflow, method, task, id, startedBy, all }: RunFilter): string {
  return [
    state === 'parked' ? PARKED : LATEST,
    ...(state === undefined || state === 'parked' ? [] : [`ExecutionStatus = ${quoted(STATUS_OF[state]!)}`]),
    ...(all || state === 'parked' || startedBy !== undefined ? [] : ['ParentWorkflowId is null']),
    ...(startedBy === undefined ? [] : [`ParentWorkflowId = ${quoted(startedBy)}`]),
    ...(workflow === undefined ? [] : [`WorkflowType = ${quoted(workflow)}`]),
    ...(method === undefined ? [] : [`${SEARCH_ATTRIBUTES.method} = ${quoted(method)}`]),
    ...(task === undefined ? [] : [`${SEARCH_ATTRIBUTES.task} = ${quoted(task)}`]),
    ...(id === undefined ? [] : [`WorkflowId STARTS_WITH ${quoted(id)}`]),
  ].join(' AND ')
}
