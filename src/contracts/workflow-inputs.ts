// The input of every workflow by the workflow's name: one optional JSON object each. `{}` and no input at all are fine
// where no field is required.
import { z } from 'zod'
import { alignSchema } from './align-input'
import { compareSchema } from './compare-input'
import { humanEvaluationSchema } from './human-evaluation-input'
import { labelStudySchema } from './label-study-input'
import { miniatureSchema } from './miniature'
import { notificationSchema } from './notification'
import { roundsSchema } from './rounds-input'
import { stageWorkflowSchemas } from './stage-workflow-inputs'
import { sweepSchema } from './sweep'

const optional = <T extends z.ZodType>(schema: T) => z.preprocess((given) => given ?? {}, schema)

export const workflowSchemas = {
  align: alignSchema,
  sft: optional(stageWorkflowSchemas.sft),
  sample: optional(stageWorkflowSchemas.sample),
  label: optional(stageWorkflowSchemas.label),
  rewardModel: optional(stageWorkflowSchemas.rewardModel),
  dpo: optional(stageWorkflowSchemas.dpo),
  onlineDpo: optional(stageWorkflowSchemas.onlineDpo),
  rl: optional(stageWorkflowSchemas.rl),
  evaluate: optional(stageWorkflowSchemas.evaluate),
  report: optional(stageWorkflowSchemas.report),
  labelStudy: optional(labelStudySchema),
  compare: optional(compareSchema),
  rounds: optional(roundsSchema),
  humanEvaluation: optional(humanEvaluationSchema),
  miniature: optional(miniatureSchema),
  sweep: sweepSchema,
  notification: notificationSchema,
}
export type WorkflowName = keyof typeof workflowSchemas
