// Names of the task queues. Which stage is sent to which: workflows/queues.ts.
import { z } from 'zod'

export const queuesSchema = z
  .strictObject({
    light: z.string().min(1).default('rlaif').describe('Reading data, writing reports.'),
    label: z.string().min(1).default('rlaif-label').describe('Waiting for endpoints.'),
    gpu: z.string().min(1).default('rlaif-gpu').describe('Work that needs the device, one at a time on each.'),
  })
  .prefault({})
  .describe('Task queues.')
export type Queues = z.infer<typeof queuesSchema>
