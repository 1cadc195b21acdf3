// What went wrong, below what Temporal wraps around it.
import { ApplicationFailure } from '@temporalio/workflow'

/** The message of the failure that started it all. */
export function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause && !(error instanceof ApplicationFailure) ? rootMessage(error.cause) : error.message
}
