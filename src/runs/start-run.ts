// Starting a workflow.
import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client'
import type { WorkflowName } from '../contracts/workflow-inputs'
import { defaultQueues } from '../contracts/queues'
import type { Connected } from './connection'
import { checkInput } from './check-input'
import { joinRun } from './join-run'

export interface StartOptions {
  id: string
  input: unknown
  /** Priority of the run's stages among those that wait for a worker: 1 (first) to 5 (last); default: 3. */
  priority?: number
}

const stamp = () => new Date().toISOString().replace(/\D/g, '').slice(0, 14)
export const newId = (workflow: WorkflowName): string => `${workflow}-${stamp()}`

/** A run, and whether it was in progress already. */
export type StartedRun = WorkflowHandle & { joined: boolean }

/**
 * Starts a run, or joins the one in progress with the same ID.
 * @throws InvalidInput when that one has another input
 */
export async function startRun(
  { client }: Pick<Connected, 'client'>,
  workflow: WorkflowName,
  { id, input, priority }: StartOptions,
): Promise<StartedRun> {
  const summary = checkInput(workflow, input)
  for (;;) {
    try {
      const handle = await client.workflow.start(workflow, {
        taskQueue: defaultQueues.light,
        workflowId: id,
        workflowIdConflictPolicy: 'FAIL',
        args: input === undefined ? [] : [input],
        staticSummary: summary,
        ...(priority !== undefined && { priority: { priorityKey: priority } }),
      })
      return Object.assign(handle, { joined: false })
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
      const running = await joinRun(client, workflow, { id, input })
      if (running) return Object.assign(running, { joined: true })
    }
  }
}
