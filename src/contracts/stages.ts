// The stages of a run and the input of each stage's activity.
import { z } from 'zod'
import { artifactSchema } from './artifact'
import { ratingKind, ratingSchema } from './human-evaluation'
import * as s from './settings'
import { endedTrialSchema, linkSchema, previousSchema } from './sweep'

/** Of a policy in a comparison. */
export const armName = z.string().min(1).max(60)
const attempt = { seed: s.seedSchema, cache: s.cacheSchema }

/** A labeler as a stage gets it: a local one comes with the artifact of its model. */
const labelerInput = z.strictObject({ settings: s.labelerSchema, model: artifactSchema.optional() })
export type LabelerInput = z.infer<typeof labelerInput>

export const stageSchemas = {
  model: z.strictObject({
    spec: s.modelSchema,
    from: artifactSchema.optional().describe('The policy in the store that it names, if it names one.'),
    cache: s.cacheSchema,
  }),
  data: z.strictObject({
    task: s.taskSchema,
    data: s.dataSchema,
    limits: s.limitsSchema,
    model: artifactSchema.describe('Whose tokenizer measures the prompts.'),
    ...attempt,
  }),
  sft: z.strictObject({
    model: artifactSchema,
    data: artifactSchema,
    limits: s.limitsSchema,
    settings: s.sftSchema,
    ...attempt,
  }),
  sample: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    limits: s.limitsSchema,
    settings: s.sampleSchema,
    ...attempt,
  }),
  label: z.strictObject({
    samples: artifactSchema,
    data: artifactSchema,
    labeler: labelerInput,
    settings: s.labelSchema,
    ...attempt,
  }),
  'human-labels': z.strictObject({
    data: artifactSchema,
    model: artifactSchema.describe('Whose tokens the responses become.'),
    limits: s.limitsSchema,
    ...attempt,
  }),
  'reward-model': z.strictObject({
    policy: artifactSchema,
    labels: z
      .array(artifactSchema)
      .min(1)
      .describe('The second and later ones are cut to the size of the first (paper, Appendix K).'),
    references: z
      .strictObject({ data: artifactSchema, limits: s.limitsSchema })
      .optional()
      .describe('On whose reference responses the scores are to average 0.'),
    settings: s.rewardModelSchema,
    ...attempt,
  }),
  rl: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    rewardModel: artifactSchema.optional(),
    labeler: labelerInput.optional(),
    limits: s.limitsSchema,
    settings: s.rlSchema,
    ...attempt,
  }),
  choose: z.strictObject({ candidates: artifactSchema, data: artifactSchema, judge: labelerInput, ...attempt }),
  evaluate: z.strictObject({
    baseline: artifactSchema,
    policy: artifactSchema,
    data: artifactSchema,
    judge: labelerInput,
    limits: s.limitsSchema,
    settings: s.evaluateSchema,
    ...attempt,
  }),
  respond: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    limits: s.limitsSchema,
    temperature: s.responseTemperature,
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
    cache: s.cacheSchema,
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
    cache: s.cacheSchema,
  }),
  'sweep-report': z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    ended: z.array(endedTrialSchema),
    night: z.string().optional(),
    previous: previousSchema.optional(),
    baseline: linkSchema.optional(),
    cache: s.cacheSchema,
  }),
  claims: z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    seeds: z.array(z.number().int()).min(1),
    summaries: artifactSchema.describe('Comparison of the methods,'),
    dialogues: artifactSchema.describe('that of harmless dialogue,'),
    labels: artifactSchema.describe('sweep over labelers,'),
    rewardModels: artifactSchema.describe('and over reward models.'),
    cache: s.cacheSchema,
  }),
  report: z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    artifacts: z.array(artifactSchema),
    cache: s.cacheSchema,
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
