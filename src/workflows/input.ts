// The input of a workflow is checked once, at the start. A bad one fails the run with an ApplicationFailure; any other
// error would be retried forever.
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow'
import type { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'

/** @throws a non-retryable failure that lists every bad field */
export function parseInput<T extends z.ZodType>(schema: T, input: unknown, workflow: string): z.output<T> {
  return refusingBadInput(() => parse(schema, input, workflow))
}

/** @throws a non-retryable failure instead of InvalidInput */
export function refusingBadInput<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    const refusal = ApplicationFailure.nonRetryable(error.message, error.name)
    refusal.stack = '' // the UI shows it with the message; it tells nothing to whoever sent the input
    throw refusal
  }
}

/**
 * What a run hands to its own continuation, in the field `carried` of its input. It is not checked again, so nobody else
 * may bring it: neither the first run of a workflow nor one that Temporal's cron started after a failed one.
 * @throws a non-retryable failure
 */
export function carriedByItself<T>({ carried }: { carried?: T | undefined }): T | undefined {
  const { continuedFromExecutionRunId, cronSchedule } = workflowInfo()
  if (carried !== undefined && (continuedFromExecutionRunId === undefined || cronSchedule))
    throw ApplicationFailure.nonRetryable(
      'field "carried" is what a run hands to its own continuation; it cannot be given: remove it',
      'InvalidInput',
    )
  return carried
}
