// `rlaif resolve`: what to do about a stage that failed for good; the same message that the UI sends.
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { InvalidInput, parse } from '../contracts/parse'
import { resolutionSchema } from '../contracts/resolution'
import type { Connected } from './connection'
import { reasonOf } from './failure'
import { existing } from './existing-run'

/** @returns what the run answered */
export async function resolveRun(
  connected: Connected,
  id: string,
  action: string,
  overrides: unknown,
): Promise<string> {
  const message = parse(resolutionSchema, { action, ...(overrides !== undefined && { overrides }) }, 'resolve')
  const handle = await existing(connected, id)
  try {
    return `${id}: ${await handle.executeUpdate<string, [unknown]>('resolveFailure', { args: [message] })}`
  } catch (error) {
    throw error instanceof WorkflowUpdateFailedError ? new InvalidInput(reasonOf(error.cause ?? error)) : error
  }
}
