// The settings of a run, group by group. Defaults here are the quickstart's: minutes on two cores. See presets.ts for the paper's.
import { z } from 'zod'
import { count, probability, rate } from './fields'

export const seedSchema = z
  .number()
  .int()
  .nonnegative()
  .max(2 ** 31 - 1)
  .default(1)
  .describe('Seed of every random choice; the same seed and settings give the same run.')
export const modelSchema = z
  .string()
  .min(1)
  .default('default')
  .describe(
    'A model: "default" (SmolLM2-135M-Instruct), a Hugging Face model folder, a .gguf file, hf:owner/name[@revision], the URI of a policy in the artifact store, or "world:policy" (the untrained one of the miniature world).',
  )
export const taskSchema = z
  .string()
  .min(1)
  .default('summarization')
  .describe('"summarization", "helpful", "harmless", or a folder with a task.json of your own.')

export const DATA_FORMATS = ['jsonl', 'hh', 'pandalm', 'openai-comparisons', 'tldr', 'trl'] as const
const dataObject = z.strictObject({
  path: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A .jsonl, .json, .parquet or gzipped file, hf:datasets/owner/name[@revision]/path/to/file, or world:summaries?rows=2000 (or world:dialogues) of the miniature world, made by the seed of the run or by &seed=…; without it the prompts that come with the task.',
    ),
  format: z
    .enum(['auto', ...DATA_FORMATS])
    .default('auto')
    .describe('"auto" looks at the first row.'),
  fields: z
    .partialRecord(z.enum(['id', 'prompt', 'messages', 'reference', 'responses', 'preferred']), z.string().min(1))
    .optional()
    .describe(
      'For rows of your own with other names: ours → theirs, e.g. {"prompt": "question", "reference": "answer"}. Fields not named are left out.',
    ),
  confidence: z
    .array(z.number().int().min(1).max(9))
    .min(1)
    .optional()
    .describe("Of OpenAI's comparisons: only rows with one of these confidences; the paper keeps 1, 2, 8 and 9."),
  cnndm: z
    .boolean()
    .default(false)
    .describe("Of OpenAI's comparisons: the CNN/DailyMail batches instead of the Reddit ones."),
  limit: count.optional().describe('How many prompts to use, drawn by the seed; all of them without it.'),
  evaluationPrompts: count.default(16).describe('Prompts held out for the evaluation; at most half of all.'),
})
export const dataSchema = z
  .preprocess((given) => (typeof given === 'string' ? { path: given } : given), dataObject.prefault({}))
  .describe('A path, or an object with path, format, limit and evaluationPrompts.')
export type DataSettings = z.infer<typeof dataSchema>

export const limitsSchema = z
  .strictObject({
    promptTokens: count.default(256).describe('Longer prompts are left out and counted.'),
    responseTokens: count
      .default(48)
      .describe('A response is cut here; one without an end loses `rl.missingEosPenalty`.'),
  })
  .prefault({})
export type Limits = z.infer<typeof limitsSchema>

const loraSchema = z.strictObject({
  rank: count.max(4096).default(16),
  alpha: z.number().positive().default(32),
  targets: z
    .array(z.string().min(1))
    .min(1)
    .default(['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])
    .describe('Linear layers that get one.'),
})
const training = {
  batchSize: count.default(8),
  microBatchSize: count.default(4).describe('Rows of one forward and backward pass; bounds memory, changes no result.'),
  learningRate: rate.default(2e-5),
  optimizer: z.enum(['adafactor', 'adamw']).default('adafactor').describe("The paper's is Adafactor."),
  weightDecay: z.number().min(0).max(1).default(0).describe('Of AdamW, on matrices.'),
  maxGradientNorm: z.number().min(0).default(0).describe('Longer gradients are cut to this norm; 0 leaves them.'),
  warmupSteps: z.number().int().min(0).default(0).describe('Steps in which the learning rate rises from 0.'),
  schedule: z
    .enum(['constant', 'linear', 'cosine'])
    .default('constant')
    .describe('How the learning rate falls after the warm-up.'),
  recompute: z
    .boolean()
    .default(false)
    .describe('Compute activations again in the backward pass: less memory, about a third more time.'),
  lora: loraSchema
    .optional()
    .describe('Train a low-rank adapter instead of all weights; the policy is written merged, the adapter beside it.'),
  checkpointEvery: count.default(5).describe('Steps between checkpoints; a killed worker loses at most these.'),
}
export const sftSchema = z.strictObject({ epochs: count.default(1), ...training }).prefault({})
export type SftStageSettings = z.infer<typeof sftSchema>

export const sampleSchema = z
  .strictObject({
    source: z
      .enum(['policy', 'data'])
      .optional()
      .describe(
        '"policy", as without it: two responses of the initial policy to each prompt. "data": the pairs that people compared, so that AI and human labels differ in nothing else (paper §3.2); the other fields have no meaning then.',
      ),
    temperature: z.number().positive().max(5).default(1).describe('Of the two responses to each prompt.'),
    topK: z.number().int().min(0).default(0).describe('Only the k most likely tokens; 0 is all of them.'),
    topP: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe('Then only the most likely tokens with this share of the probability.'),
  })
  .prefault({})
export type SampleSettings = z.infer<typeof sampleSchema>

export const labelSchema = z
  .strictObject({ maxFailedShare: probability.default(0.02).describe('More failed labels than this fail the stage.') })
  .prefault({})
export type LabelSettings = z.infer<typeof labelSchema>

export const rewardModelSchema = z
  .strictObject({
    init: z
      .enum(['sft', 'model'])
      .default('sft')
      .describe('Starts from the SFT model, or from the model before it (Table 6 of the paper).'),
    epochs: count.default(2).describe('At most.'),
    plateau: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe(
        'Ends after the epoch whose mean loss is less than this share below that of the epoch before; 0 goes through all epochs.',
      ),
    heldOutShare: z
      .number()
      .min(0)
      .max(0.9)
      .default(0.2)
      .describe('Labelled pairs kept out of training, for the accuracy.'),
    trainShare: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe('Of the other pairs, how many to train on: for accuracy by number of examples.'),
    ...training,
  })
  .prefault({})
export type RewardModelStageSettings = z.infer<typeof rewardModelSchema>

export const rlSchema = z
  .strictObject({
    algorithm: z
      .enum(['reinforce', 'rloo'])
      .default('reinforce')
      .describe(
        '"reinforce": with a learned value baseline, the paper\'s; "rloo": the other responses to the same prompt are the baseline.',
      ),
    groupSize: count.min(2).default(4).describe('Of "rloo": responses to each prompt; batchSize is a multiple of it.'),
    steps: count.default(8),
    ...training,
    valueLearningRate: rate.default(1e-4),
    temperature: z.number().positive().max(5).default(0.9).describe('Of sampling, and inside every log-probability.'),
    klWeight: probability.default(0.05).describe('β of (1−β)·reward − β·KL.'),
    missingEosPenalty: z
      .number()
      .min(0)
      .default(1)
      .describe('Taken off the reward of a response that was cut at `limits.responseTokens`.'),
    maxKl: z
      .number()
      .positive()
      .default(100)
      .describe(
        'KL to the SFT model, in nats a response, above which training goes back to its last checkpoint and ends.',
      ),
    minEntropy: z
      .number()
      .min(0)
      .default(0.01)
      .describe('Mean entropy, in nats a token, below which the policy has collapsed: the same.'),
    minLength: z
      .number()
      .min(0)
      .default(1.5)
      .describe('Mean response, in tokens, below which the policy has collapsed: the same.'),
    candidates: z
      .number()
      .int()
      .min(0)
      .max(16)
      .default(2)
      .describe(
        'Checkpoints with the highest validation reward that are kept; a judge then chooses among them by win rate against the SFT model. 0 takes the last step.',
      ),
    validateEvery: count.default(4).describe('Steps between validations.'),
    validationPrompts: count.default(8).describe('Prompts kept out of training for them; at most a quarter of all.'),
  })
  .refine((rl) => rl.algorithm !== 'rloo' || rl.batchSize % rl.groupSize === 0, {
    path: ['batchSize'],
    message: 'wants a multiple of "groupSize" with "rloo"',
  })
  .prefault({})
export type RlStageSettings = z.infer<typeof rlSchema>

export const responseTemperature = z
  .number()
  .min(0)
  .max(5)
  .default(0)
  .describe('Of the responses that are compared; 0 is greedy.')

export const evaluateSchema = z
  .strictObject({
    temperature: responseTemperature,
    agreementPairs: z
      .number()
      .int()
      .min(0)
      .default(64)
      .describe('Pairs with human labels on which the judge is compared with people, at most.'),
  })
  .prefault({})
export type EvaluateSettings = z.infer<typeof evaluateSchema>
