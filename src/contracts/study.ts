// Variants of how a labeler is asked, compared by `labelStudy`.
import { z } from 'zod'
import { techniqueSchema } from './labeler-settings'

export const variantSchema = z.strictObject({
  name: z.string().min(1).max(80).describe('Name of the variant in the report.'),
  technique: techniqueSchema.prefault({}).describe('Fields that override those of the labeler.'),
})

/** The rows of the paper's Table 2. */
export const TABLE_2: z.input<typeof variantSchema>[] = [
  { name: 'Base 0-shot', technique: {} },
  { name: 'Base 1-shot', technique: { exemplars: 1 } },
  { name: 'Base 2-shot', technique: { exemplars: 2 } },
  { name: 'Base + CoT 0-shot', technique: { chainOfThought: true } },
  { name: 'Detailed 0-shot', technique: { preamble: 'detailed' } },
  { name: 'Detailed 1-shot', technique: { preamble: 'detailed', exemplars: 1 } },
  { name: 'Detailed 2-shot', technique: { preamble: 'detailed', exemplars: 2 } },
  { name: 'Detailed 8-shot', technique: { preamble: 'detailed', exemplars: 8 } },
  { name: 'Detailed + CoT 0-shot', technique: { preamble: 'detailed', chainOfThought: true } },
  { name: 'Detailed + CoT 1-shot', technique: { preamble: 'detailed', chainOfThought: true, exemplars: 1 } },
  { name: 'Detailed + CoT 2-shot', technique: { preamble: 'detailed', chainOfThought: true, exemplars: 2 } },
]
