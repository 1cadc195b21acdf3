// The input of a run, checked before it is started.
import { armsOf, type CompareInput } from '../contracts/compare-input'
import { parse } from '../contracts/parse'
import { roundInput, type RoundsInput } from '../contracts/rounds-input'
import { runSummary } from '../contracts/run-summary'
import type { SweepInput } from '../contracts/sweep'
import { trialsOf } from '../contracts/sweep-trials'
import { workflowSchemas, type WorkflowName } from '../contracts/workflow-inputs'

/**
 * Refuses bad input before a run is started; the workflow checks it again.
 * @returns the run in a sentence
 * @throws InvalidInput
 */
export function checkInput(workflow: WorkflowName, input: unknown): string {
  const parsed = parse(workflowSchemas[workflow], input, workflow)
  if (workflow === 'compare') armsOf(parsed as CompareInput)
  if (workflow === 'rounds') roundInput(parsed as RoundsInput)
  if (workflow === 'sweep') trialsOf(parsed as SweepInput)
  return runSummary(workflow, parsed as never)
}
