// The settings of a run, group by group; those of training: training-settings.ts. The defaults here are those of the
// preset "small", for two cores; the other presets are in presets.ts.
import { z } from 'zod'
import { fieldNamesSchema } from './field-names'
import { count, nameGiven, probability } from './fields'
import { precisionField } from './precision'

export const seedSchema = z
  .number()
  .int()
  .nonnegative()
  .max(2 ** 31 - 1)
  .default(1)
  .describe('Seed of every random choice; the same seed and settings give the same run.')
export const modelSchema = nameGiven
  .default('default')
  .describe(
    'A model: "default" (SmolLM2-135M-Instruct), a Hugging Face model folder, a .gguf file, ' +
      'hf:owner/name[@revision], the URI of a policy in the artifact store, ' +
      'or "world:policy" (the untrained policy of the miniature world).',
  )
export const taskSchema = nameGiven
  .default('summarization')
  .describe('The task: "summarization", "helpful", "harmless", "cheerful", or your own folder with a task.json.')

export const DATA_FORMATS = [
  'jsonl',
  'hh',
  'pandalm',
  'openai-comparisons',
  'tldr',
  'trl',
  'shp',
  'ultrafeedback',
  'webgpt',
  'alpaca',
] as const
const dataObject = z.strictObject({
  path: nameGiven
    .optional()
    .describe(
      'Where the rows are: a .jsonl, .json, .parquet or gzipped file; ' +
        'hf:datasets/owner/name[@revision]/path/to/file; or world:summaries?rows=2000 (or world:dialogues) ' +
        'of the miniature world, generated with the seed of the run, or another with &seed=…. ' +
        'Default: the prompts that come with the task.',
    ),
  format: z
    .enum(['auto', ...DATA_FORMATS])
    .default('auto')
    .describe('Format of the rows; "auto" detects it from the first rows.'),
  fields: fieldNamesSchema.optional(),
  confidence: z
    .array(z.number().int().min(1).max(9))
    .min(1)
    .optional()
    .describe(
      "For OpenAI's comparisons: keep only rows with one of these confidences; the paper keeps 1, 2, 8 and 9. " +
        'Default: all rows.',
    ),
  cnndm: z
    .boolean()
    .default(false)
    .describe("For OpenAI's comparisons: use the CNN/DailyMail batches instead of the Reddit ones."),
  limit: count.optional().describe('Number of prompts to use, drawn with the seed. Default: all of them.'),
  evaluationPrompts: count
    .default(16)
    .describe('Number of prompts held out for the evaluation; at most half of all prompts.'),
})
export const dataSchema = z
  .preprocess((given) => (typeof given === 'string' ? { path: given } : given), dataObject.prefault({}))
  .describe('The dataset: a path, or an object with path, format, limit and evaluationPrompts.')
export type DataSettings = z.infer<typeof dataSchema>

export const limitsSchema = z
  .strictObject({
    promptTokens: count
      .default(256)
      .describe('Maximum length of a prompt, in tokens; longer prompts are left out and counted.'),
    responseTokens: count
      .default(48)
      .describe('Maximum length of a response, in tokens; RL subtracts `rl.missingEosPenalty` when one is cut here.'),
  })
  .prefault({})
  .describe('Limits on the length of prompts and responses.')
export type Limits = z.infer<typeof limitsSchema>

export const sampleSchema = z
  .strictObject({
    source: z
      .enum(['policy', 'data'])
      .optional()
      .describe(
        'Source of the pairs of responses. "policy" (default): the initial policy, two responses to each prompt; ' +
          '"data": the pairs that people compared, so that AI and human labels differ in nothing else (paper §3.2); ' +
          'the other fields of this group then have no effect.',
      ),
    responses: z
      .number()
      .int()
      .min(2)
      .max(64)
      .optional()
      .describe('Responses to each prompt, of which `pairs` are labelled. Default: 2, which are one pair.'),
    pairs: z
      .enum(['random', 'neighbours', 'extremes'])
      .optional()
      .describe(
        'Which pairs of more than two responses are labelled. "random" (default): disjoint pairs. By the score of each ' +
          'response, for a labeler with `comparison: "pointwise"`, which is asked no further question: "neighbours", ' +
          'each with the next best; "extremes", the better half with the worse half.',
      ),
    temperature: z
      .number()
      .positive()
      .max(5)
      .default(1)
      .describe('Sampling temperature of the responses to each prompt.'),
    topK: z.number().int().min(0).default(0).describe('Sample only from the k most likely tokens; 0 means all.'),
    topP: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe(
        'After top-k: sample only from the most likely tokens that together have this share of the probability.',
      ),
    precision: precisionField,
  })
  .refine(({ pairs, responses = 2 }) => pairs === undefined || responses > 2, {
    path: ['pairs'],
    error: 'has no meaning for two responses, which are one pair; set "responses" to more than 2, or remove it',
  })
  .refine(({ source, responses }) => source !== 'data' || responses === undefined, {
    path: ['responses'],
    error: 'has no meaning when "source" is "data", whose pairs are given; remove it',
  })
  .prefault({})
  .describe('Settings of stage `sample`, which samples the responses.')

export const labelSchema = z
  .strictObject({
    maxFailedShare: probability
      .default(0.02)
      .describe('Tolerated share of labels that fail, from 0 to 1; the stage, or a shard of it, fails when more do.'),
  })
  .prefault({})
  .describe('Settings of stage `label`.')

export const responseTemperature = z
  .number()
  .min(0)
  .max(5)
  .default(0)
  .describe('Sampling temperature of the responses that are compared; 0 is greedy decoding.')

export const evaluateSchema = z
  .strictObject({
    temperature: responseTemperature,
    agreementPairs: z
      .number()
      .int()
      .min(0)
      .default(64)
      .describe('Maximum number of human-labelled pairs on which the judge is compared with people.'),
    precision: precisionField,
  })
  .prefault({})
  .describe('Settings of stage `evaluate`.')
