// Named sets of defaults for `align`. Those of "small" are in settings.ts.

/** Candidates among the checkpoints of 7,295 steps, and the prompts that they are validated on. */
const manyCandidates = { candidates: 4, validateEvery: 100, validationPrompts: 200 }
/** Of DPO's own paper (Rafailov et al., Appendix B). */
const ofDpo = { batchSize: 64, learningRate: 1e-6, warmupSteps: 150, checkpointEvery: 20 }

/**
 * Sizes of the paper (§3.3, Appendices A, F, G), and of DPO's for what the paper does not have; what both leave open stays
 * as in settings.ts.
 */
const paper = {
  data: { evaluationPrompts: 2000 },
  limits: { promptTokens: 1024, responseTokens: 128 },
  sft: { epochs: 1, batchSize: 128, learningRate: 1e-5, checkpointEvery: 20 },
  rewardModel: { epochs: 10, plateau: 0.02, batchSize: 128, learningRate: 1e-5, checkpointEvery: 20 },
  rl: {
    steps: 7295,
    batchSize: 128,
    learningRate: 1e-5,
    valueLearningRate: 1e-5,
    temperature: 0.9,
    klWeight: 0.05,
    checkpointEvery: 20,
    ...manyCandidates,
  },
  dpo: { ...ofDpo, beta: 0.1, validateEvery: 100 },
  onlineDpo: { ...ofDpo, beta: 0.1, steps: 7295, temperature: 0.9, ...manyCandidates },
  evaluate: { agreementPairs: 3000 },
}

/**
 * What `npm start` runs: direct RLAIF on short cheerful sentences by an adapter, the initial policy itself as the
 * labeler and the judge. Each step, batch and length was chosen so that a reader sees the effect, and its price, in
 * two minutes on two cores (docs/results.md).
 */
const quickstart = {
  method: 'direct-rlaif',
  task: 'cheerful',
  precision: 'bfloat16',
  labeler: { model: 'policy' },
  judge: { model: 'policy', comparison: 'pointwise' },
  data: { evaluationPrompts: 40 },
  limits: { promptTokens: 64, responseTokens: 24 },
  rl: {
    algorithm: 'rloo',
    groupSize: 4,
    steps: 18,
    batchSize: 16,
    microBatchSize: 16,
    optimizer: 'adamw',
    lora: { rank: 16, alpha: 32 },
    learningRate: 1e-3,
    maxGradientNorm: 1,
    klWeight: 0.07,
    missingEosPenalty: 0,
    checkpointEvery: 6,
    candidates: 2,
    validateEvery: 6,
    validationPrompts: 12,
  },
  evaluate: { agreementPairs: 0 },
}

/**
 * The quickstart by way of a reward model: sizes with which 48 prompts suffice (docs/results.md). Each response is
 * labelled alone, so that its pairs cost no further question. RL takes smaller steps and is held back more: with those
 * of the direct scores it over-optimizes a reward model that is right about two pairs in three. It was tried in float32.
 */
const quickstartWithRewardModel = {
  precision: 'float32',
  labeler: { comparison: 'pointwise' },
  sample: { responses: 16, pairs: 'extremes' },
  rewardModel: {
    head: 'fitted',
    epochs: 1,
    batchSize: 16,
    microBatchSize: 16,
    optimizer: 'adamw',
    learningRate: 1e-4,
    maxGradientNorm: 1,
    warmupSteps: 3,
    schedule: 'linear',
    checkpointEvery: 12,
  },
  rl: { learningRate: 5e-4, klWeight: 0.1 },
}

/** What training by preferences without a reward has in common with the quickstart's RL: an adapter, AdamW and clipping. */
const byPreferences = {
  optimizer: 'adamw',
  lora: { rank: 16, alpha: 32 },
  learningRate: 5e-4,
  maxGradientNorm: 1,
  checkpointEvery: 6,
}

/** The quickstart by DPO, on the labels that its reward model would learn from. */
const quickstartWithDpo = {
  precision: 'float32',
  labeler: { comparison: 'pointwise' },
  sample: { responses: 16, pairs: 'extremes' },
  dpo: { ...byPreferences, epochs: 1, batchSize: 16, microBatchSize: 16, validateEvery: 6 },
}

/** The quickstart by online DPO: as many responses in a step as its RL samples. */
const quickstartWithOnlineDpo = {
  precision: 'float32',
  labeler: { comparison: 'pointwise' },
  onlineDpo: {
    ...byPreferences,
    steps: 18,
    batchSize: 8,
    microBatchSize: 8,
    candidates: 2,
    validateEvery: 6,
    validationPrompts: 12,
  },
}

export const presets = { small: {}, quickstart, paper } satisfies Record<string, Record<string, unknown>>

/** What a preset has for a method other than its own, by the names of both. */
export const presetsOfMethods: ReadonlyMap<string, Record<string, unknown>> = new Map<string, Record<string, unknown>>([
  ['quickstart rlaif', quickstartWithRewardModel],
  ['quickstart dpo', quickstartWithDpo],
  ['quickstart online-dpo', quickstartWithOnlineDpo],
])
