// Names of the task queues. Which stage runs on which queue: workflows/queues.ts.
import { z } from 'zod'

export const queuesSchema = z
  .strictObject({
    light: z.string().min(1).default('rlaif').describe('Task queue of light work: reading data, writing reports.'),
    label: z.string().min(1).default('rlaif-label').describe('Task queue of stages that wait for endpoints.'),
    gpu: z
      .string()
      .min(1)
      .default('rlaif-gpu')
      .describe('Task queue of stages that need the device, one at a time on each.'),
  })
  .prefault({})
  .describe('Names of the task queues.')
export type Queues = z.infer<typeof queuesSchema>
