// What a person is told when something fails: the innermost reason, not the chain that carried it.
import { ApplicationFailure, TemporalFailure } from '@temporalio/common'
import { WorkflowFailedError } from '@temporalio/client'

/** The message of the failure that started it all. */
export function reasonOf(error: unknown): string {
  let current = error
  while (
    current instanceof WorkflowFailedError ||
    (current instanceof TemporalFailure && !(current instanceof ApplicationFailure))
  ) {
    if (!current.cause) break
    current = current.cause
  }
  return current instanceof Error ? current.message : String(current)
}

/** Text that came from a model, a file or an endpoint, without what a terminal would obey. */

export const plainText = (text: string): string => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '�')
