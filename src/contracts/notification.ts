// A message to people: the input of the workflow `notification`.
import { z } from 'zod'
import { queuesSchema } from './queues'
import { notifySchema } from './run-settings'

export const notificationSchema = z.strictObject({
  notify: notifySchema.unwrap().describe('Where the message goes.'),
  text: z.string().min(1).max(3000).describe('Text of the message.'),
  workflowId: z.string().max(1000).optional().describe('Workflow ID of the run that the message is about.'),
  queues: queuesSchema,
})
export type Notification = z.infer<typeof notificationSchema>
