// A message to people outside, as a run of its own: it is tried for a day, and whoever sends it does not wait.
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

/** Sends `text` about this run; whether it arrives is no concern of the run. */
export async function notifyPeople(notify: Notify, queues: Queues, text: string): Promise<void> {
  const { workflowId } = workflowInfo()
  const message: Notification = { notify, queues, text, workflowId }
  await startChild(notification, {
    args: [message],
    workflowId: `${workflowId}/notification-${ownName()}`,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: brief(text),
  })
}

let sent = 0
/** Of this run's messages, and of those of a run that was reset. No random number: traces that are turned on under way draw of them too. */
const ownName = () => (patched('notification-by-time') ? `${Date.now()}-${++sent}` : uuid4())
