// The run that a command names.
import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client'
import { WorkflowNotFoundError } from '@temporalio/common'
import { InvalidInput } from '../contracts/parse'
import type { WorkflowName } from '../contracts/workflow-inputs'
import type { Connected } from './connection'

interface ExistingRun {
  handle: WorkflowHandle
  now: WorkflowExecutionDescription
}

/** @throws when there is no run with this id */
export const existingRun = async (connected: Connected, id: string): Promise<WorkflowHandle> =>
  (await describedRun(connected, id)).handle

async function describedRun({ client }: Connected, id: string): Promise<ExistingRun> {
  const handle = client.workflow.getHandle(id)
  try {
    return { handle, now: await handle.describe() }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError)
      throw new InvalidInput(`there is no run "${id}"; \`rlaif status\` lists the runs`, { cause: error })
    throw error
  }
}

/**
 * A run of the workflow that a command is about.
 * @param command named in the message
 * @throws InvalidInput when it is a run of another workflow
 */
export async function runOf(
  connected: Connected,
  id: string,
  workflow: WorkflowName,
  command: string,
): Promise<ExistingRun> {
  const found = await describedRun(connected, id)
  if (found.now.type !== workflow)
    throw new InvalidInput(
      `${command}: "${id}" is a run of ${found.now.type}; this command is for runs of ${workflow}. ` +
        '`rlaif status` lists the runs with their workflows',
    )
  return found
}

/**
 * A run that has not ended.
 * @param remedy what to do once it has
 * @throws InvalidInput when it has ended
 */
export async function openRun(
  connected: Connected,
  id: string,
  command: string,
  remedy: string,
): Promise<WorkflowHandle> {
  const { handle, now } = await describedRun(connected, id)
  refuseEnded(now, command, remedy)
  return handle
}

/** @throws InvalidInput when the run has ended */
export function refuseEnded(now: WorkflowExecutionDescription, command: string, remedy: string): void {
  if (now.status.name === 'RUNNING') return
  const state = now.status.name.toLowerCase().replaceAll('_', ' ')
  throw new InvalidInput(`${command}: "${now.workflowId}" has ended (${state}); ${remedy}`)
}
