// Feedback of other shapes in miniature: what the workflow `miniature` runs for `study: "feedback"`, in one place. Pairs,
// reward model, RL and policy are those of the paper's study at smaller sizes (miniature.ts); the rate of DPO and of online
// DPO was looked at with seed 77 alone (docs/miniature-world.md).
import { annotator, armOf, type MiniatureInput, seedsOf, sharedOf } from './miniature'

/** Numbers by which the two sizes of the study differ; prompts are those of one seed. */
interface Size {
  /** Prompts of the summaries, for labels, SFT and training. */
  prompts: number
  evaluationPrompts: number
  /** Of RL and of online DPO. */
  steps: number
  /** Pairs of the study of labels. */
  judgedPairs: number
}
const SIZES: Record<MiniatureInput['size'], Size> = {
  full: { prompts: 320, evaluationPrompts: 100, steps: 8, judgedPairs: 200 },
  quick: { prompts: 160, evaluationPrompts: 50, steps: 4, judgedPairs: 100 },
}

/** Colleagues: each errs by itself (src/world/annotator.ts). */
const JURY = { jury: [annotator('XS'), annotator('XS-2'), annotator('XS-3')] }

const dpo = {
  batchSize: 32,
  microBatchSize: 32,
  optimizer: 'adamw',
  maxGradientNorm: 1,
  learningRate: 3e-4,
  warmupSteps: 5,
  schedule: 'linear',
  epochs: 2,
  heldOutShare: 0.1,
  checkpointEvery: 25,
}
const { epochs: _, heldOutShare: __, schedule: ___, warmupSteps: ____, ...ofBothDpo } = dpo

/** Names of the policies, as the claims have them (evaluation/feedback-claims.ts). */
const ARMS = [
  'sft',
  'rlaif',
  { name: 'rloo', input: { method: 'rlaif', rl: { algorithm: 'rloo' } } },
  'grpo',
  'dpo',
  'online-dpo',
  { name: 'dpo, one XS', input: { method: 'dpo', labeler: { model: 'XS' } } },
  { name: 'dpo, three XS', input: { method: 'dpo', labeler: JURY } },
  { name: 'one score', input: { method: 'direct-rlaif', labeler: { model: 'XS' } } },
  { name: 'rubric', input: { method: 'direct-rlaif', labeler: { model: 'XS', score: 'rubric' } } },
  // Of the policy's own pairs, as many in one round as in both rounds of `rounds`.
  { name: 'one round', input: { method: 'dpo', sample: { source: 'policy', responses: 4 } } },
]

/** Inputs of the runs that the study is made of; the rounds seed by seed. @param model URI of the pretrained policy */
export function feedbackRunsOf(settings: MiniatureInput, model: string) {
  const { prompts, evaluationPrompts, steps, judgedPairs } = SIZES[settings.size]
  const seeds = seedsOf(settings)
  const shared = sharedOf(settings)
  const judge = annotator('gold')
  const { rl, ...arm } = armOf(model, steps)
  const lastStep = { candidates: 0 } // as of DPO: no judge chooses among the steps of a policy
  const summaries = {
    ...arm,
    rl: { ...rl, ...lastStep },
    dpo,
    onlineDpo: { ...ofBothDpo, steps, ...lastStep },
    task: 'summarization',
    data: { path: `world:summaries?rows=${prompts + evaluationPrompts}`, evaluationPrompts },
  }
  const { judge: _judge, ...ofRounds } = summaries // a round is judged as the run itself is
  return {
    policies: { seeds, judge, agreementPairs: 0, maxConcurrent: 2, base: summaries, arms: ARMS, ...shared },
    labels: { seeds, maxConcurrent: 2, ...shared, ...labelSweep(judgedPairs, model) },
    rounds: seeds.map((seed) => ({
      rounds: 2,
      stopWithoutGain: false,
      base: { ...ofRounds, method: 'dpo', sample: { source: 'policy' } },
      judge,
      agreementPairs: 0,
      seed,
      ...shared,
    })),
  }
}

/** The sweep over labelers: pairs in both orders, and each response alone, by one score and by the rubric. */
function labelSweep(pairs: number, model: string) {
  return {
    name: 'labels in miniature',
    workflow: 'labelStudy',
    base: {
      model,
      limits: { promptTokens: 1024 },
      data: { path: `world:summaries?rows=${pairs + 2}`, evaluationPrompts: 1 },
      pairs,
      variants: [
        { name: 'both orders' },
        { name: 'one score', technique: { comparison: 'pointwise' } },
        { name: 'rubric', technique: { comparison: 'pointwise', score: 'rubric' } },
      ],
    },
    axes: [
      {
        field: 'labeler',
        values: [annotator('L'), annotator('XS'), JURY],
        labels: ['L', 'XS', 'three XS'],
      },
    ],
  }
}
