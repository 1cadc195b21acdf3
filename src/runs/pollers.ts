// The workers that ask the server for the work of a task queue.
import type { WorkflowClient } from '@temporalio/client'
import { defaultQueues } from '../contracts/queues'

/** WORKFLOW in Temporal's API. */
const OF_WORKFLOWS = 1
/** A worker asks at least once a minute; the server lists it for some more after it has gone. */
const ASKS_WITHIN_MS = 75_000

/** The names of the workers that wait for workflow tasks of a queue, e.g. `workflow-4711@host rlaif 0.1.0`. */
export async function pollersOf(
  { workflowService, options: { namespace } }: Pick<WorkflowClient, 'workflowService' | 'options'>,
  queue: string = defaultQueues.light,
): Promise<string[]> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType: OF_WORKFLOWS,
  })
  const isThere = (asked: unknown) => Date.now() - 1000 * Number(asked ?? 0) < ASKS_WITHIN_MS
  return (pollers ?? [])
    .filter(({ lastAccessTime }) => isThere(lastAccessTime?.seconds))
    .map(({ identity }) => identity ?? '')
}
