// Who is asked for preferences and scores, and how: the settings of a labeler or judge.
import { z } from 'zod'
import { requestFields } from './endpoint-request'
import { count, environmentName, LONGEST_PATH, nameGiven, refuseAddress } from './fields'
import { precisionField } from './precision'
import { templateSchema } from './template-settings'

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
}

type Given = { comparison?: 'pairwise' | 'pointwise' | undefined } & { [F in PairField]?: unknown }
/** Settings with every field of pairs, or with none. */
type Asked<T> = T extends unknown
  ? Omit<T, 'comparison' | PairField> & (({ comparison: 'pairwise' } & PairSettings) | { comparison: 'pointwise' })
  : never

/** Names each field of pairs that is given though the comparison is pointwise. */
export function refusePairFields(given: Given, { addIssue }: Pick<z.core.$RefinementCtx, 'addIssue'>): void {
  if (given.comparison !== 'pointwise') return
  for (const [field, reason] of Object.entries(ONLY_OF_PAIRS) as [PairField, string][])
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
    ? Object.fromEntries(Object.entries(below).filter(([field]) => !Object.hasOwn(pairFields, field)))
    : below

function withPairDefaults<T extends Given>(given: T): T {
  if (given.comparison === 'pointwise') return given
  const filled = Object.entries(PAIR_DEFAULTS).map(([field, value]) => [field, given[field as PairField] ?? value])
  return { ...given, ...(Object.fromEntries(filled) as PairSettings) }
}

/** Refuses fields of pairs in a pointwise technique, and fills in their defaults in a pairwise one. */
const asked = <T extends z.ZodType<Given>>(schema: T) =>
  schema.superRefine(refusePairFields).overwrite(withPairDefaults) as unknown as z.ZodType<
    Asked<z.output<T>>,
    z.input<T>
  >

export const techniqueSchema = asked(z.strictObject(techniqueFields))
export type TechniqueSettings = z.output<typeof techniqueSchema>

/** Which stored answers are used; those of the run itself always are, so that no attempt pays twice. */
const keptAnswers = z
  .union([
    z.enum(['keep', 'again']),
    z.strictObject({
      maxAgeDays: z.number().positive().describe('Age in days up to which an answer of an earlier run is used.'),
    }),
  ])
  .default('keep')
  .describe(
    'Use of answers that the same labeler gave in earlier runs: "keep" uses all of them, "again" asks every question ' +
      'anew once in this run, {"maxAgeDays": n} uses those of the last n days. An endpoint may have put another model ' +
      'behind the same name since.',
  )
export type KeptAnswers = z.infer<typeof keptAnswers>

/** The endpoint that the worker itself serves: the annotators of the miniature world. */
export const WORLD = 'world:'

const localLabeler = z.strictObject({
  model: nameGiven.describe(
    'A local model: "default", a folder, a .gguf file or hf:owner/name; ' +
      'or "policy", the run\'s own initial policy (same-size RLAIF).',
  ),
  template: templateSchema.optional(),
  precision: precisionField,
  answers: keptAnswers,
  ...techniqueFields,
})
const perMinute = z.number().positive().optional()
const money = z.number().nonnegative()
const endpointLabeler = z
  .strictObject({
    baseUrl: z
      .union([z.literal(WORLD), z.url({ protocol: /^https?$/ }).max(LONGEST_PATH)])
      .superRefine((address, context) =>
        address === WORLD ? undefined : refuseAddress(address, context, 'with version'),
      )
      .describe(
        'Base URL of an OpenAI-compatible endpoint, e.g. http://127.0.0.1:8000/v1; a query that names a version, such ' +
          'as ?api-version=…, is kept; ' +
          'or "world:" for the simulated annotators of the miniature world ' +
          '(model "human", "L", "S", "XS" or "gold"), which the worker itself serves.',
      ),
    model: nameGiven.describe('Name of the model at the endpoint.'),
    apiKeyEnv: environmentName
      .optional()
      .describe("Name of the worker's environment variable that holds the API key. Default: no key."),
    route: z
      .enum(['chat', 'completion'])
      .default('chat')
      .describe('Route of the API: chat completions, or plain completions.'),
    ...requestFields,
    countedAnswers: count
      .max(256)
      .optional()
      .describe(
        'For servers that return no log-probabilities: number of answers to sample; ' +
          'the share of each answer is its probability. Default: log-probabilities are used; 8 where the dialect ' +
          'has none.',
      ),
    concurrency: count.max(1024).default(8).describe('Maximum number of requests in flight.'),
    requestsPerMinute: perMinute.describe(
      'Maximum number of requests per minute of the whole stage. Default: no limit.',
    ),
    tokensPerMinute: perMinute.describe(
      'Maximum number of tokens per minute of the whole stage, prompts and answers, ' +
        'estimated before each request. Default: no limit.',
    ),
    timeoutSeconds: count.default(60).describe('Timeout of one request, in seconds.'),
    retries: z
      .number()
      .int()
      .min(0)
      .max(20)
      .default(4)
      .describe('Number of retries of a request that failed, with growing pauses.'),
    stopAfterFailures: count
      .default(16)
      .describe(
        'The stage stops when this many requests in a row have failed, each after all its retries; ' +
          'it resumes from the answers it has.',
      ),
    price: z
      .strictObject({
        inputPerMillion: money.describe('Price of a million input tokens.'),
        outputPerMillion: money.describe('Price of a million output tokens.'),
      })
      .optional()
      .describe('Price of a million input and output tokens, in any currency. Default: costs are not counted.'),
    maxCost: money
      .optional()
      .describe(
        'The stage stops before its cost, in all its attempts together, would exceed this; requires `price`. ' +
          'Default: no limit.',
      ),
    answers: keptAnswers,
    ...techniqueFields,
  })
  .refine((labeler) => labeler.maxCost === undefined || labeler.price !== undefined, {
    path: ['maxCost'],
    message: 'requires "price" as well',
  })
export const labelerSchema = asked(
  z.preprocess(
    (given) => (typeof given === 'string' ? { model: given } : given),
    z.union([endpointLabeler, localLabeler]).prefault({ model: 'default' }),
  ),
)
  .refine((labeler) => labeler.comparison === 'pointwise' || labeler.samples === 1 || labeler.temperature > 0, {
    path: ['temperature'],
    message: 'must be above 0 when "samples" is above 1: greedy rationales are all the same',
  })
  .meta({
    description:
      'Who labels or judges, and how it is asked. A local model ("default", "policy" for the initial policy itself, ' +
      'a folder, hf:owner/name), alone or as {model}; or an endpoint, as {baseUrl, model, apiKeyEnv}.',
    default: { model: 'default' },
  })
export type LabelerSettings = z.infer<typeof labelerSchema>
export type EndpointSettings = Asked<z.infer<typeof endpointLabeler>>
export const isEndpoint = (labeler: LabelerSettings): labeler is EndpointSettings => 'baseUrl' in labeler

/** Settings of an endpoint that change no answer: how fast it is asked, and for how much money. */
export const PACE: readonly string[] = [
  'apiKeyEnv',
  'headers',
  'concurrency',
  'requestsPerMinute',
  'tokensPerMinute',
  'timeoutSeconds',
  'retries',
  'stopAfterFailures',
  'price',
  'maxCost',
] satisfies (keyof EndpointSettings)[]
