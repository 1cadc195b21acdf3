// Why a stage stops asking an endpoint, in addition to single questions that fail.
import { counted } from '../number-format'

/** The endpoint cannot be used as configured, or its budget is spent: asking again would not help. */
export class EndpointRefused extends Error {
  override name = 'EndpointRefused'
}

/** The endpoint is down. Answers so far are kept, and the stage may be tried again later. */
export class EndpointDown extends Error {
  override name = 'EndpointDown'
}

/**
 * The error of a stage whose questions got no answer. Where an outage is among the reasons, another attempt may get one;
 * refused for what they are, or answered by something else, the same questions would only cost again.
 */
export const unansweredError = (message: string, isOutage: boolean): Error =>
  isOutage ? new Error(message) : new EndpointRefused(message)

/** How a reason ends that all tries of a question were used up. */
export const afterTries = (tries: number): string => `after ${counted(tries, 'try', 'tries')}`

/** Whether a reason is that all tries of a question were used up: it may be answered later. */
export const saysOutage = (reason: string): boolean => /after (?:1 try|\d+ tries)\b/.test(reason)
