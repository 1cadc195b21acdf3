// Who is asked for preferences and scores, and how: the settings of a labeler or judge.
import { z } from 'zod'
import { requestFields } from './endpoint-request'
import { count, environmentName, LONGEST_PATH, nameGiven, refuseAddress } from './fields'
import { isRecord } from './overlay'
import { OTHER_KIND } from './parse'
import { precisionField } from './precision'
import { asked, techniqueFields, type Asked } from './technique-settings'
import { templateSchema } from './template-settings'

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
          '(model "human", "L", "S", "XS" or "gold", or "XS-2", "XS-3" … for a jury), which the worker itself serves.',
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
const isJuryGiven = (given: unknown): boolean => isRecord(given) && 'jury' in given

/** Leaves a labeler of another kind to the alternative that is meant. */
function refuseKind({ addIssue }: Pick<z.core.$RefinementCtx, 'addIssue'>): never {
  addIssue({ code: 'custom', message: 'expected an object', params: { [OTHER_KIND]: true } })
  return z.NEVER
}

/** A labeler that answers by itself: an endpoint or a local model. */
const memberSchema = asked(
  z.preprocess(
    (given, context) =>
      isJuryGiven(given) ? refuseKind(context) : typeof given === 'string' ? { model: given } : given,
    z.union([endpointLabeler, localLabeler]).prefault({ model: 'default' }),
  ),
).refine((labeler) => labeler.comparison === 'pointwise' || labeler.samples === 1 || labeler.temperature > 0, {
  path: ['temperature'],
  message: 'must be above 0 when "samples" is above 1: greedy rationales are all the same',
})
export type MemberSettings = z.infer<typeof memberSchema>

/** A labeler where no jury may stand. */
export const memberOfJury = z.preprocess((given, { addIssue }) => {
  if (!isJuryGiven(given)) return given
  addIssue({ code: 'custom', message: 'is a jury itself, where one labeler must stand: name a single one' })
  return z.NEVER
}, memberSchema)

/** From how many members on the highest and the lowest answer can be left out. */
const TRIMMED_FROM = 3
const jurySchema = z
  .strictObject({
    jury: z
      .array(memberOfJury)
      .min(1)
      .max(16)
      .describe(
        'A jury: the labelers that are all asked the same, each in its own way, local models and endpoints as you like. ' +
          'The label is made of their probabilities.',
      ),
    combine: z
      .enum(['mean', 'median', 'trimmed'])
      .default('mean')
      .describe(
        'How the probabilities, or scores, of the members become one. "mean"; "median", of an even number the mean of the ' +
          'middle two; "trimmed", the mean without the highest and the lowest.',
      ),
    quorum: count
      .optional()
      .describe(
        'Least number of members that must have answered; with fewer there is no label. A missing answer is left out ' +
          'of the combination. Default: more than half of the members.',
      ),
  })
  .superRefine(({ jury, combine, quorum }, { addIssue }) => {
    const refuse = (field: string, message: string) => addIssue({ code: 'custom', path: [field], message })
    if (quorum !== undefined && quorum > jury.length)
      refuse('quorum', `must be at most ${jury.length}, the number of members`)
    if (combine === 'trimmed' && jury.length < TRIMMED_FROM)
      refuse(
        'combine',
        `has no meaning for fewer than ${TRIMMED_FROM} members: without the highest and the lowest answer none is left`,
      )
  })
export type JurySettings = z.infer<typeof jurySchema>
export type Combination = JurySettings['combine']

export const labelerSchema = z
  .union([
    memberSchema,
    z.preprocess((given, context) => (isJuryGiven(given) ? given : refuseKind(context)), jurySchema),
  ])
  .prefault({ model: 'default' })
  .meta({
    description:
      'Who labels or judges, and how it is asked. A local model ("default", "policy" for the initial policy itself, ' +
      'a folder, hf:owner/name), alone or as {model}; an endpoint, as {baseUrl, model, apiKeyEnv}; or several of them, ' +
      'as {jury: [...]}.',
    default: { model: 'default' },
  })
export type LabelerSettings = MemberSettings | JurySettings
export type EndpointSettings = Asked<z.infer<typeof endpointLabeler>>
export const isEndpoint = (labeler: LabelerSettings): labeler is EndpointSettings => 'baseUrl' in labeler
export const isJury = (labeler: LabelerSettings): labeler is JurySettings => 'jury' in labeler
/** Who is asked: the members of a jury, or the labeler alone. */
export const membersOf = (labeler: LabelerSettings): MemberSettings[] => (isJury(labeler) ? labeler.jury : [labeler])
/** Whether a labeler is asked by the rubric or the principles of the task. */
export const asksForGuidance = ({ score, principles }: Pick<MemberSettings, 'score' | 'principles'>): boolean =>
  score === 'rubric' || principles === true
/** The first thing that is wrong with a labeler, by its field. */
export const faultOfLabeler = (given: unknown): Pick<z.core.$ZodIssue, 'path' | 'message'> | undefined =>
  (isJuryGiven(given) ? jurySchema : memberSchema).safeParse(given).error?.issues[0]
/** How many members of a jury must have answered. */
export const quorumOf = ({ jury, quorum }: Pick<JurySettings, 'jury' | 'quorum'>): number =>
  quorum ?? Math.floor(jury.length / 2) + 1

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
