// The input of a workflow is checked once, at the start. A bad one fails the run with an ApplicationFailure; any other
// error would be retried forever.
import { ApplicationFailure } from '@temporalio/workflow'
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
