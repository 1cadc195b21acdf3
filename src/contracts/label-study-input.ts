// The input of `labelStudy`: several ways of asking a labeler about the same human-labelled pairs.
import { z } from 'zod'
import { datasetFields } from './input-fields'
import { faultOfLabeler, labelerSchema, type LabelerSettings } from './labeler-settings'
import { overlayField } from './overlay'
import { limitsSchema, modelSchema } from './settings'
import { TABLE_2, variantSchema, type Variant } from './study'
import { refuseUnasked } from './unasked'

const { promptTokens } = limitsSchema.unwrap().shape
/** Labelers read longer prompts than a small policy. */
const longPrompts = limitsSchema
  .unwrap()
  .extend({ promptTokens: promptTokens.unwrap().default(1024).describe(promptTokens.description!) })
  .prefault({})
  .describe(limitsSchema.description!)

const fields = z.strictObject({
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

/** The labeler as a variant asks it. */
export const variantLabeler = (labeler: LabelerSettings, { technique }: Variant): LabelerSettings =>
  overlayField('labeler', labeler, technique) as LabelerSettings

export const labelStudySchema = fields.superRefine(({ labeler, variants }, { addIssue }) =>
  variants.forEach((variant, i) => {
    const asked = variantLabeler(labeler, variant)
    const fault = faultOfLabeler(asked)
    if (fault) addIssue({ code: 'custom', path: ['variants', i, 'technique', ...fault.path], message: fault.message })
    else refuseUnasked(asked, 'pairs', ['variants', i, 'technique'], { addIssue })
  }),
)
