// Variants of how a labeler is asked, compared by `labelStudy`.
import { z } from 'zod'
import { refusePairFields, techniqueFields } from './technique-settings'

type Technique = z.output<z.ZodObject<typeof techniqueFields>>
type WithDefault = z.ZodDefault<z.ZodType> | z.ZodOptional<z.ZodType>
const withoutDefault = ([name, field]: [string, WithDefault]) => [
  name,
  field.unwrap().optional().describe(field.description!),
]
/** Fields of a technique without their defaults: what a variant leaves out is the labeler's. */
const givenTechnique = z
  .strictObject(Object.fromEntries(Object.entries(techniqueFields as Record<string, WithDefault>).map(withoutDefault)))
  .superRefine(refusePairFields) as unknown as z.ZodType<Partial<Technique>, Partial<Technique>>

export const variantSchema = z.strictObject({
  name: z.string().min(1).max(80).describe('Name of the variant in the report.'),
  technique: givenTechnique
    .default({})
    .describe('Fields that override those of the labeler; the others stay as the labeler has them.'),
})

export type Variant = z.output<typeof variantSchema>

/** What the rows of the paper's Table 2 differ in: each states all of it. */
const BASE_0_SHOT = { preamble: 'base', exemplars: 0, chainOfThought: false } as const
/** The rows of the paper's Table 2. */
export const TABLE_2: z.input<typeof variantSchema>[] = [
  { name: 'Base 0-shot', technique: BASE_0_SHOT },
  { name: 'Base 1-shot', technique: { ...BASE_0_SHOT, exemplars: 1 } },
  { name: 'Base 2-shot', technique: { ...BASE_0_SHOT, exemplars: 2 } },
  { name: 'Base + CoT 0-shot', technique: { ...BASE_0_SHOT, chainOfThought: true } },
  { name: 'Detailed 0-shot', technique: { ...BASE_0_SHOT, preamble: 'detailed' } },
  { name: 'Detailed 1-shot', technique: { ...BASE_0_SHOT, preamble: 'detailed', exemplars: 1 } },
  { name: 'Detailed 2-shot', technique: { ...BASE_0_SHOT, preamble: 'detailed', exemplars: 2 } },
  { name: 'Detailed 8-shot', technique: { ...BASE_0_SHOT, preamble: 'detailed', exemplars: 8 } },
  { name: 'Detailed + CoT 0-shot', technique: { ...BASE_0_SHOT, preamble: 'detailed', chainOfThought: true } },
  {
    name: 'Detailed + CoT 1-shot',
    technique: { ...BASE_0_SHOT, preamble: 'detailed', chainOfThought: true, exemplars: 1 },
  },
  {
    name: 'Detailed + CoT 2-shot',
    technique: { ...BASE_0_SHOT, preamble: 'detailed', chainOfThought: true, exemplars: 2 },
  },
]
