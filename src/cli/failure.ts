// The exit code that tells a failure to a script.
import { CancelledFailure } from '@temporalio/common'
import { WorkflowFailedError, isGrpcServiceError } from '@temporalio/client'
import { CommanderError } from 'commander'
import { exitCode, type ExitReason } from '../contracts/exit-codes'
import { InvalidInput } from '../contracts/parse'
import { NoServer } from '../runs/reason'
import { isPathFault } from '../runs/system-fault'

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
