// The settings of DPO, on labels that are there and on labels given while it trains.
import { z } from 'zod'
import { count } from './fields'
import { collapseLimits, curriculum, heldOut, ofTraining, ofValidation, trainingTemperature } from './training-settings'
import { refusedWithoutValidation, watchNeedsValidation, watchSchema } from './watch-settings'

const beta = z
  .number()
  .positive()
  .default(0.1)
  .describe('β of DPO: the higher, the closer the policy stays to the SFT model. The optimum is π_SFT · exp(r / β).')

const ofPairs = {
  batchSize: count.default(8).describe('Number of pairs per optimizer step.'),
  microBatchSize: count
    .default(4)
    .describe('Pairs in one forward and backward pass; bounds memory and does not change the result.'),
}

/** What stage `dpo` is given. */
export const dpoTraining = z.strictObject({
  beta,
  curriculum,
  epochs: count.default(1).describe('Number of epochs.'),
  ...heldOut,
  validateEvery: count.default(10).describe('Steps between validations on the pairs that are kept out of training.'),
  ...ofTraining,
  ...ofPairs,
})

export const dpoStageSchema = dpoTraining.prefault({}).describe('Settings of stage `dpo`.')

/** In the input of a whole run, which makes the labels. */
export const dpoSchema = dpoTraining
  .extend({
    labels: z
      .enum(['ai', 'human', 'both'])
      .default('ai')
      .describe(
        'Whose labels DPO learns from: "ai", the soft labels of the labeler; "human", the preferences in the data; ' +
          '"both", equal numbers of pairs of both.',
      ),
  })
  .prefault({})
  .describe('Settings of method "dpo" and its stage `dpo`.')

const onlineDpoObject = z.strictObject({
  beta,
  steps: count.default(8).describe('Number of steps, each with one batch of pairs, sampled and labelled anew.'),
  ...ofTraining,
  ...ofPairs,
  temperature: trainingTemperature,
  ...collapseLimits,
  candidates: z
    .number()
    .int()
    .min(0)
    .max(16)
    .default(2)
    .describe(
      'Number of checkpoints to keep, those whose responses to the validation prompts the labeler prefers most to the ' +
        "SFT model's; a judge then chooses among them. 0 takes the last step, and nothing is validated.",
    ),
  ...ofValidation,
})

const DESCRIPTION = 'Settings of method "online-dpo" and its stage `online-dpo`.'

/** In the input of a run, which names who watches. */
export const onlineDpoSchema = onlineDpoObject
  .extend({ watch: watchSchema.optional() })
  .refine(watchNeedsValidation, refusedWithoutValidation)
  .prefault({})
  .describe(DESCRIPTION)

/** What stage `online-dpo` is given, with the watch beside it. */
export const onlineDpoStageSchema = onlineDpoObject.prefault({}).describe(DESCRIPTION)
