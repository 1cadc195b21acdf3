// Where payloads are encrypted, so are messages and stack traces of failures. The SDK loads this module by its path.
import { WellFormedFailureConverter } from './failure-converter'

export const failureConverter = new WellFormedFailureConverter({ encodeCommonAttributes: true })
