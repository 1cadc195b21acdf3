// What a person is told when something fails: the innermost reason, not the chain that carried it.
import { ApplicationFailure, TemporalFailure } from '@temporalio/common'
import { WorkflowFailedError } from '@temporalio/client'

/** The message of the failure that started it all. */
export function reasonOf(error: unknown): string {
  let current = error
  while (current instanceof WorkflowFailedError || (current instanceof TemporalFailure && !(current instanceof ApplicationFailure))) {
    if (!current.cause) break
    current = current.cause
  }
  return current instanceof Error ? current.message : String(current)
}
