// Commands that a run has to answer: without a worker they would wait for nothing.
import { InvalidInput } from '../contracts/parse'
import type { Connected } from './connection'
import { pollersOf } from './pollers'

/** @throws InvalidInput when no worker is up that could answer for a run */
export async function requireWorkers(connected: Connected, command: string): Promise<void> {
  if ((await pollersOf(connected.client.workflow)).length === 0)
    throw new InvalidInput(
      `${command}: no worker is up to answer for the run; start one with \`rlaif up\`, and try again`,
    )
}
