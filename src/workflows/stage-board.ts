// The status of each stage of a run: the answer to the query `status`, and the run's current details in the UI.
import { defineQuery, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow'
import type { RunStatus, StageStatus } from '../contracts/status'
import { describe } from './describe'

export const statusQuery = defineQuery<RunStatus>('status')

export interface StageBoard {
  /** Sets the state of a stage, or of other work of the run. */
  set(name: string, status: Omit<StageStatus, 'stage'>): void
  /** Shows a line or a table above the table of stages. */
  note(text: string): void
  /** Shows what a person should know, above everything. */
  warn(text: string): void
  /** Whether a stage of the plan has not started. */
  hasWaiting(): boolean
}

/** @param plan the stages that will run, in order; shown as waiting from the start */
export function openStageBoard(plan: readonly string[]): StageBoard {
  const stages: StageStatus[] = plan.map((stage) => ({ stage, state: 'waiting' }))
  let note: string | undefined
  const warnings: string[] = []
  const show = () => setCurrentDetails(describe(stages, note, workflowInfo().workflowId, warnings))
  setHandler(statusQuery, () => ({ workflow: workflowInfo().workflowType, stages, warnings }), {
    description: 'State, time and artifact of every stage.',
  })
  return {
    set(name, status) {
      const at = stages.findIndex(({ stage }) => stage === name)
      stages.splice(at < 0 ? stages.length : at, at < 0 ? 0 : 1, { stage: name, ...status })
      show()
    },
    note(text) {
      note = text
      show()
    },
    warn(text) {
      warnings.push(text)
      show()
    },
    hasWaiting: () => stages.some(({ state }) => state === 'waiting'),
  }
}
