// `rlaif/contracts`: the inputs of all workflows as zod schemas with defaults, and their types.
export { parse, InvalidInput } from './parse'
export { workflowSchemas, type WorkflowName } from './workflow-inputs'
export { alignSchema, type AlignInput } from './align-input'
export { compareSchema, type CompareInput } from './compare-input'
export { labelStudySchema } from './label-study-input'
export { humanEvaluationSchema, type HumanEvaluationInput } from './human-evaluation-input'
export { sweepSchema, type SweepInput } from './sweep'
export { miniatureSchema, type MiniatureInput } from './miniature'
export { scheduleSchema, type ScheduleDeclaration } from './schedule'
export { resolutionSchema, type Resolution } from './resolution'
export { presets } from './presets'
export {
  dataSchema,
  evaluateSchema,
  labelSchema,
  limitsSchema,
  modelSchema,
  sampleSchema,
  type DataSettings,
  type Limits,
} from './settings'
export { rewardModelSchema, rlSchema, sftSchema } from './training-settings'
export { dpoSchema, onlineDpoSchema } from './dpo-settings'
export {
  isEndpoint,
  isJury,
  labelerSchema,
  membersOf,
  type EndpointSettings,
  type JurySettings,
  type LabelerSettings,
  type MemberSettings,
} from './labeler-settings'
export { techniqueSchema } from './technique-settings'
export { stageSchemas, type StageInput, type StageName } from './stages'
export {
  itemKeySchema,
  itemSchema,
  ratingMessageSchema,
  ratingSchema,
  type Item,
  type ItemKey,
  type Rating,
} from './human-evaluation'
export { endedTrialSchema, type EndedTrial } from './sweep'
export { sweepPresets } from './sweep-presets'
export { templateSchema, type TemplateSettings } from './template-settings'
export { artifactSchema, type Artifact } from './artifact'
export { runStatusSchema, type AlignResult, type RunStatus, type StageStatus } from './status'
export { commandOutputs, type CommandWithOutput, type RunListOutput, type RunOutput } from './command-output'
export { EXIT_CODES } from './exit-codes'
