// The input of a workflow is checked once, at the start. A bad one fails the run with an ApplicationFailure; any other
// error would be retried forever.
import { workflowInfo } from '@temporalio/workflow'
import type { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'
import { isWellFormed } from '../well-formed'
import { finalFailure } from './failure'

/** @throws a non-retryable failure that lists every bad field */
export function parseInput<T extends z.ZodType>(schema: T, input: unknown, workflow: string): z.output<T> {
  return refusingBadInput(() => {
    const settings = parse(schema, input, workflow)
    if (holdsHalfCharacter(input))
      throw new InvalidInput(
        `${workflow}: a text or the name of a field contains half of a character, a lone surrogate (U+D800 to U+DFFF); ` +
          'remove it',
      )
    return settings
  })
}

/**
 * Whether a checked input has a text that no message can carry, though JSON can: names in it become names of queues and
 * runs. What a run hands to its own continuation is not looked at: there, texts may have been cut.
 */
function holdsHalfCharacter(value: unknown): boolean {
  if (typeof value === 'string') return !isWellFormed(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([name, inner]) => name !== 'carried' && (!isWellFormed(name) || holdsHalfCharacter(inner)),
  )
}

/** @throws a non-retryable failure instead of InvalidInput */
export function refusingBadInput<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    throw finalFailure(error.message, error.name)
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
    throw finalFailure(
      'field "carried" is what a run hands to its own continuation; it cannot be given: remove it',
      'InvalidInput',
    )
  return carried
}
