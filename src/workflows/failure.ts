// The cause of a failure, without what Temporal wraps around it, and the money that was spent before it.
import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow'
import { HANDED_BACK, runSpending, stageSpending, type RunSpending, type StageSpending } from '../contracts/stages'

/**
 * A failure that ends the run: another attempt cannot help. It has no stack, which the UI would show with the message:
 * that tells nothing to a person and names the worker's files.
 */
export function finalFailure(message: string, type?: string): ApplicationFailure {
  const failure = ApplicationFailure.nonRetryable(message, type)
  failure.stack = ''
  return failure
}

/** The original failure, without what Temporal wraps around it. */
export function rootCause(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  return error.cause && !(error instanceof ApplicationFailure) ? rootCause(error.cause) : error
}

/** The message of the original failure. */
export const rootMessage = (error: unknown): string => rootCause(error).message

/** The details of a failure and of its causes. */
function detailsOf(error: unknown): unknown[] {
  if (!(error instanceof Error)) return []
  return [...(error instanceof ApplicationFailure ? (error.details ?? []) : []), ...detailsOf(error.cause)]
}

/** What a run had paid for a stage when the stage failed. */
export const stageSpent = (error: unknown): StageSpending['spent'] | undefined =>
  detailsOf(error).flatMap((detail) => stageSpending.safeParse(detail).data?.spent ?? [])[0]

/** What a run had paid when it failed. */
export const runSpent = (error: unknown): number =>
  detailsOf(error).flatMap((detail) => runSpending.safeParse(detail).data?.runSpent ?? [])[0] ?? 0

/** The failure of a run that has paid something: says so to the workflow that started the run. */
export function withSpending(error: unknown, spent: number): unknown {
  if (spent === 0) return error
  const failure = ApplicationFailure.create({
    message: rootMessage(error),
    type: 'StageFailed',
    nonRetryable: true,
    details: [{ runSpent: spent } satisfies RunSpending],
    cause: error as Error,
  })
  failure.stack = ''
  return failure
}

/** Whether the worker was shut down gracefully, which is not the stage's fault. */
export function wasHandedBack(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : error
  return cause instanceof ApplicationFailure && cause.type === HANDED_BACK
}
