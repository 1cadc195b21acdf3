// Input of a workflow: checked once, at the start. A bad one fails the run; a raw error would leave it stuck for ever.
import { ApplicationFailure } from '@temporalio/workflow'
import type { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'

/** @throws a non-retryable failure that lists every bad field */
export function parseInput<T extends z.ZodType>(schema: T, input: unknown, workflow: string): z.output<T> {
  return refusingBadInput(() => parse(schema, input, workflow))
}

/** @throws a non-retryable failure in the place of InvalidInput */
export function refusingBadInput<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    const refusal = ApplicationFailure.nonRetryable(error.message, error.name)
    refusal.stack = '' // the UI shows it beside the message; it says nothing to whoever sent the input
    throw refusal
  }
}
