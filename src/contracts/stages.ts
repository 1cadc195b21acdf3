// The stages of a run and the input of each stage's activity.
import { z } from 'zod'
import { artifactSchema } from './artifact'
import { dpoStageSchema, onlineDpoStageSchema } from './dpo-settings'
import { stageEngine } from './engine'
import { ratingKind, ratingSchema } from './human-evaluation'
import { labelerSchema } from './labeler-settings'
import { cacheSchema } from './run-settings'
import { precisionField } from './precision'
import { reviseSchema } from './revise-settings'
import {
  dataSchema,
  evaluateSchema,
  labelSchema,
  limitsSchema,
  modelSchema,
  responseTemperature,
  sampleSchema,
  seedSchema,
  taskSchema,
} from './settings'
import { rewardModelSchema, rlStageSchema, sftSchema } from './training-settings'
import { shardSchema } from './shard'
import { templateSchema } from './template-settings'
import { watchFields } from './watch-settings'
import { endedTrialSchema, linkSchema, previousSchema } from './sweep'

/** Name of a policy in a comparison. */
export const armName = z.string().min(1).max(60)
const seedAndCache = { seed: seedSchema, cache: cacheSchema }
/** Of stages that fall apart into rows: the part to do, or all parts, done, to be put together. */
const inShards = {
  shard: shardSchema.optional(),
  shards: z.array(artifactSchema).min(1).optional(),
}

/**
 * A labeler or judge in a stage's input: its settings and, when it is local, the artifact of its model; of a jury, that of
 * each member, null for an endpoint.
 */
const labelerInput = z.strictObject({
  settings: labelerSchema,
  model: artifactSchema.optional(),
  models: z.array(artifactSchema.nullable()).optional(),
  guidance: artifactSchema.optional().describe("The task's rubric and principles, where a technique asks for them."),
})
export type LabelerInput = z.infer<typeof labelerInput>
/** A second judge beside the reward, and how it is used. */
const watchInput = labelerInput.extend(watchFields)
export type WatchInput = z.infer<typeof watchInput>

export const stageSchemas = {
  model: z.strictObject({
    spec: modelSchema,
    from: artifactSchema.optional().describe('The policy in the store, when `spec` names one.'),
    template: templateSchema.optional(),
    families: z.literal('any').optional().describe('For engines that compute more families than TensorFlow.js does.'),
    cache: cacheSchema,
  }),
  data: z.strictObject({
    task: taskSchema,
    data: dataSchema,
    limits: limitsSchema,
    model: artifactSchema.describe('The model whose tokenizer measures the prompts.'),
    ...seedAndCache,
  }),
  guidance: z.strictObject({ task: taskSchema, cache: cacheSchema }),
  revise: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    guidance: artifactSchema.describe("The task's principles."),
    labeler: labelerInput,
    limits: limitsSchema,
    settings: reviseSchema.omit({ labeler: true }),
    ...seedAndCache,
  }),
  sft: z.strictObject({
    model: artifactSchema,
    data: artifactSchema,
    limits: limitsSchema,
    settings: sftSchema,
    engine: stageEngine,
    ...seedAndCache,
  }),
  sample: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    limits: limitsSchema,
    settings: sampleSchema,
    engine: stageEngine,
    ...inShards,
    ...seedAndCache,
  }),
  label: z.strictObject({
    samples: artifactSchema,
    data: artifactSchema,
    labeler: labelerInput,
    settings: labelSchema,
    ...inShards,
    ...seedAndCache,
  }),
  'human-labels': z.strictObject({
    data: artifactSchema,
    model: artifactSchema.describe('The model whose tokenizer encodes the responses.'),
    limits: limitsSchema,
    ...seedAndCache,
  }),
  'reward-model': z.strictObject({
    policy: artifactSchema,
    labels: z
      .array(artifactSchema)
      .min(1)
      .describe(
        'Sets of labelled pairs; the second and later ones are cut to the size of the first (paper, Appendix K).',
      ),
    references: z
      .strictObject({ data: artifactSchema, limits: limitsSchema })
      .optional()
      .describe('Data on whose reference responses the scores are shifted to average 0.'),
    settings: rewardModelSchema,
    engine: stageEngine,
    ...seedAndCache,
  }),
  dpo: z.strictObject({
    policy: artifactSchema.describe('The SFT model: what training starts from, and its reference.'),
    labels: z
      .array(artifactSchema)
      .min(1)
      .describe('Sets of labelled pairs; the second and later ones are cut to the size of the first.'),
    settings: dpoStageSchema,
    ...seedAndCache,
  }),
  'online-dpo': z.strictObject({
    policy: artifactSchema.describe('The SFT model: what training starts from, and its reference.'),
    data: artifactSchema,
    labeler: labelerInput,
    limits: limitsSchema,
    settings: onlineDpoStageSchema,
    watch: watchInput.optional(),
    ...seedAndCache,
  }),
  rl: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    rewardModel: artifactSchema.optional(),
    labeler: labelerInput.optional(),
    limits: limitsSchema,
    settings: rlStageSchema,
    watch: watchInput.optional(),
    engine: stageEngine,
    ...seedAndCache,
  }),
  choose: z.strictObject({ candidates: artifactSchema, data: artifactSchema, judge: labelerInput, ...seedAndCache }),
  evaluate: z.strictObject({
    baseline: artifactSchema,
    policy: artifactSchema,
    data: artifactSchema,
    judge: labelerInput,
    limits: limitsSchema,
    settings: evaluateSchema,
    responses: z
      .strictObject({ policy: artifactSchema, baseline: artifactSchema })
      .optional()
      .describe('Responses to the held-out prompts that were sampled by stage `respond`.'),
    ...seedAndCache,
  }),
  respond: z.strictObject({
    policy: artifactSchema,
    data: artifactSchema,
    limits: limitsSchema,
    temperature: responseTemperature,
    precision: precisionField,
    engine: stageEngine,
    ...inShards,
    ...seedAndCache,
  }),
  contest: z.strictObject({
    data: artifactSchema,
    arms: z.array(z.strictObject({ name: armName, responses: artifactSchema })).min(2),
    judge: labelerInput,
    agreementPairs: z.number().int().min(0),
    ...seedAndCache,
  }),
  comparison: z.strictObject({
    title: z.string(),
    workflow: z.literal('rounds').optional().describe('The workflow that it is the report of. Default: "compare".'),
    ended: z.string().optional().describe('Why there were no more rounds.'),
    settings: z.unknown(),
    contests: z.array(artifactSchema).min(1).describe('The contests, one for each seed.'),
    arms: z.array(
      z.strictObject({
        name: armName,
        like: z.string().optional().describe("The paper's name for it, as a person gave it."),
        method: z.string().describe("The paper's name for its method."),
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
    order: z.enum(['random', 'disagreement']).optional(),
    prompts: z.number().int().positive(),
    checkEvery: z.number().int().min(0),
    ...seedAndCache,
  }),
  'human-results': z.strictObject({
    title: z.string(),
    settings: z.unknown(),
    items: artifactSchema,
    kind: ratingKind,
    raters: z.array(z.string()),
    ratings: z.array(ratingSchema),
    ...seedAndCache,
  }),
  judge: z.strictObject({
    data: artifactSchema,
    labeler: labelerInput,
    pairs: z.number().int().positive(),
    ...seedAndCache,
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
    study: z.literal('feedback').optional().describe('Whose claims are tested. Default: those of the paper.'),
    summaries: artifactSchema.describe('Report of the comparison of the methods.'),
    dialogues: artifactSchema.optional().describe('Report of the comparison on harmless dialogue.'),
    labels: artifactSchema.describe('Report of the sweep over labelers.'),
    rewardModels: artifactSchema.optional().describe('Report of the sweep over reward models.'),
    rounds: z.array(artifactSchema).optional().describe('Reports of the rounds, seed by seed.'),
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

/** Failure type of a stage whose worker was shut down gracefully: not the stage's fault, so no attempt is counted. */
export const HANDED_BACK = 'HandedBack'

/** What this run has paid for one piece of work so far, over all its attempts. */
export const spendingSchema = z.object({ work: z.string(), cost: z.number().nonnegative() })

/** Detail of the failure of a stage: money that is spent although there is no result. */
export const stageSpending = z.object({ spent: spendingSchema })
export type StageSpending = z.infer<typeof stageSpending>
/** Detail of the failure of a run: what its stages have cost. */
export const runSpending = z.object({ runSpent: z.number().nonnegative() })
export type RunSpending = z.infer<typeof runSpending>

/** What a stage returns: its artifact, and whether it already was in the store. */
export interface StageResult extends z.infer<typeof artifactSchema> {
  reused: boolean
  /** How long the attempt took that has it. Absent from workers of earlier versions. */
  seconds?: number
  /** Absent if no endpoint was asked. */
  spent?: z.infer<typeof spendingSchema>
  /** What the run's tracker could not be told yet. */
  untracked?: string
}
