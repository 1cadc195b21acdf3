// The run that a command names.
import type { WorkflowHandle } from '@temporalio/client'
import { WorkflowNotFoundError } from '@temporalio/common'
import { InvalidInput } from '../contracts/parse'
import type { Connected } from './connection'

/** @throws when there is no run with this id */
export async function existingRun({ client }: Connected, id: string): Promise<WorkflowHandle> {
  const handle = client.workflow.getHandle(id)
  try {
    await handle.describe()
    return handle
  } catch (error) {
    if (error instanceof WorkflowNotFoundError)
      throw new InvalidInput(`there is no run "${id}"; \`rlaif status\` lists the runs`, { cause: error })
    throw error
  }
}
