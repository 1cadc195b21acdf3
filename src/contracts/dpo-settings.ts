// The settings of DPO, on labels that are there and on labels given while it trains.
import { z } from 'zod'
import { count } from './fields'
import { curriculum, heldOut, ofTraining } from './training-settings'

const beta = z
  .number()
  .positive()
  .default(0.1)
  .describe('β of DPO: the higher, the closer the policy stays to the SFT model. The optimum is π_SFT · exp(r / β).')

/** What stage `dpo` is given. */
export const dpoTraining = z.strictObject({
  beta,
  curriculum,
  epochs: count.default(1).describe('Number of epochs.'),
  ...heldOut,
  validateEvery: count.default(10).describe('Steps between validations on the pairs that are kept out of training.'),
  ...ofTraining,
  batchSize: count.default(8).describe('Number of pairs per optimizer step.'),
  microBatchSize: count
    .default(4)
    .describe('Pairs in one forward and backward pass; bounds memory and does not change the result.'),
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
