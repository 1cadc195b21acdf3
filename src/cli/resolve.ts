// `rlaif resolve`: retries, skips or aborts a parked stage, by the same update that the UI sends.
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { InvalidInput, parse } from '../contracts/parse'
import { resolutionSchema } from '../contracts/resolution'
import type { Connected } from './connection'
import { existingRun } from './existing-run'
import { reasonOf } from './failure'

/** @returns the run's answer */
export async function resolveRun(
  connected: Connected,
  id: string,
  action: string,
  overrides: unknown,
): Promise<string> {
  const message = parse(resolutionSchema, { action, ...(overrides !== undefined && { overrides }) }, 'resolve')
  const handle = await existingRun(connected, id)
  try {
    return `${id}: ${await handle.executeUpdate<string, [unknown]>('resolveFailure', { args: [message] })}`
  } catch (error) {
    throw error instanceof WorkflowUpdateFailedError ? new InvalidInput(reasonOf(error.cause ?? error)) : error
  }
}
