// A run of a workflow that does not exist, by a slip of whoever started it: it ends at once and says which ones there are.
// Without this, every attempt to begin it would fail, for ever.
import { workflowInfo } from '@temporalio/workflow'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { finalFailure } from './failure'

/** @throws a non-retryable failure */
export default function unknown(): Promise<never> {
  const names = Object.keys(workflowSchemas).join(', ')
  const name = workflowInfo().workflowType.slice(0, 200)
  return Promise.reject(finalFailure(`there is no workflow "${name}"; there are ${names}`, 'InvalidInput'))
}
