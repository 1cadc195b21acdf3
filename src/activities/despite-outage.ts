// Asking a labeler while a policy trains: an endpoint that is down delays the step and does not fail it.
import { EndpointDown } from '../feedback/endpoint-errors'
import type { StageHost } from './stage'

/**
 * Pauses before asking again, half an hour in all; then the attempt fails, and the next one starts from the checkpoint.
 */
const PAUSES_SECONDS = [5, 10, 20, 40, 75, ...Array.from({ length: 11 }, () => 150)]

/** What was answered before is not asked again. @param name of who is asked */
export async function askedDespiteOutage<T>(ask: () => Promise<T>, name: string, host: StageHost): Promise<T> {
  for (const [i, seconds] of PAUSES_SECONDS.entries()) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof EndpointDown)) throw error
      for (let waited = 0; waited < seconds; waited += 5) {
        host.report({ phase: `waiting for ${name}`, done: i, total: PAUSES_SECONDS.length, unit: 'pauses' })
        await new Promise((resolve) => setTimeout(resolve, 5000))
      }
    }
  }
  return ask()
}
