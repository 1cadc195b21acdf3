// How each stage of a run stands: what the query `status` answers, and what the UI shows as the run's current details.
import { defineQuery, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow'
import type { StageName } from '../contracts/stages'
import type { RunStatus, StageStatus } from '../contracts/status'
import { describe } from './describe'

export const statusQuery = defineQuery<RunStatus>('status')

export interface StageBoard {
  /** Shows a stage, or other work of the run, in a new state. */
  set(name: string, status: Omit<StageStatus, 'stage'>): void
  /** Says which stage waits for a person; shown from the next `set` on. */
  setParked(parked: { stage: StageName; canSkip: boolean } | undefined): void
  /** A line or a table above the table of stages. */
  note(text: string): void
  /** Whether a stage of the plan has not begun. */
  hasWaiting(): boolean
}

/** @param plan the stages that will run, in order; shown as waiting from the start */
export function openStageBoard(plan: readonly string[]): StageBoard {
  const stages: StageStatus[] = plan.map((stage) => ({ stage, state: 'waiting' }))
  let parked: { stage: StageName; canSkip: boolean } | undefined
  let noted: string | undefined
  const show = () => setCurrentDetails(describe(stages, parked, noted))
  setHandler(statusQuery, () => ({ workflow: workflowInfo().workflowType, stages }), {
    description: 'Every stage: its state, time and artifact',
  })
  return {
    set(name, status) {
      const at = stages.findIndex(({ stage }) => stage === name)
      stages.splice(at < 0 ? stages.length : at, at < 0 ? 0 : 1, { stage: name, ...status })
      show()
    },
    setParked(stage) {
      parked = stage
    },
    note(text) {
      noted = text
      show()
    },
    hasWaiting: () => stages.some(({ state }) => state === 'waiting'),
  }
}
