// Why a stage stops asking an endpoint, in addition to single questions that fail.

/** The endpoint cannot be used as configured, or its budget is spent: asking again would not help. */
export class EndpointRefused extends Error {
  override name = 'EndpointRefused'
}

/** The endpoint is down. Answers so far are kept, and the stage may be tried again later. */
export class EndpointDown extends Error {
  override name = 'EndpointDown'
}

/** Whether a reason is that all tries of a question were used up: it may be answered later. */
export const saysOutage = (reason: string): boolean => /after \d+ tries\b/.test(reason)
