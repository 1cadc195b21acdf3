// What a run reports about itself: heartbeat details, the answer to the query `status`, and the workflow's result.
import { z } from 'zod'
import { artifactSchema, type Artifact } from './artifact'
import { waysOnSchema } from './stage-overrides'

/** Heartbeat details of a stage. */
export const progressSchema = z.object({
  phase: z.string().describe('The work in progress, e.g. "training".'),
  done: z.number(),
  total: z.number(),
  unit: z.string().describe('Unit of `done` and `total`, e.g. "steps".'),
  metrics: z.record(z.string(), z.number()).optional(),
  warnings: z.array(z.string()).optional().describe('What a person should know of the stage while it runs.'),
  within: z.string().optional().describe('What is being done of the unit in progress, e.g. "sampling, 12 of 64".'),
})
export type Progress = z.infer<typeof progressSchema>

const stageStatus = z.object({
  stage: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'reused', 'skipped', 'parked', 'failed']),
  seconds: z.number().optional(),
  artifact: artifactSchema.optional(),
  message: z.string().optional(),
  waysOn: waysOnSchema.optional().describe('Of a parked stage: how it can be resolved.'),
})
export const runStatusSchema = z.object({
  workflow: z.string(),
  stages: z.array(stageStatus),
  warnings: z.array(z.string()).optional(),
})
export type StageStatus = z.infer<typeof stageStatus>
export type RunStatus = z.infer<typeof runStatusSchema>

/** What `align` returns. */
export interface AlignResult {
  method: string
  policy: Artifact
  report: Artifact
  stages: Record<string, Artifact>
  /** Cost of this run's own stages. */
  spent: number
}
