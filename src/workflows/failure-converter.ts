// With encrypted payloads, messages and stack traces of failures are encrypted too. The SDK takes this module by its path.
import { DefaultFailureConverter } from '@temporalio/common'

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true })
