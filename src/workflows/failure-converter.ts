// Where payloads are encrypted, so are messages and stack traces of failures. The SDK loads this module by its path.
import { DefaultFailureConverter } from '@temporalio/common'

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true })
