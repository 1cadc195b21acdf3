// The one JSON object each workflow takes. `{}` and nothing at all are fine where no field is required.
import { z } from 'zod'
import { artifactGiven, artifactSchema } from './artifact'
import { ratingKind, ratingSchema } from './human-evaluation'
import { miniatureSchema } from './miniature'
import { notificationSchema } from './notification'
import { isRecord, overlay } from './overlay'
import { presets } from './presets'
import { labelerSchema } from './labeler-settings'
import { queuesSchema } from './queues'
import { cacheSchema, notifySchema, onFailureSchema } from './run-settings'
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
import { InvalidInput, parse } from './parse'
import { armName, type StageName } from './stages'
import { TABLE_2, variantSchema } from './study'
import { sweepSchema } from './sweep'

const shared = {
  seed: seedSchema,
  cache: cacheSchema,
  onFailure: onFailureSchema,
  queues: queuesSchema,
  notify: notifySchema,
}
const dataset = { task: taskSchema, data: dataSchema, limits: limitsSchema, ...shared }

const policyGiven = z
  .union([artifactSchema, modelSchema])
  .describe('A model, or the artifact (reference or URI) of an earlier stage.')
export type ArtifactGiven = z.infer<typeof artifactGiven>

const RESUMABLE = [
  'model',
  'data',
  'sft',
  'human-labels',
  'sample',
  'label',
  'reward-model',
  'rl',
  'choose',
  'evaluate',
  'report',
] as const satisfies StageName[]

export const methodSchema = z
  .enum(['sft', 'rlhf', 'rlaif', 'direct-rlaif', 'rlhf+rlaif'])
  .default('rlaif')
  .describe(
    '"sft": the baseline; "rlhf": reward model on what people preferred; "rlaif": on AI preferences; "rlhf+rlaif": on as many of each; "direct-rlaif": the labeler\'s 1–10 score as reward.',
  )

const alignObject = z.strictObject({
  preset: z
    .enum(['quickstart', 'paper'])
    .default('quickstart')
    .describe('Defaults of all other fields: minutes on two cores, or the sizes of the paper.'),
  method: methodSchema,
  fromStage: z
    .enum(RESUMABLE)
    .optional()
    .describe(
      'This stage and the later ones are done again; earlier ones are taken from the store where they are there.',
    ),
  untilStage: z
    .enum(['sft', 'reward-model'])
    .optional()
    .describe('The run ends after this stage, with a report: for studies of labels and reward models, without RL.'),
  model: modelSchema.describe('The model to align.'),
  ...dataset,
  labeler: labelerSchema,
  judge: labelerSchema.meta({
    description: 'Who judges the evaluation and the candidates; like labeler.',
    default: { model: 'default' },
  }),
  sft: sftSchema,
  sample: sampleSchema,
  label: labelSchema,
  rewardModel: rewardModelSchema,
  rl: rlSchema,
  evaluate: evaluateSchema,
})
const alignSchema = z.preprocess(withPreset, alignObject)
export type AlignInput = z.infer<typeof alignSchema>

/** Lays the given fields over those of the preset, group by group. */
function withPreset(given: unknown): unknown {
  const name = isRecord(given) && typeof given.preset === 'string' ? given.preset : 'quickstart'
  const preset = Object.hasOwn(presets, name) ? presets[name as keyof typeof presets] : {}
  if (given === undefined || given === null) return preset
  return isRecord(given) ? overlay(preset, given) : given
}

/** Of the workflows that run one stage alone. */
const stageWorkflowSchemas = {
  sft: z.strictObject({ model: modelSchema, ...dataset, sft: sftSchema }),
  sample: z.strictObject({ policy: policyGiven, ...dataset, sample: sampleSchema }),
  label: z.strictObject({
    samples: artifactGiven,
    model: modelSchema,
    ...dataset,
    labeler: labelerSchema,
    label: labelSchema,
  }),
  rewardModel: z.strictObject({
    policy: policyGiven,
    labels: z.union([artifactGiven, z.array(artifactGiven).min(1)]),
    rewardModel: rewardModelSchema,
    ...shared,
  }),
  rl: z.strictObject({
    policy: policyGiven,
    rewardModel: artifactGiven
      .optional()
      .describe('The reward model; without it the labeler scores each response directly.'),
    ...dataset,
    labeler: labelerSchema,
    rl: rlSchema,
  }),
  evaluate: z.strictObject({
    baseline: policyGiven.describe('What the policy is compared with.'),
    policy: artifactGiven,
    ...dataset,
    judge: labelerSchema,
    evaluate: evaluateSchema,
  }),
  report: z.strictObject({
    title: z.string().max(200).default('rlaif'),
    artifacts: z.array(artifactGiven).min(1).describe('The finished stages to report on.'),
    ...shared,
  }),
}
export type StageWorkflowInput<K extends keyof typeof stageWorkflowSchemas> = z.infer<(typeof stageWorkflowSchemas)[K]>

const labelStudy = z.strictObject({
  model: modelSchema.describe('Whose tokenizer measures the prompts.'),
  ...dataset,
  limits: limitsSchema.prefault({ promptTokens: 1024 }),
  labeler: labelerSchema,
  pairs: z.number().int().positive().default(100).describe('Pairs that people decided, drawn by the seed.'),
  variants: z
    .array(variantSchema)
    .min(1)
    .default(() => TABLE_2.map((variant) => variantSchema.parse(variant)))
    .describe(
      "Ways of asking; without them the eleven of the paper's Table 2. Each technique is laid over the labeler's own.",
    ),
})

const ARMS = {
  sft: { method: 'sft' },
  rlhf: { method: 'rlhf' },
  rlaif: { method: 'rlaif' },
  'same-size': { method: 'rlaif', labeler: 'policy' },
  'direct-rlaif': { method: 'direct-rlaif' },
  'rlhf+rlaif': { method: 'rlhf+rlaif' },
} as const
const namedArm = z.enum(Object.keys(ARMS) as [keyof typeof ARMS, ...(keyof typeof ARMS)[]])
const ownArm = z.strictObject({
  name: armName,
  like: namedArm.describe('What the paper would call it: its figures stand beside.').optional(),
  input: z.record(z.string(), z.unknown()).describe('Fields of `align`, laid over those shared by all.'),
})

const compareObject = z.strictObject({
  arms: z
    .array(z.union([namedArm, ownArm]))
    .min(2)
    .default(['sft', 'rlhf', 'rlaif', 'same-size', 'direct-rlaif'])
    .describe(
      'The policies to compare: names of methods ("same-size" is rlaif whose labeler is the policy itself), or {name, input} with fields of `align` of their own.',
    ),
  base: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Fields of `align` for every arm: task, data, model, labeler, judge, rl, …'),
  seeds: z
    .array(seedSchema.unwrap())
    .min(1)
    .max(20)
    .default([1])
    .describe('Everything is done once for each; results are pooled.'),
  judge: labelerSchema.meta({
    description: 'Who judges the policies against each other; should not be who labelled.',
    default: { model: 'default' },
  }),
  agreementPairs: evaluateSchema.unwrap().shape.agreementPairs,
  temperature: responseTemperature,
  maxConcurrent: z
    .number()
    .int()
    .min(1)
    .max(50)
    .default(1)
    .describe('Arms at a time. The first arm of a seed goes ahead, so that what all share is made once.'),
  ...shared,
})
export type CompareInput = z.infer<typeof compareObject>

export interface Arm {
  name: string
  /** Which of the paper's systems it is, if any. */
  like?: string | undefined
  seed: number
  /** Checked input of `align`. */
  input: AlignInput
}

/** Every arm at every seed, in the order they run. @throws InvalidInput naming arm and field */
export function armsOf({ arms, base, seeds, judge, ...given }: CompareInput): Arm[] {
  const { onFailure, cache, queues, notify } = given
  const names = new Set<string>()
  return seeds.flatMap((seed) =>
    arms.map((arm): Arm => {
      const { name, like, input } = typeof arm === 'string' ? { name: arm, like: arm, input: ARMS[arm] } : arm
      if (seed === seeds[0] && names.size === names.add(name).size)
        throw new InvalidInput(`compare: field "arms" names ${name} twice`)
      return {
        name,
        like,
        seed,
        input: parse(
          alignSchema,
          { judge, ...overlay(base, input), seed, onFailure, cache, queues, notify },
          `compare: arm ${name}`,
        ),
      }
    }),
  )
}

const MOST_RATINGS = 30_000
const raterName = z.string().regex(/^[\w.-]{1,40}$/, 'wants letters, digits, dots, dashes: it is part of a link')

const humanEvaluation = z
  .strictObject({
    contest: artifactGiven.describe(
      'The contest of a comparison (its report lists it under "Stages"): prompts and what each policy answered.',
    ),
    kind: ratingKind
      .default('rank')
      .describe(
        '"rank": responses from best to worst, without ties; "verdict": each by itself, good or not, as for harmlessness.',
      ),
    policies: z
      .array(armName)
      .min(1)
      .max(9)
      .optional()
      .describe('Whose responses are shown; all of the contest without it.'),
    prompts: z.number().int().min(1).max(10_000).default(100).describe('Drawn by the seed, at most.'),
    ratingsPerPrompt: z
      .number()
      .int()
      .min(1)
      .max(20)
      .default(3)
      .describe('An item is done when so many raters have rated it.'),
    raters: z
      .array(raterName)
      .min(1)
      .max(200)
      .default(['rater-1', 'rater-2', 'rater-3'])
      .describe('Each gets a link of their own: `rlaif rate <run>` prints them.'),
    checkEvery: z
      .number()
      .int()
      .min(0)
      .default(20)
      .describe('After so many items comes an attention check, which everybody gets; 0 for none.'),
    days: z.number().positive().max(365).default(30).describe('The evaluation ends then with what there is.'),
    carried: z
      .strictObject({ items: artifactSchema, ratings: z.array(ratingSchema), until: z.number() })
      .optional()
      .describe('Not for people: what the run hands to its own continuation.'),
    ...shared,
  })
  .refine(({ raters, ratingsPerPrompt }) => raters.length >= ratingsPerPrompt, {
    path: ['raters'],
    message: 'wants at least as many raters as "ratingsPerPrompt": nobody rates an item twice',
  })
  .refine(({ raters }) => new Set(raters).size === raters.length, {
    path: ['raters'],
    message: 'wants different names',
  })
  .refine(({ prompts, ratingsPerPrompt }) => prompts * ratingsPerPrompt <= MOST_RATINGS, {
    path: ['prompts'],
    message: `wants prompts × ratingsPerPrompt of at most ${MOST_RATINGS}`,
  })
export type HumanEvaluationInput = z.infer<typeof humanEvaluation>

const optional = <T extends z.ZodType>(schema: T) => z.preprocess((given) => given ?? {}, schema)

/** The input of every workflow by the workflow's name. */
export const workflowSchemas = {
  align: alignSchema,
  sft: optional(stageWorkflowSchemas.sft),
  sample: optional(stageWorkflowSchemas.sample),
  label: optional(stageWorkflowSchemas.label),
  rewardModel: optional(stageWorkflowSchemas.rewardModel),
  rl: optional(stageWorkflowSchemas.rl),
  evaluate: optional(stageWorkflowSchemas.evaluate),
  report: optional(stageWorkflowSchemas.report),
  labelStudy: optional(labelStudy),
  compare: optional(compareObject),
  humanEvaluation: optional(humanEvaluation),
  miniature: optional(miniatureSchema),
  sweep: sweepSchema,
  notification: notificationSchema,
}
export type WorkflowName = keyof typeof workflowSchemas
