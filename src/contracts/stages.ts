// The stages of a run and the input of each stage's activity.
import { z } from 'zod'
import { artifactSchema } from './artifact'
import { ratingKind, ratingSchema } from './human-evaluation'
import { labelerSchema } from './labeler-settings'
import { cacheSchema } from './run-settings'
import {
  dataSchema,
  evaluateSchema,
  labelSchema,
  limitsSchema,
  modelSchema,
  responseTemperature,
  rewardModelSchema,
  rlSchema,
  sampleSchema,
  seedSchema,
  sftSchema,
  taskSchema,
} from './settings'
import { endedTrialSchema, linkSchema, previousSchema } from './sweep'

/** Of a policy in a comparison. */
export const armName = z.string().min(1).max(60)
const attempt = { seed: seedSchema, cache: cacheSchema }

/** A labeler as a stage gets it: a local one comes with the artifact of its model. */
const labelerInput = z.strictObject({ settings: labelerSchema, model: artifactSchema.optional() })
export type LabelerInput = z.infer<typeof labelerInput>

export const stageSchemas = {
  model: z.strictObject({
    spec: modelSchema,
    from: artifactSchema.optional().describe('The policy in the store that it names, if it names one.'),
    cache: cacheSchema,
  }),
  data: z.strictObject({
    task: taskSchema,
    data: dataSchema,
    limits: limitsSchema,
    model: artifactSchema.describe('Whose tokenizer measures the prompts.'),
    ...attempt,
  }),
  sft: z.strictObject({
    model: artifactSchema,
    data: artifactSchema,
    limits: limitsSchema,
    settings: sftSchema,
    ...attempt,
  }),
  sample: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    limits: limitsSchema,
    settings: sampleSchema,
    ...attempt,
  }),
  label: z.strictObject({
    samples: artifactSchema,
    data: artifactSchema,
    labeler: labelerInput,
    settings: labelSchema,
    ...attempt,
  }),
  'human-labels': z.strictObject({
    data: artifactSchema,
    model: artifactSchema.describe('Whose tokens the responses become.'),
    limits: limitsSchema,
    ...attempt,
  }),
  'reward-model': z.strictObject({
    policy: artifactSchema,
    labels: z
      .array(artifactSchema)
      .min(1)
      .describe('The second and later ones are cut to the size of the first (paper, Appendix K).'),
    references: z
      .strictObject({ data: artifactSchema, limits: limitsSchema })
      .optional()
      .describe('On whose reference responses the scores are to average 0.'),
    settings: rewardModelSchema,
    ...attempt,
  }),
  rl: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    rewardModel: artifactSchema.optional(),
    labeler: labelerInput.optional(),
    limits: limitsSchema,
    settings: rlSchema,
    ...attempt,
  }),
  choose: z.strictObject({ candidates: artifactSchema, data: artifactSchema, judge: labelerInput, ...attempt }),
  evaluate: z.strictObject({
    baseline: artifactSchema,
    policy: artifactSchema,
    data: artifactSchema,
    judge: labelerInput,
    limits: limitsSchema,
    settings: evaluateSchema,
    ...attempt,
  }),
  respond: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    limits: limitsSchema,
    temperature: responseTemperature,
    ...attempt,
  }),
  contest: z.strictObject({
    data: artifactSchema,
    arms: z.array(z.strictObject({ name: armName, responses: artifactSchema })).min(2),
    judge: labelerInput,
    agreementPairs: z.number().int().min(0),
    ...attempt,
  }),
  comparison: z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    contests: z.array(artifactSchema).min(1).describe('One a seed.'),
    arms: z.array(
      z.strictObject({
        name: armName,
        method: z.string(),
        seed: z.number().int(),
        report: artifactSchema.optional(),
        stages: z.record(z.string(), artifactSchema),
        failed: z.string().optional(),
      }),
    ),
    cache: cacheSchema,
  }),
  'rating-items': z.strictObject({
    contest: artifactSchema,
    policies: z.array(armName).min(1).optional(),
    kind: ratingKind,
    prompts: z.number().int().positive(),
    checkEvery: z.number().int().min(0),
    ...attempt,
  }),
  'human-results': z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    items: artifactSchema,
    kind: ratingKind,
    raters: z.array(z.string()),
    ratings: z.array(ratingSchema),
    ...attempt,
  }),
  judge: z.strictObject({
    data: artifactSchema,
    labeler: labelerInput,
    pairs: z.number().int().positive(),
    ...attempt,
  }),
  study: z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    variants: z.array(z.strictObject({ name: z.string(), judged: artifactSchema })).min(1),
    cache: cacheSchema,
  }),
  'sweep-report': z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    ended: z.array(endedTrialSchema),
    night: z.string().optional(),
    previous: previousSchema.optional(),
    baseline: linkSchema.optional(),
    cache: cacheSchema,
  }),
  claims: z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    seeds: z.array(z.number().int()).min(1),
    summaries: artifactSchema.describe('Comparison of the methods,'),
    dialogues: artifactSchema.describe('that of harmless dialogue,'),
    labels: artifactSchema.describe('sweep over labelers,'),
    rewardModels: artifactSchema.describe('and over reward models.'),
    cache: cacheSchema,
  }),
  report: z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    artifacts: z.array(artifactSchema),
    cache: cacheSchema,
  }),
}
export type StageName = keyof typeof stageSchemas
export type StageInput<N extends StageName> = z.output<(typeof stageSchemas)[N]>

/** Type of the failure of a stage whose worker was shut down in good order: no fault of the stage, and no attempt of it. */
export const HANDED_BACK = 'HandedBack'

/** What a stage gives back: its artifact, and whether it was in the store already. */
export interface StageResult extends z.infer<typeof artifactSchema> {
  reused: boolean
}
