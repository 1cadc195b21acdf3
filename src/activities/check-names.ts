// Activity `checkNames`: the first of a run that a person started. What its input names and is not there ends it at
// once, rather than hours later in the stage that looks it up.
import { ApplicationFailure, Context } from '@temporalio/activity'
import type { ArtifactStore } from '../artifacts/store'
import type { GivenName } from '../contracts/given-names'
import { InvalidInput } from '../contracts/parse'
import { faultOfNotify } from './notify'
import { faultOfTrack } from './tracker-of'
import type { Notify } from '../contracts/run-settings'
import type { Track } from '../contracts/track'
import { faultOfName } from '../world/name-faults'

const MOST_LINES = 20
const HEARTBEAT_MS = 3_000

/**
 * @param notify of the run, if it sends messages
 * @param track of the run, if a tracker is told of it
 * @returns what a person should know who starts it
 * @throws a non-retryable failure of type InvalidInput that lists every name that cannot be used
 */
export async function checkNames(
  store: ArtifactStore,
  names: readonly GivenName[],
  notify?: Notify | null | undefined,
  track?: Track,
): Promise<string[]> {
  const alive = setInterval(() => Context.current().heartbeat(), HEARTBEAT_MS)
  try {
    const faults: string[] = []
    for (const name of names) {
      const fault = await (name.kind === 'artifact' ? faultOfArtifact(store, name) : faultOfName(name, 'the worker'))
      if (fault !== undefined) faults.push(fault)
    }
    if (faults.length > 0) throw ApplicationFailure.nonRetryable(listed(faults), 'InvalidInput')
    const warnings = [notify && faultOfNotify(notify), track && faultOfTrack(track)]
    return warnings.filter((warning) => typeof warning === 'string')
  } finally {
    clearInterval(alive)
  }
}

async function faultOfArtifact(store: ArtifactStore, { name, field }: GivenName): Promise<string | undefined> {
  try {
    await store.describe(name)
    return undefined
  } catch (error) {
    return error instanceof InvalidInput ? `field "${field}": ${error.message}` : undefined
  }
}

function listed(faults: readonly string[]): string {
  const lines = faults.slice(0, MOST_LINES)
  const more = faults.length > MOST_LINES ? ['  - and more'] : []
  return lines.length === 1
    ? lines[0]!
    : ['the input names what is not there:', ...lines.map((one) => `  - ${one}`), ...more].join('\n')
}
