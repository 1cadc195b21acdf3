// Who is asked for preferences and scores, and how: the settings of a labeler or judge.
import { z } from 'zod'
import { count, environmentName } from './fields'
import { templateSchema } from './template-settings'

/** How a labeler is asked about a pair (paper §2.1, §4.4, Appendix M). */
const technique = {
  preamble: z
    .enum(['base', 'detailed'])
    .default('base')
    .describe('Opening of the prompt: "base" is a few lines, "detailed" says what good and bad mean in each respect.'),
  exemplars: z.number().int().min(0).max(8).default(0).describe('Number of worked examples shown before the pair.'),
  chainOfThought: z
    .boolean()
    .default(false)
    .describe('Whether the labeler writes a rationale before its answer is read.'),
  samples: count
    .max(64)
    .default(1)
    .describe(
      'Number of rationales for each order, averaged (self-consistency); more than 1 requires a temperature above 0.',
    ),
  temperature: z.number().min(0).max(5).default(0).describe('Sampling temperature of the rationales; 0 is greedy.'),
  topK: z
    .number()
    .int()
    .min(0)
    .default(40)
    .describe('Sample the rationales only from the k most likely tokens; 0 means all.'),
  rationaleTokens: count.max(4096).default(512).describe('Maximum length of a rationale, in tokens.'),
  orders: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe('2 asks about each pair in both orders and averages, which cancels position bias; 1 asks once.'),
  labels: z
    .enum(['soft', 'hard'])
    .default('soft')
    .describe('Form of the labels: "soft" keeps probabilities, "hard" rounds them to 0 and 1.'),
}
export const techniqueSchema = z.strictObject(technique)

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
  model: z
    .string()
    .min(1)
    .describe(
      'A local model: "default", a folder, a .gguf file or hf:owner/name; ' +
        'or "policy", the run\'s own initial policy (same-size RLAIF).',
    ),
  template: templateSchema.optional(),
  answers: keptAnswers,
  ...technique,
})
const perMinute = z.number().positive().optional()
const money = z.number().nonnegative()
const endpointLabeler = z
  .strictObject({
    baseUrl: z
      .union([z.literal(WORLD), z.url({ protocol: /^https?$/ })])
      .describe(
        'Base URL of an OpenAI-compatible endpoint, e.g. http://127.0.0.1:8000/v1; ' +
          'or "world:" for the simulated annotators of the miniature world ' +
          '(model "human", "L", "S", "XS" or "gold"), which the worker itself serves.',
      ),
    model: z.string().min(1).describe('Name of the model at the endpoint.'),
    apiKeyEnv: environmentName
      .optional()
      .describe("Name of the worker's environment variable that holds the API key. Default: no key."),
    route: z
      .enum(['chat', 'completion'])
      .default('chat')
      .describe('Route of the API: chat completions, or plain completions.'),
    dialect: z
      .enum(['openai', 'vllm', 'llama.cpp', 'ollama'])
      .default('openai')
      .describe(
        'Kind of server, for what it supports beyond the common part of the API: ' +
          'vLLM and llama.cpp continue a prefilled answer.',
      ),
    countedAnswers: count
      .max(256)
      .optional()
      .describe(
        'For servers that return no log-probabilities: number of answers to sample; ' +
          'the share of each answer is its probability. Default: log-probabilities are used.',
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
    ...technique,
  })
  .refine((labeler) => labeler.maxCost === undefined || labeler.price !== undefined, {
    path: ['maxCost'],
    message: 'requires "price" as well',
  })
export const labelerSchema = z
  .preprocess(
    (given) => (typeof given === 'string' ? { model: given } : given),
    z.union([endpointLabeler, localLabeler]).prefault({ model: 'default' }),
  )
  .refine((labeler) => labeler.samples === 1 || labeler.temperature > 0, {
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
export type EndpointSettings = z.infer<typeof endpointLabeler>
export const isEndpoint = (labeler: LabelerSettings): labeler is EndpointSettings => 'baseUrl' in labeler

/** Settings of an endpoint that change no answer: how fast it is asked, and for how much money. */
export const PACE: readonly string[] = [
  'apiKeyEnv',
  'concurrency',
  'requestsPerMinute',
  'tokensPerMinute',
  'timeoutSeconds',
  'retries',
  'stopAfterFailures',
  'price',
  'maxCost',
] satisfies (keyof EndpointSettings)[]
