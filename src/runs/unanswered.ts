// Why a run in progress does not say what it is doing: nobody works on it, its worker cannot go on with it, or it is
// of a kind that has no stages.
import { QueryNotRegisteredError, type WorkflowHandle } from '@temporalio/client'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { pollersOf } from './pollers'
import { messageOf } from './payloads'

type Described = Awaited<ReturnType<WorkflowHandle['describe']>>

/** Number of attempts of a workflow task after which it counts as failing. */
const FAILING = 2
/** Whether the workers that took a run have failed again and again to go on with it. */
export const isFailing = ({ raw }: Pick<Described, 'raw'>): boolean =>
  (raw.pendingWorkflowTask?.attempt ?? 0) >= FAILING
const LAST_EVENTS = 20

/** @param fault why the query was not answered @returns a sentence, and what to do */
export async function whyUnanswered(
  handle: WorkflowHandle,
  described: Described,
  fault: Error,
): Promise<string | undefined> {
  const { type, taskQueue } = described
  if (fault instanceof QueryNotRegisteredError) return undefined // it has no stages: a message to people
  if (!Object.hasOwn(workflowSchemas, type))
    return (
      `there is no workflow "${type}"; there are ${Object.keys(workflowSchemas).join(', ')}. ` +
      'Terminate this run in the UI and start another'
    )
  const workers = await pollersOf(handle.client, taskQueue)
  if (workers.length === 0)
    return (
      `no worker answers for this run: none asks for the work of the task queue "${taskQueue}"; ` +
      'start one with `rlaif up` or `rlaif worker`'
    )
  const reason = isFailing(described) ? await taskFailure(handle) : undefined
  if (reason !== undefined) return `its worker cannot go on with this run and tries again and again: ${reason}`
  return `a worker is up, but this run does not say how it stands: ${fault.message}`
}

/** Why the last workflow task failed. */
async function taskFailure(handle: WorkflowHandle): Promise<string | undefined> {
  const { history } = await handle.client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: handle.client.options.namespace,
    execution: { workflowId: handle.workflowId },
    maximumPageSize: LAST_EVENTS,
  })
  const failed = history?.events?.find((event) => event.workflowTaskFailedEventAttributes)
  const failure = failed?.workflowTaskFailedEventAttributes?.failure
  if (!failure) return undefined
  try {
    return await messageOf(handle.client, failure)
  } catch (error) {
    return `its reason cannot be read here: ${(error as Error).message}` // encrypted with a key of the worker
  }
}
