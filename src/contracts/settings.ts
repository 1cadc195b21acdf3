// The settings of a run, group by group. The defaults here are those of the preset "small", for two cores; the other
// presets are in presets.ts.
import { z } from 'zod'
import { fieldNamesSchema } from './field-names'
import { count, nameGiven, probability, rate } from './fields'
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

const loraSchema = z.strictObject({
  rank: count.max(4096).default(16).describe('Rank of the adapter.'),
  alpha: z.number().positive().default(32).describe('Scale of the adapter: its output is multiplied by alpha / rank.'),
  targets: z
    .array(nameGiven)
    .min(1)
    .default(['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])
    .describe('Names of the linear layers that get an adapter.'),
})
const training = {
  batchSize: count.default(8).describe('Number of rows (in RL: of responses) per optimizer step.'),
  microBatchSize: count
    .default(4)
    .describe('Rows in one forward and backward pass; bounds memory and does not change the result.'),
  learningRate: rate.default(2e-5).describe('Learning rate after the warm-up.'),
  optimizer: z.enum(['adafactor', 'adamw']).default('adafactor').describe('The optimizer; the paper uses Adafactor.'),
  weightDecay: z.number().min(0).max(1).default(0).describe('Weight decay of AdamW, applied to matrices only.'),
  maxGradientNorm: z.number().min(0).default(0).describe('Norm to which gradients are clipped; 0 turns clipping off.'),
  warmupSteps: z.number().int().min(0).default(0).describe('Steps over which the learning rate rises from 0.'),
  schedule: z
    .enum(['constant', 'linear', 'cosine'])
    .default('constant')
    .describe('Learning rate after the warm-up: constant, or falling to 0 linearly or along a cosine.'),
  recompute: z
    .boolean()
    .default(false)
    .describe('Recompute activations in the backward pass: less memory, about a third more time.'),
  lora: loraSchema
    .optional()
    .describe(
      'Train a low-rank adapter (LoRA) instead of all weights. The policy is written as an adapter that PEFT loads, with ' +
        'the name of what it was trained from; `rlaif model export` makes a whole model of it. Default: all weights.',
    ),
  precision: precisionField,
  checkpointEvery: count
    .default(5)
    .describe('Steps between checkpoints; a killed worker loses at most the work of this many steps.'),
}
export const sftSchema = z
  .strictObject({ epochs: count.default(1).describe('Number of epochs.'), ...training })
  .prefault({})
  .describe('Settings of stage `sft`, supervised fine-tuning.')

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

export const rewardModelSchema = z
  .strictObject({
    init: z
      .enum(['sft', 'model'])
      .default('sft')
      .describe(
        'What training starts from: "sft", the SFT model, or "model", the model before SFT (Table 6 of the paper).',
      ),
    head: z
      .enum(['random', 'fitted'])
      .optional()
      .describe(
        'What the score head starts from. "random" (default): N(0, 1/(D+1)) for D hidden dimensions; "fitted": a logistic ' +
          'regression of the labels on the last hidden states of the untrained model, for few pairs.',
      ),
    curriculum: z
      .enum(['none', 'clear-first', 'uncertain-first'])
      .optional()
      .describe(
        'Order of the pairs within each epoch, by |p − ½| of their labels: "clear-first" begins with those that the ' +
          'labeler is sure of, "uncertain-first" with those it is not, each in the order of the seed where labels are ' +
          'alike. Default: "none", the order of the seed alone.',
      ),
    epochs: count.default(2).describe('Maximum number of epochs; see `plateau`.'),
    plateau: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe(
        'Early stopping: training ends after the first epoch whose mean loss is less than this share below ' +
          'that of the epoch before; 0 runs all epochs.',
      ),
    heldOutShare: z
      .number()
      .min(0)
      .max(0.9)
      .default(0.2)
      .describe('Share of the labelled pairs that is kept out of training, to measure accuracy on.'),
    trainShare: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe('Share of the other pairs to train on, for studies of accuracy by number of examples.'),
    ...training,
  })
  .prefault({})
  .describe('Settings of stage `reward-model`.')

/** Fields of one algorithm of RL. */
type OfGrpo = 'advantageScale' | 'lossMean'
const onlyForGrpo =
  (field: OfGrpo) =>
  (rl: { algorithm: string } & Partial<Record<OfGrpo, unknown>>): boolean =>
    rl.algorithm === 'grpo' || rl[field] === undefined
const refusedOutsideGrpo = (field: OfGrpo) => ({
  path: [field],
  message: 'has no meaning unless "algorithm" is "grpo"; remove it',
})

/** What happens when RL leaves the range of a limit. */
const BACK_TO_CHECKPOINT = 'training returns to its last checkpoint and ends'
export const rlSchema = z
  .strictObject({
    algorithm: z
      .enum(['reinforce', 'rloo', 'grpo'])
      .default('reinforce')
      .describe(
        'RL algorithm. "reinforce": with a learned value baseline, as in the paper; ' +
          '"rloo": the other responses to the same prompt are the baseline; "grpo": the mean of all responses to the ' +
          'prompt is, and `advantageScale` and `lossMean` choose the variant.',
      ),
    groupSize: count
      .min(2)
      .default(4)
      .describe('For "rloo" and "grpo": number of responses to each prompt; batchSize must be a multiple of it.'),
    advantageScale: z
      .enum(['std', 'none'])
      .optional()
      .describe(
        'For "grpo": what the advantages of a prompt\'s responses are divided by. "std" (default): the standard deviation ' +
          'of their rewards; "none": nothing, as in Dr. GRPO and RLOO.',
      ),
    lossMean: z
      .enum(['sequence', 'token', 'constant'])
      .optional()
      .describe(
        'For "grpo": what the loss is a mean over. "sequence" (default): the responses, each with the mean over its ' +
          'tokens; "token": all tokens of the batch, as in DAPO; "constant": the responses, each with the sum over its ' +
          'tokens divided by `limits.responseTokens`, as in Dr. GRPO.',
      ),
    steps: count.default(8).describe('Number of RL steps, each with one batch of responses.'),
    ...training,
    valueLearningRate: rate.default(1e-4).describe('Learning rate of the value model.'),
    temperature: z
      .number()
      .positive()
      .max(5)
      .default(0.9)
      .describe('Sampling temperature of the responses; every log-probability is computed at it too.'),
    klWeight: probability.default(0.05).describe('Weight β of the KL penalty in the objective (1−β)·reward − β·KL.'),
    missingEosPenalty: z
      .number()
      .min(0)
      .default(1)
      .describe('Subtracted from the reward of a response that was cut at `limits.responseTokens`.'),
    maxKl: z
      .number()
      .positive()
      .default(100)
      .describe(`KL divergence from the SFT model, in nats per response, above which ${BACK_TO_CHECKPOINT}.`),
    minEntropy: z
      .number()
      .min(0)
      .default(0.01)
      .describe(
        `Mean entropy, in nats per token, below which the policy counts as collapsed and ${BACK_TO_CHECKPOINT}.`,
      ),
    minLength: z
      .number()
      .min(0)
      .default(1.5)
      .describe(
        `Mean length of a response, in tokens, below which the policy counts as collapsed and ${BACK_TO_CHECKPOINT}.`,
      ),
    candidates: z
      .number()
      .int()
      .min(0)
      .max(16)
      .default(2)
      .describe(
        'Number of checkpoints to keep, those with the highest validation reward; a judge then chooses among them ' +
          'by win rate against the SFT model. 0 takes the last step.',
      ),
    validateEvery: count.default(4).describe('Steps between validations.'),
    validationPrompts: count
      .default(8)
      .describe('Number of prompts kept out of training for validation; at most a quarter of all prompts.'),
  })
  .refine((rl) => rl.algorithm === 'reinforce' || rl.batchSize % rl.groupSize === 0, {
    path: ['batchSize'],
    message: 'must be a multiple of "groupSize" with "rloo" and "grpo"',
  })
  .refine(onlyForGrpo('advantageScale'), refusedOutsideGrpo('advantageScale'))
  .refine(onlyForGrpo('lossMean'), refusedOutsideGrpo('lossMean'))
  .prefault({})
  .describe('Settings of stage `rl`.')

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
