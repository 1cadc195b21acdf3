// How a labeler is asked: the settings of a labelling technique.
import { z } from 'zod'
import { count } from './fields'

/** A field that only questions about pairs have: its default is filled in where the comparison is pairwise. */
const ofPairs = <T extends z.ZodType>(schema: T, byDefault: z.output<T>, description: string) =>
  schema.optional().meta({ default: byDefault, description })

/** How a labeler is asked about a pair (paper §2.1, §4.4, Appendix M). */
const pairFields = {
  preamble: ofPairs(
    z.enum(['base', 'detailed']),
    'base',
    'Opening of the prompt: "base" is a few lines, "detailed" says what good and bad mean in each respect.',
  ),
  exemplars: ofPairs(z.number().int().min(0).max(8), 0, 'Number of worked examples shown before the pair.'),
  chainOfThought: ofPairs(z.boolean(), false, 'Whether the labeler writes a rationale before its answer is read.'),
  samples: ofPairs(
    count.max(64),
    1,
    'Number of rationales for each order, averaged (self-consistency); more than 1 requires a temperature above 0.',
  ),
  temperature: ofPairs(z.number().min(0).max(5), 0, 'Sampling temperature of the rationales; 0 is greedy.'),
  topK: ofPairs(z.number().int().min(0), 40, 'Sample the rationales only from the k most likely tokens; 0 means all.'),
  rationaleTokens: ofPairs(count.max(4096), 512, 'Maximum length of a rationale, in tokens.'),
  orders: ofPairs(
    z.union([z.literal(1), z.literal(2)]),
    2,
    '2 asks about each pair in both orders and averages, which cancels position bias; 1 asks once.',
  ),
}
type PairField = keyof typeof pairFields
type PairSettings = { [F in PairField]: NonNullable<z.output<(typeof pairFields)[F]>> }
const PAIR_DEFAULTS = Object.fromEntries(
  Object.entries(pairFields).map(([field, schema]) => [field, schema.meta()!.default]),
) as unknown as PairSettings

const NO_RATIONALE = 'no rationale is written before an answer about one response'
/** Why a field has no meaning where each response is asked about alone. */
const ONLY_OF_PAIRS: Record<PairField, string> = {
  preamble: "the task's score question has a single opening",
  exemplars: 'the worked examples show pairs',
  chainOfThought: NO_RATIONALE,
  samples: NO_RATIONALE,
  temperature: NO_RATIONALE,
  topK: NO_RATIONALE,
  rationaleTokens: NO_RATIONALE,
  orders: 'a response that is asked about alone has no order',
}

/** The same for a field that has no default to fill in. */
const SHOWN_WITH_PAIRS = { principles: 'principles stand in questions about pairs' }

/** The fields of a technique. Those of pairs are absent from a checked technique that asks pointwise. */
export const techniqueFields = {
  comparison: z
    .enum(['pairwise', 'pointwise'])
    .default('pairwise')
    .describe(
      'What a question shows: "pairwise" both responses of a pair; "pointwise" one response alone, with the score ' +
        'question of the task, once for each response. The label is then the probability that the first gets the ' +
        'higher of two different scores. Settings of questions about pairs have no meaning and are refused.',
    ),
  ...pairFields,
  labels: z
    .enum(['soft', 'hard'])
    .default('soft')
    .describe('Form of the labels: "soft" keeps probabilities, "hard" rounds them to 0 and 1.'),
  score: z
    .enum(['single', 'rubric'])
    .optional()
    .describe(
      'What is asked about one response alone. "single" (default): the score question of the task; "rubric": every ' +
        'criterion of its rubric, whose weighted mean is the score.',
    ),
  principles: z
    .boolean()
    .optional()
    .describe(
      "Whether each question about a pair shows one of the task's principles, drawn by the seed for the pair, as in " +
        'Constitutional AI. Default: false.',
    ),
}

type Given = { comparison?: 'pairwise' | 'pointwise' | undefined; principles?: unknown } & {
  [F in PairField]?: unknown
}
/** Settings with every field of pairs, or with none. */
export type Asked<T> = T extends unknown
  ? Omit<T, 'comparison' | PairField> & (({ comparison: 'pairwise' } & PairSettings) | { comparison: 'pointwise' })
  : never

/** Names each field of pairs that is given though the comparison is pointwise. */
export function refusePairFields(given: Given, { addIssue }: Pick<z.core.$RefinementCtx, 'addIssue'>): void {
  if (given.comparison !== 'pointwise') return
  for (const [field, reason] of Object.entries({ ...ONLY_OF_PAIRS, ...SHOWN_WITH_PAIRS }) as [PairField, string][])
    if (given[field] !== undefined)
      addIssue({
        code: 'custom',
        path: [field],
        message: `has no meaning when "comparison" is "pointwise": ${reason}; remove it`,
      })
}

/** `below` as far as `above` may be put on it: what asks pointwise takes over no field of pairs. */
export const withoutPairFields = (below: Record<string, unknown>, above: Given): Record<string, unknown> =>
  above.comparison === 'pointwise'
    ? Object.fromEntries(
        Object.entries(below).filter(([field]) => !Object.hasOwn({ ...pairFields, ...SHOWN_WITH_PAIRS }, field)),
      )
    : below

function withPairDefaults<T extends Given>(given: T): T {
  if (given.comparison === 'pointwise') return given
  const filled = Object.entries(PAIR_DEFAULTS).map(([field, value]) => [field, given[field as PairField] ?? value])
  return { ...given, ...(Object.fromEntries(filled) as PairSettings) }
}

/** Refuses fields of pairs in a pointwise technique, and fills in their defaults in a pairwise one. */
export const asked = <T extends z.ZodType<Given>>(schema: T) =>
  schema.superRefine(refusePairFields).overwrite(withPairDefaults) as unknown as z.ZodType<
    Asked<z.output<T>>,
    z.input<T>
  >

export const techniqueSchema = asked(z.strictObject(techniqueFields))
export type TechniqueSettings = z.output<typeof techniqueSchema>
