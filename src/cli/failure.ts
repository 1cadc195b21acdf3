// The reason of a failure as a person should read it: the innermost one, not the chain of errors around it; and the
// exit code that tells it to a script.
import { ApplicationFailure, CancelledFailure, TemporalFailure } from '@temporalio/common'
import { WorkflowFailedError, isGrpcServiceError } from '@temporalio/client'
import { CommanderError } from 'commander'
import { exitCode, type ExitReason } from '../contracts/exit-codes'
import { InvalidInput } from '../contracts/parse'
import { isPathFault, systemFault } from './system-fault'

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

/** The exit code of a command that ended with an error. */
export const codeOf = (error: unknown): number =>
  error instanceof CommanderError && error.exitCode === 0 ? exitCode('done') : exitCode(exitReasonOf(error))

const GRPC_UNAVAILABLE = 14

function exitReasonOf(error: unknown): ExitReason {
  if (error instanceof CommanderError || error instanceof InvalidInput || isPathFault(error)) return 'wrongUse'
  if (error instanceof NoServer || isUnavailable(error)) return 'noServer'
  return error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure ? 'cancelled' : 'failed'
}

/** Whether the server has gone while the command was at work. */
const isUnavailable = (error: unknown): boolean =>
  error instanceof Error &&
  ((isGrpcServiceError(error) && (error.code as number) === GRPC_UNAVAILABLE) || isUnavailable(error.cause))
