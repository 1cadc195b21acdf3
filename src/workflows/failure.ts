// The cause of a failure, without what Temporal wraps around it.
import { ApplicationFailure } from '@temporalio/workflow'

/** The message of the original failure. */
export function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause && !(error instanceof ApplicationFailure) ? rootMessage(error.cause) : error.message
}
