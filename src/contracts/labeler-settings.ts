// Who is asked for preferences and scores, and how: the settings of a labeler or judge.
import { z } from 'zod'
import { count, environmentName } from './fields'

/** How pairs are put to a labeler (paper §2.1, §4.4, Appendix M). */
const technique = {
  preamble: z
    .enum(['base', 'detailed'])
    .default('base')
    .describe('Opening of the prompt: a few lines, or what good and bad mean in each respect.'),
  exemplars: z.number().int().min(0).max(8).default(0).describe('Worked examples shown before the pair.'),
  chainOfThought: z.boolean().default(false).describe('The labeler first writes a rationale, then its answer is read.'),
  samples: count
    .max(64)
    .default(1)
    .describe('Rationales for each order, averaged (self-consistency); wants a temperature above 0.'),
  temperature: z.number().min(0).max(5).default(0).describe('Of the rationales.'),
  topK: z.number().int().min(0).default(40).describe('Of the rationales: only the k most likely tokens; 0 is all.'),
  rationaleTokens: count.max(4096).default(512).describe('A rationale is cut here.'),
  orders: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe('2 asks each pair in both orders and averages, which cancels a liking for a slot.'),
  labels: z.enum(['soft', 'hard']).default('soft').describe('Probabilities, or 0 and 1.'),
}
export const techniqueSchema = z.strictObject(technique)
export type TechniqueSettings = z.infer<typeof techniqueSchema>

/** The endpoint that a worker opens by itself: the annotators of the miniature world. */
export const WORLD = 'world:'

const localLabeler = z.strictObject({
  model: z
    .string()
    .min(1)
    .describe(
      'A local model: "default", a folder, a .gguf file or hf:owner/name; or "policy", the run\'s own initial policy (same-size RLAIF).',
    ),
  ...technique,
})
const perMinute = z.number().positive().optional()
const money = z.number().nonnegative()
const endpointLabeler = z
  .strictObject({
    baseUrl: z
      .union([z.literal(WORLD), z.url({ protocol: /^https?$/ })])
      .describe(
        'An OpenAI-compatible endpoint, e.g. http://127.0.0.1:8000/v1; or "world:" for the simulated annotators of the miniature world (model "human", "L", "S", "XS" or "gold"), which the worker itself serves.',
      ),
    model: z.string().min(1).describe('The model name the endpoint knows.'),
    apiKeyEnv: environmentName
      .optional()
      .describe('Name of the environment variable of the worker that holds the key.'),
    route: z.enum(['chat', 'completion']).default('chat').describe('The chat or the plain completion route.'),
    dialect: z
      .enum(['openai', 'vllm', 'llama.cpp', 'ollama'])
      .default('openai')
      .describe(
        'What the server understands beyond the common part: vLLM and llama.cpp go on from a prefilled answer.',
      ),
    countedAnswers: count
      .max(256)
      .optional()
      .describe('For servers without log-probabilities: probabilities are shares of so many sampled answers.'),
    concurrency: count.max(1024).default(8).describe('Requests in flight.'),
    requestsPerMinute: perMinute.describe('Of the whole stage.'),
    tokensPerMinute: perMinute.describe('Of the whole stage, prompt and answer, estimated before each request.'),
    timeoutSeconds: count.default(60).describe('Of one request.'),
    retries: z.number().int().min(0).max(20).default(4).describe('Further tries of one request, with growing pauses.'),
    stopAfterFailures: count
      .default(16)
      .describe(
        'So many requests that fail in a row, each after all its tries, stop the stage; it goes on from what is answered.',
      ),
    price: z
      .strictObject({ inputPerMillion: money, outputPerMillion: money })
      .optional()
      .describe('Of a million tokens in and out, in any currency.'),
    maxCost: money.optional().describe('The stage stops before it would pass this; wants a price.'),
    ...technique,
  })
  .refine((labeler) => labeler.maxCost === undefined || labeler.price !== undefined, {
    path: ['maxCost'],
    message: 'wants "price" beside it',
  })
export const labelerSchema = z
  .preprocess(
    (given) => (typeof given === 'string' ? { model: given } : given),
    z.union([endpointLabeler, localLabeler]).prefault({ model: 'default' }),
  )
  .refine((labeler) => labeler.samples === 1 || labeler.temperature > 0, {
    path: ['temperature'],
    message: 'wants to be above 0 when "samples" is above 1: greedy rationales are all the same',
  })
  .meta({
    description:
      'Who judges: a local model ("default", "policy" for the initial policy itself, a folder, hf:owner/name), alone or as {model}; or {baseUrl, model, apiKeyEnv} for an endpoint; and how it is asked.',
    default: { model: 'default' },
  })
export type LabelerSettings = z.infer<typeof labelerSchema>
export type EndpointSettings = z.infer<typeof endpointLabeler>
export const isEndpoint = (labeler: LabelerSettings): labeler is EndpointSettings => 'baseUrl' in labeler
