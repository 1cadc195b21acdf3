// `rlaif resolve`: retries, skips or aborts a parked stage, by the same update that the UI sends.
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { InvalidInput, parse } from '../contracts/parse'
import { resolutionSchema } from '../contracts/resolution'
import type { Connected } from './connection'
import { openRun } from './existing-run'
import { reasonOf } from './reason'
import { parkedRuns } from './started-runs'
import { requireWorkers } from './workers-up'

const MOST_NAMED = 5

/** @returns the run's answer */
export async function resolveRun(
  connected: Connected,
  id: string,
  action: string,
  overrides: unknown,
): Promise<string> {
  const message = parse(resolutionSchema, { action, ...(overrides !== undefined && { overrides }) }, 'resolve')
  const handle = await openRun(
    connected,
    id,
    'resolve',
    'start a run with the same input again: it takes what is finished from the store',
  )
  await requireWorkers(connected, 'resolve')
  try {
    return await handle.executeUpdate<string, [unknown]>('resolveFailure', { args: [message] })
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error
    const reason = reasonOf(error.cause ?? error)
    throw new InvalidInput(reason + (/nothing to resolve/.test(reason) ? await parkedElsewhere(connected, id) : ''))
  }
}

/** The parked runs that a run has started: those are to be resolved, not their sweep or comparison. */
async function parkedElsewhere(connected: Connected, id: string): Promise<string> {
  const parked = (await parkedRuns(connected, id)).map(({ run, stage }) => `${run} (${stage})`)
  if (parked.length === 0) return ''
  const more = parked.length > MOST_NAMED ? ' and more' : ''
  return `. Parked are the runs that it started: ${parked.slice(0, MOST_NAMED).join(', ')}${more}; resolve those`
}
