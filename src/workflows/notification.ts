// A message to people, as its own run: delivery is retried for a day, and the sender does not wait.
import {
  ParentClosePolicy,
  WorkflowIdReusePolicy,
  patched,
  proxyActivities,
  startChild,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities'
import { brief } from '../contracts/brief'
import type { Notification } from '../contracts/notification'
import type { Queues } from '../contracts/queues'
import type { Notify } from '../contracts/run-settings'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { wellFormed } from '../well-formed'
import { cutChildId } from './child-id'
import { parseInput } from './input'

export async function notification(input?: unknown): Promise<void> {
  const message = parseInput(workflowSchemas.notification, input, 'notification')
  const { notify } = proxyActivities<Activities>({
    taskQueue: message.queues.light,
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '1 day',
    retry: { initialInterval: '5 seconds', maximumInterval: '15 minutes' },
    summary: brief(message.text),
  })
  await notify(message)
}

/** Sends `text` about this run, which does not wait for the delivery. */
export async function notifyPeople(notify: Notify, queues: Queues, text: string): Promise<void> {
  const { workflowId } = workflowInfo()
  const message: Notification = { notify, queues, text: wellFormed(text), workflowId }
  await startChild(notification, {
    args: [message],
    workflowId: cutChildId(`notification-${uniqueName()}`),
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: brief(text),
  })
}

let sent = 0
/**
 * Unique among the messages of this run, and of the run that it was reset from. Not a random number: tracing, if turned
 * on during a run, draws from the same generator.
 */
const uniqueName = () => (patched('notification-by-time') ? `${Date.now()}-${++sent}` : uuid4())
