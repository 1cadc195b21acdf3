// Names of the task queues. Which stage runs on which queue: workflows/queues.ts.
import { z } from 'zod'

/** Temporal takes up to 1000 bytes, and keeps a prefix for itself: with another name, every workflow task would fail. */
const queueName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?!\/_sys\/)\P{Cc}+$/u, 'expected a name without control characters that does not begin with "/_sys/"')

export const queuesSchema = z
  .strictObject({
    light: queueName.default('rlaif').describe('Task queue of light work: reading data, writing reports.'),
    label: queueName.default('rlaif-label').describe('Task queue of stages that wait for endpoints.'),
    gpu: queueName.default('rlaif-gpu').describe('Task queue of stages that need the device, one at a time on each.'),
  })
  .prefault({})
  .describe('Names of the task queues.')
export type Queues = z.infer<typeof queuesSchema>

export const defaultQueues: Queues = queuesSchema.parse({})
