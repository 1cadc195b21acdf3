// Failures as workers send them: their texts quote what runs were given, and what a child process or an endpoint said.
// The SDK loads this module by its path.
import { DefaultFailureConverter, type PayloadConverter, type SerializationContext } from '@temporalio/common'
import { wellFormed } from '../well-formed'

export class WellFormedFailureConverter extends DefaultFailureConverter {
  override errorToFailureInner(error: unknown, converter: PayloadConverter, context?: SerializationContext) {
    const failure = super.errorToFailureInner(error, converter, context)
    if (failure.message) failure.message = wellFormed(failure.message)
    if (failure.stackTrace) failure.stackTrace = wellFormed(failure.stackTrace)
    return failure
  }
}

export const failureConverter = new WellFormedFailureConverter()
