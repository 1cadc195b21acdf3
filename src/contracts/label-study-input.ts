// The input of `labelStudy`: several ways of asking a labeler about the same human-labelled pairs.
import { z } from 'zod'
import { datasetFields } from './input-fields'
import { labelerSchema } from './labeler-settings'
import { limitsSchema, modelSchema } from './settings'
import { TABLE_2, variantSchema } from './study'

const { promptTokens } = limitsSchema.unwrap().shape
/** Labelers read longer prompts than the policy of the quickstart. */
const longPrompts = limitsSchema
  .unwrap()
  .extend({ promptTokens: promptTokens.unwrap().default(1024).describe(promptTokens.description!) })
  .prefault({})
  .describe(limitsSchema.description!)

export const labelStudySchema = z.strictObject({
  model: modelSchema.describe('The model whose tokenizer measures the prompts.'),
  ...datasetFields,
  limits: longPrompts,
  labeler: labelerSchema,
  pairs: z.number().int().positive().default(100).describe('Number of human-labelled pairs, drawn with the seed.'),
  variants: z
    .array(variantSchema)
    .min(1)
    .default(() => TABLE_2.map((variant) => variantSchema.parse(variant)))
    .describe(
      "Ways of asking: the fields of each override the labeler's own. Default: the eleven of the paper's Table 2.",
    ),
})
