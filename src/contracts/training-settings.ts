// The settings of the stages that train: SFT, the reward model and RL.
import { z } from 'zod'
import { count, nameGiven, probability, rate } from './fields'
import { precisionField } from './precision'
import { probeSchema } from './probe-settings'
import { refusedWithoutValidation, watchNeedsValidation, watchSchema, type WatchSettings } from './watch-settings'

const loraSchema = z.strictObject({
  rank: count.max(4096).default(16).describe('Rank of the adapter.'),
  alpha: z.number().positive().default(32).describe('Scale of the adapter: its output is multiplied by alpha / rank.'),
  targets: z
    .array(nameGiven)
    .min(1)
    .default(['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])
    .describe('Names of the linear layers that get an adapter.'),
})
/** Settings of every stage that trains. */
export const ofTraining = {
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
  .strictObject({ epochs: count.default(1).describe('Number of epochs.'), ...ofTraining })
  .prefault({})
  .describe('Settings of stage `sft`, supervised fine-tuning.')

/** In which order pairs are learned from. */
export const curriculum = z
  .enum(['none', 'clear-first', 'uncertain-first'])
  .optional()
  .describe(
    'Order of the pairs within each epoch, by |p − ½| of their labels: "clear-first" begins with those that the ' +
      'labeler is sure of, "uncertain-first" with those it is not, each in the order of the seed where labels are ' +
      'alike. Default: "none", the order of the seed alone.',
  )

/** Which of the labelled pairs are learned from. */
export const heldOut = {
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
}

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
    curriculum,
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
    ...heldOut,
    ...ofTraining,
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
/** When a policy that samples its own responses counts as collapsed. */
export const collapseLimits = {
  maxKl: z
    .number()
    .positive()
    .default(100)
    .describe(`KL divergence from the SFT model, in nats per response, above which ${BACK_TO_CHECKPOINT}.`),
  minEntropy: z
    .number()
    .min(0)
    .default(0.01)
    .describe(`Mean entropy, in nats per token, below which the policy counts as collapsed and ${BACK_TO_CHECKPOINT}.`),
  minLength: z
    .number()
    .min(0)
    .default(1.5)
    .describe(
      `Mean length of a response, in tokens, below which the policy counts as collapsed and ${BACK_TO_CHECKPOINT}.`,
    ),
}
export const trainingTemperature = z
  .number()
  .positive()
  .max(5)
  .default(0.9)
  .describe('Sampling temperature of the responses; every log-probability is computed at it too.')
export const ofValidation = {
  validateEvery: count.default(4).describe('Steps between validations.'),
  validationPrompts: count
    .default(8)
    .describe('Number of prompts kept out of training for validation; at most a quarter of all prompts.'),
}

const rlObject = z.strictObject({
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
  ...ofTraining,
  valueLearningRate: rate.default(1e-4).describe('Learning rate of the value model.'),
  temperature: trainingTemperature,
  klWeight: probability.default(0.05).describe('Weight β of the KL penalty in the objective (1−β)·reward − β·KL.'),
  missingEosPenalty: z
    .number()
    .min(0)
    .default(1)
    .describe(
      'Subtracted from the reward of a response that was cut at `limits.responseTokens`; no direct score falls below −1.',
    ),
  ...collapseLimits,
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
  ...ofValidation,
  probe: probeSchema.optional(),
})

type RlFields = z.infer<typeof rlObject> & { watch?: WatchSettings | undefined }
const checkedRl = <T extends z.ZodType<RlFields>>(schema: T) =>
  schema
    .refine((rl) => rl.algorithm === 'reinforce' || rl.batchSize % rl.groupSize === 0, {
      path: ['batchSize'],
      message: 'must be a multiple of "groupSize" with "rloo" and "grpo"',
    })
    .refine(onlyForGrpo('advantageScale'), refusedOutsideGrpo('advantageScale'))
    .refine(onlyForGrpo('lossMean'), refusedOutsideGrpo('lossMean'))
    .refine(watchNeedsValidation, refusedWithoutValidation)

/** In the input of a run, which names who watches. */
export const rlSchema = checkedRl(rlObject.extend({ watch: watchSchema.optional() }))
  .prefault({})
  .describe('Settings of stage `rl`.')

/** What stage `rl` is given, with the watch beside it. */
export const rlStageSchema = checkedRl(rlObject).prefault({}).describe('Settings of stage `rl`.')
