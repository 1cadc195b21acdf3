// The paper in miniature: what the workflow `miniature` runs, in one place. Every setting here comes from a search at
// seed 77, which no reported study uses (docs/miniature-world.md); none was chosen by how a claim came out.
import { z } from 'zod'
import { WORLD } from './labeler-settings'
import { queuesSchema } from './queues'
import { cacheSchema, notifySchema, onFailureSchema } from './run-settings'
import { trackSchema } from './track'
import { dataSchema, limitsSchema, seedSchema } from './settings'
import { sftSchema } from './training-settings'

export const miniatureSchema = z.strictObject({
  study: z
    .enum(['paper', 'feedback'])
    .optional()
    .describe(
      'What is tested. "paper" (default): the claims of the paper; "feedback": what the sources of DPO, online DPO, GRPO, ' +
        'juries, rubrics and rounds say of them.',
    ),
  size: z
    .enum(['full', 'quick'])
    .default('full')
    .describe(
      'Size of the study. "full": every claim, of the paper in at most 90 minutes on two cores; ' +
        '"quick": the same with fewer pairs and steps, in six minutes, for every night.',
    ),
  seeds: z
    .array(seedSchema.unwrap())
    .min(1)
    .max(20)
    .optional()
    .describe(
      'Seeds of every policy and every draw. Default: 101 to 105, of study "feedback" 201 to 205; the first alone when ' +
        '"quick".',
    ),
  cache: cacheSchema,
  onFailure: onFailureSchema,
  queues: queuesSchema,
  notify: notifySchema,
  track: trackSchema,
})
export type MiniatureInput = z.infer<typeof miniatureSchema>

const SEEDS = { paper: [101, 102, 103, 104, 105], feedback: [201, 202, 203, 204, 205] }
export const seedsOf = ({
  study = 'paper',
  size,
  seeds = size === 'quick' ? SEEDS[study].slice(0, 1) : SEEDS[study],
}: Pick<MiniatureInput, 'study' | 'size' | 'seeds'>): number[] => seeds

/** Numbers by which the two sizes of the study differ; prompts are those of one seed. */
interface Size {
  /** Prompts of the summaries, for labels, SFT and RL. */
  prompts: number
  evaluationPrompts: number
  rlSteps: number
  dialoguePrompts: number
  dialogueRlSteps: number
  /** Pairs of the study of labels. */
  judgedPairs: number
  /** Rationales sampled for one answer. */
  rationales: number
}
const SIZES: Record<MiniatureInput['size'], Size> = {
  full: {
    prompts: 1600,
    evaluationPrompts: 300,
    rlSteps: 40,
    dialoguePrompts: 640,
    dialogueRlSteps: 20,
    judgedPairs: 1000,
    rationales: 16,
  },
  quick: {
    prompts: 420,
    evaluationPrompts: 100,
    rlSteps: 8,
    dialoguePrompts: 240,
    dialogueRlSteps: 8,
    judgedPairs: 300,
    rationales: 4,
  },
}

const limits = { promptTokens: 128, responseTokens: 40 }
export const training = {
  batchSize: 32,
  microBatchSize: 32,
  optimizer: 'adamw',
  maxGradientNorm: 1,
  checkpointEvery: 25,
}
export const annotator = (model: string) => ({ baseUrl: WORLD, model, concurrency: 32 })

/**
 * The policy that every arm starts its own SFT from, taught both tasks by careless writers: trained once, whatever the
 * size. With fewer steps it does not yet copy from a post.
 */
export const PRETRAINING = {
  seed: 901,
  task: 'summarization',
  data: dataSchema.parse({ path: 'world:pretraining?rows=12802', evaluationPrompts: 2 }),
  limits: limitsSchema.parse(limits),
  settings: sftSchema.parse({ ...training, learningRate: 2e-3, warmupSteps: 50, schedule: 'cosine' }),
}

const RL_LEARNING_RATE = 1e-4
const rlOf = (steps: number) => ({
  ...training,
  batchSize: 64,
  microBatchSize: 64,
  learningRate: RL_LEARNING_RATE,
  valueLearningRate: 1e-3,
  steps,
  validateEvery: 5,
  candidates: 4,
  validationPrompts: 100,
})

/** Fields of `align` that every arm shares. */
export const armOf = (model: string, rlSteps: number) => ({
  model,
  limits,
  labeler: annotator('L'),
  judge: annotator('L'), // chooses among the steps of a policy; the truth judges the contest alone
  sample: { source: 'data' }, // AI and human labels of the same pairs, as in the paper (§3.2)
  sft: { ...training, learningRate: 5e-4, warmupSteps: 5, schedule: 'cosine' },
  rewardModel: { ...training, learningRate: 1e-3, warmupSteps: 5, schedule: 'linear', heldOutShare: 0.1 },
  rl: rlOf(rlSteps),
  evaluate: { agreementPairs: 0 },
})

const sameSize = { name: 'same-size', like: 'same-size', input: { method: 'rlaif', labeler: { model: 'XS' } } }
const direct = {
  name: 'direct-rlaif',
  like: 'direct-rlaif',
  input: { method: 'direct-rlaif', labeler: { model: 'XS' } },
}
/** Appendix K. */
const combined = {
  name: 'rlhf+rlaif',
  like: 'rlhf+rlaif',
  input: { method: 'rlhf+rlaif', sample: { source: 'policy' } },
}
/** Trained until it over-optimizes; with one seed that cannot be distinguished from chance (evaluation/claims.ts). */
const pushed = {
  name: 'rlaif pushed',
  input: { method: 'rlaif', rl: { learningRate: 3 * RL_LEARNING_RATE, candidates: 1 } },
}

/** Fields that the runs of a study share. */
export const sharedOf = ({ cache, onFailure, queues, notify, track }: MiniatureInput) => ({
  cache,
  onFailure,
  queues,
  ...(notify && { notify }),
  ...(track && { track }),
})

/** Inputs of the runs that the study of the paper is made of. @param model URI of the pretrained policy */
export function runsOf(settings: MiniatureInput, model: string) {
  const { size } = settings
  const { prompts, evaluationPrompts, rlSteps, dialoguePrompts, dialogueRlSteps } = SIZES[size]
  const seeds = seedsOf(settings)
  const shared = sharedOf(settings)
  const contest = { seeds, judge: annotator('gold'), agreementPairs: 200, maxConcurrent: 2, ...shared }
  const sweep = { seeds, maxConcurrent: 2, ...shared }
  const summaries = {
    ...armOf(model, rlSteps),
    task: 'summarization',
    data: { path: `world:summaries?rows=${prompts + evaluationPrompts}`, evaluationPrompts },
  }
  const dialogues = {
    ...armOf(model, dialogueRlSteps),
    task: 'harmless',
    data: { path: `world:dialogues?rows=${dialoguePrompts + evaluationPrompts}`, evaluationPrompts },
  }
  return {
    summaries: {
      ...contest,
      base: summaries,
      arms: ['sft', 'rlhf', 'rlaif', sameSize, direct, combined, ...(size === 'full' ? [pushed] : [])],
    },
    dialogues: { ...contest, base: dialogues, arms: ['sft', 'rlhf', 'rlaif'] },
    labels: { ...sweep, ...labelSweep(SIZES[size], model) },
    rewardModels: {
      ...sweep,
      name: 'reward models in miniature',
      workflow: 'align',
      metric: 'reward-model.humanAccuracy',
      base: { ...summaries, untilStage: 'reward-model' },
      list: [
        { 'rewardModel.trainShare': 1 },
        { 'rewardModel.trainShare': 0.5 },
        { 'rewardModel.trainShare': 0.25 },
        { 'rewardModel.trainShare': 0.125 },
        { 'labeler.labels': 'hard' },
      ],
    },
  }
}

/**
 * The sweep over labelers: by size, in one order, in both and about each response alone, and with one or many
 * rationales.
 */
function labelSweep({ judgedPairs, rationales }: Size, model: string) {
  const chainOfThought = { chainOfThought: true, preamble: 'detailed' }
  return {
    name: 'labels in miniature',
    workflow: 'labelStudy',
    base: {
      model,
      limits: { promptTokens: 1024 },
      data: { path: `world:summaries?rows=${judgedPairs + 2}`, evaluationPrompts: 1 },
      pairs: judgedPairs,
    },
    list: [
      ...['L', 'S', 'XS'].map((name) => ({
        labeler: annotator(name),
        variants: [
          { name: 'both orders' },
          { name: 'one order', technique: { orders: 1 } },
          { name: 'pointwise', technique: { comparison: 'pointwise' } },
        ],
      })),
      {
        labeler: annotator('L'),
        variants: [
          { name: 'one greedy rationale', technique: chainOfThought },
          { name: 'many rationales at T 1', technique: { ...chainOfThought, samples: rationales, temperature: 1 } },
        ],
      },
    ],
  }
}
