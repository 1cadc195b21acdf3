// A stage that failed permanently waits here for a person, who sends `resolveFailure` (design decision 7).
import {
  condition,
  defineSignal,
  defineUpdate,
  getExternalWorkflowHandle,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import { cutInside } from '../contracts/brief'
import type { Queues } from '../contracts/queues'
import { checkResolution, type Resolution } from '../contracts/resolution'
import type { Notify } from '../contracts/run-settings'
import { waysOn } from '../contracts/stage-overrides'
import type { StageInput, StageName } from '../contracts/stages'
import { TRIAL_PARKED, sweepMemoSchema } from '../contracts/sweep'
import { refusingBadInput } from './input'
import { notifyPeople } from './notification'
import { setSearchAttributes } from './search-attributes'
import type { StageBoard } from './stage-board'

export const resolveFailure = defineUpdate<string, [unknown]>('resolveFailure')
export const resolveFailureSignal = defineSignal<[unknown]>('resolveFailure')

/** Time after which a run fails that nobody resolves. */
const MAX_PARKED_TIME = '30 days'
const UPDATE_DESCRIPTION =
  'Resumes from a parked stage: {"action": "retry" | "skip" | "abort", "overrides": {…}}. ' +
  "Overrides replace fields of the stage, by their names in the run's input, e.g. " +
  '{"action": "retry", "overrides": {"labeler": {"baseUrl": "http://127.0.0.1:8000/v1"}}}.'
const SIGNAL_DESCRIPTION =
  'The same as the update, for when no worker is up to answer; a bad message is logged and ignored.'

export interface FailedStage {
  stage: StageName
  input: StageInput<StageName>
  canSkip: boolean
  /** The run's name for the stage. */
  shownAs: string
  message: string
}

export interface Parking {
  /** Waits for a person. @returns what they decided; "abort" after 30 days without an answer */
  park(failed: FailedStage): Promise<Resolution>
}

/** Registers `resolveFailure` as an update and as a signal. */
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
  const resolveBySignal = (given: unknown) => {
    try {
      resolve(given)
    } catch (error) {
      log.warn('signal resolveFailure ignored', { reason: (error as Error).message })
    }
  }
  setHandler(resolveFailureSignal, resolveBySignal, { description: SIGNAL_DESCRIPTION })

  return {
    async park(failed) {
      const waiting: typeof parked = (parked = { ...failed })
      const { shownAs, message } = failed
      board.set(shownAs, { state: 'parked', message, waysOn: waysOn(failed.stage, failed.input, failed.canSkip) })
      setSearchAttributes({ status: 'parked' })
      await signalSweep(`${shownAs}: ${message}`)
      if (notify) await notifyPeople(notify, queues, parkedMessage(failed))
      const resolved = await condition(() => waiting.resolution !== undefined, MAX_PARKED_TIME, {
        summary: `${shownAs} is parked: waiting for resolveFailure`,
      })
      parked = undefined
      await signalSweep(null)
      return resolved ? waiting.resolution! : { action: 'abort' }
    },
  }
}

const parkedMessage = ({ shownAs, message }: FailedStage) =>
  cutInside(`${workflowInfo().workflowId} is parked and needs you: ${shownAs}: ${message}`, 2500)

/** Reports to the sweep of a trial why the trial is parked, or null when it resumes; the sweep may have ended. */
async function signalSweep(parked: string | null): Promise<void> {
  const sweep = sweepMemoSchema.safeParse(workflowInfo().memo?.sweep).data
  if (sweep)
    await getExternalWorkflowHandle(sweep.workflowId)
      .signal(TRIAL_PARKED, { trial: sweep.trial, parked: parked === null ? null : cutInside(parked, 500) })
      .catch(() => {})
}
