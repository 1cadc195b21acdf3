// The inputs of the workflows that run one stage alone.
import { z } from 'zod'
import { artifactGiven } from './artifact'
import { dpoStageSchema, onlineDpoSchema } from './dpo-settings'
import { engineSchema } from './engine'
import { datasetFields, policyGiven, runFields } from './input-fields'
import { labelerSchema } from './labeler-settings'
import { evaluateSchema, labelSchema, modelSchema, sampleSchema } from './settings'
import { rewardModelSchema, rlSchema, sftSchema } from './training-settings'
import { templateSchema } from './template-settings'
import { refuseUnasked } from './unasked'
import { refuseWatch } from './watch-settings'

const labelsGiven = z
  .union([artifactGiven, z.array(artifactGiven).min(1)])
  .describe('One or more artifacts of the stages `label` and `human-labels`, by reference or URI.')

export const stageWorkflowSchemas = {
  sft: z.strictObject({ model: modelSchema, ...datasetFields, engine: engineSchema, sft: sftSchema }),
  sample: z.strictObject({ policy: policyGiven, ...datasetFields, engine: engineSchema, sample: sampleSchema }),
  label: z
    .strictObject({
      samples: artifactGiven.describe('The artifact of the stage `sample`, by reference or URI.'),
      model: modelSchema,
      ...datasetFields,
      labeler: labelerSchema,
      label: labelSchema,
    })
    .superRefine(({ labeler }, context) => refuseUnasked(labeler, 'pairs', ['labeler'], context)),
  rewardModel: z.strictObject({
    policy: policyGiven,
    labels: labelsGiven,
    engine: engineSchema,
    rewardModel: rewardModelSchema,
    template: templateSchema.optional(),
    ...runFields,
  }),
  dpo: z.strictObject({
    policy: policyGiven.describe('The SFT model: a model, or the artifact of an earlier stage, by reference or URI.'),
    labels: labelsGiven,
    dpo: dpoStageSchema,
    template: templateSchema.optional(),
    ...runFields,
  }),
  onlineDpo: z
    .strictObject({
      policy: policyGiven.describe('The SFT model: a model, or the artifact of an earlier stage, by reference or URI.'),
      ...datasetFields,
      labeler: labelerSchema,
      onlineDpo: onlineDpoSchema,
    })
    .superRefine(({ labeler, onlineDpo: { watch } }, context) => {
      refuseUnasked(labeler, 'pairs', ['labeler'], context)
      refuseWatch(watch, ['onlineDpo', 'watch'], { labeler, asked: 'pairs' }, context)
    }),
  rl: z
    .strictObject({
      policy: policyGiven,
      rewardModel: artifactGiven
        .optional()
        .describe('The reward model, by reference or URI. Default: the labeler scores each response directly.'),
      ...datasetFields,
      engine: engineSchema,
      labeler: labelerSchema,
      rl: rlSchema,
    })
    .superRefine(({ labeler, rewardModel, rl: { watch } }, context) => {
      const live = rewardModel === undefined ? ({ labeler, asked: 'scores' } as const) : undefined
      refuseUnasked(labeler, live?.asked, ['labeler'], context)
      refuseWatch(watch, ['rl', 'watch'], live, context)
    }),
  evaluate: z
    .strictObject({
      baseline: policyGiven.describe('What the policy is compared with: a model, or an artifact by reference or URI.'),
      policy: artifactGiven.describe('The policy to evaluate, by reference or URI.'),
      ...datasetFields,
      engine: engineSchema,
      judge: labelerSchema,
      evaluate: evaluateSchema,
    })
    .superRefine(({ judge }, context) => refuseUnasked(judge, 'pairs', ['judge'], context)),
  report: z.strictObject({
    title: z.string().max(200).default('rlaif').describe('Title of the report.'),
    artifacts: z.array(artifactGiven).min(1).describe('Artifacts of the finished stages to report on.'),
    ...runFields,
  }),
}
export type StageWorkflowInput<K extends keyof typeof stageWorkflowSchemas> = z.infer<(typeof stageWorkflowSchemas)[K]>
