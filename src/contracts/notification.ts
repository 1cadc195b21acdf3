// A message to people outside: what the workflow `notification` takes.
import { z } from 'zod'
import { queuesSchema } from './queues'
import { notifySchema } from './run-settings'

export const notificationSchema = z.strictObject({
  notify: notifySchema.unwrap().describe('Where it goes.'),
  text: z.string().min(1).max(3000),
  /** The run it is about. */
  workflowId: z.string().max(1000).optional(),
  queues: queuesSchema,
})
export type Notification = z.infer<typeof notificationSchema>
