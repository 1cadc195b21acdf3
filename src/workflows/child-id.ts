// Workflow IDs of the runs that a run starts, each its own with a name behind it. Whoever starts a run chooses its ID; with
// one that is too long for a child's, every workflow task would fail, and the run never end.
import { workflowInfo } from '@temporalio/workflow'
import { LONGEST_ID, cutToBytes, isWorkflowId } from '../contracts/brief'
import { finalFailure } from './failure'

/** @throws a non-retryable failure when it is too long */
export function childId(name: string): string {
  const id = `${workflowInfo().workflowId}/${name}`
  if (isWorkflowId(id)) return id
  throw finalFailure(
    `the ID of this run is too long: with "/${name}", that of a run it starts would have more than ${LONGEST_ID} bytes; ` +
      'start it with a shorter one',
    'InvalidInput',
  )
}

/** The same for a name that is short and no other run's: that of this run is cut where it must be. */
export const cutChildId = (name: string): string =>
  `${cutToBytes(workflowInfo().workflowId, LONGEST_ID - name.length - 1)}/${name}`
