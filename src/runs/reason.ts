// The reason of a failure as a person should read it: the innermost one, not the chain of errors around it.
import { ApplicationFailure, TemporalFailure } from '@temporalio/common'
import { WorkflowFailedError } from '@temporalio/client'
import { systemFault } from './system-fault'

/** No Temporal server answers. */
export class NoServer extends Error {
  override name = 'NoServer'
}

/** The message of the original failure; of the operating system's errors, with the remedy. */
export function reasonOf(error: unknown): string {
  let current = error
  while (
    current instanceof WorkflowFailedError ||
    (current instanceof TemporalFailure && !(current instanceof ApplicationFailure))
  ) {
    if (!current.cause) break
    current = current.cause
  }
  return systemFault(current) ?? (current instanceof Error ? current.message : String(current))
}
