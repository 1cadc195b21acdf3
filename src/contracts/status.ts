// What a run says about itself while it goes on: heartbeat details, the `status` query and the workflow's result.
import { z } from 'zod'
import { artifactSchema, type Artifact } from './artifact'

/** Heartbeat details of a stage. */
export const progressSchema = z.object({
  phase: z.string().describe('What is being done, e.g. "training".'),
  done: z.number(),
  total: z.number(),
  unit: z.string().describe('What done and total count, e.g. "steps".'),
  metrics: z.record(z.string(), z.number()).optional(),
})
export type Progress = z.infer<typeof progressSchema>

const stageStatus = z.object({
  stage: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'reused', 'skipped', 'parked', 'failed']),
  seconds: z.number().optional(),
  artifact: artifactSchema.optional(),
  message: z.string().optional(),
})
export const runStatusSchema = z.object({ workflow: z.string(), stages: z.array(stageStatus) })
export type StageStatus = z.infer<typeof stageStatus>
export type RunStatus = z.infer<typeof runStatusSchema>

/** What `align` returns. */
export interface AlignResult {
  method: string
  policy: Artifact
  report: Artifact
  stages: Record<string, Artifact>
  /** Money that this run's own stages cost. */
  spent: number
}
