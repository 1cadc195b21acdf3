// A stage that failed for good waits here for a person, who sends `resolveFailure` (design decision 7).
import {
  condition,
  defineSignal,
  defineUpdate,
  getExternalWorkflowHandle,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { Queues } from '../contracts/queues'
import { checkResolution, type Resolution } from '../contracts/resolution'
import type { Notify } from '../contracts/run-settings'
import type { StageInput, StageName } from '../contracts/stages'
import { TRIAL_PARKED, sweepMemoSchema } from '../contracts/sweep'
import { refusingBadInput } from './input'
import { notifyPeople } from './notification'
import { setSearchAttributes } from './search-attributes'
import type { StageBoard } from './stage-board'

export const resolveFailure = defineUpdate<string, [unknown]>('resolveFailure')
export const resolveFailureSignal = defineSignal<[unknown]>('resolveFailure')

/** A run that nobody resolves fails after this. */
const PARKED_AT_MOST = '30 days'
const UPDATE_DESCRIPTION =
  'Go on from a parked stage: {"action": "retry" | "skip" | "abort", "overrides": {…}}. Overrides are laid over the stage\'s input, e.g. ' +
  '{"action": "retry", "overrides": {"labeler": {"baseUrl": "http://127.0.0.1:8000/v1"}}}.'
const SIGNAL_DESCRIPTION =
  'The same as the update, for when no worker is up to answer; a message that does not fit is logged and ignored.'

export interface FailedStage {
  stage: StageName
  input: StageInput<StageName>
  canSkip: boolean
  /** What the run calls it. */
  shownAs: string
  message: string
}

export interface Parking {
  /** Waits for a person. @returns what they decided; "abort" after 30 days without an answer */
  park(failed: FailedStage): Promise<Resolution>
}

/** Takes `resolveFailure` as update and as signal from now on. */
export function openParking(
  board: StageBoard,
  { queues, notify }: { queues: Queues; notify?: Notify | undefined },
): Parking {
  let parked: (FailedStage & { resolution?: Resolution }) | undefined

  const resolve = (given: unknown): string => {
    const resolution = checkResolution(given, parked)
    parked!.resolution = resolution
    return `${parked!.stage}: ${resolution.action}`
  }
  setHandler(resolveFailure, resolve, {
    description: UPDATE_DESCRIPTION,
    validator: (given) => void refusingBadInput(() => checkResolution(given, parked)),
  })
  const heedSignal = (given: unknown) => {
    try {
      resolve(given)
    } catch (error) {
      log.warn('signal resolveFailure ignored', { reason: (error as Error).message })
    }
  }
  setHandler(resolveFailureSignal, heedSignal, { description: SIGNAL_DESCRIPTION })

  return {
    async park(failed) {
      const own: typeof parked = (parked = { ...failed })
      const { shownAs, message } = failed
      board.setParked(own)
      board.set(shownAs, { state: 'parked', message })
      setSearchAttributes({ status: 'parked' })
      await tellSweep(`${shownAs}: ${message}`)
      if (notify) await notifyPeople(notify, queues, parkedMessage(failed))
      const resolved = await condition(() => own.resolution !== undefined, PARKED_AT_MOST, {
        summary: `${shownAs} is parked: waits for resolveFailure`,
      })
      parked = undefined
      board.setParked(undefined)
      await tellSweep(null)
      return resolved ? own.resolution! : { action: 'abort' }
    },
  }
}

const parkedMessage = ({ shownAs, message }: FailedStage) =>
  `${workflowInfo().workflowId} is parked and needs you: ${shownAs}: ${message}`.slice(0, 2500)

/** A trial tells its sweep that it is parked, or that it goes on; a sweep that has ended is no matter. */
async function tellSweep(parked: string | null): Promise<void> {
  const sweep = sweepMemoSchema.safeParse(workflowInfo().memo?.sweep).data
  if (sweep)
    await getExternalWorkflowHandle(sweep.workflowId)
      .signal(TRIAL_PARKED, { trial: sweep.trial, parked: parked?.slice(0, 500) ?? null })
      .catch(() => {})
}
