// Named sets of defaults for `align`. Those of the quickstart are in settings.ts.

/** Sizes of the paper (§3.3, Appendices A, F, G); what the paper leaves open stays as in settings.ts. */
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
    candidates: 4,
    validateEvery: 100,
    validationPrompts: 200,
  },
  evaluate: { agreementPairs: 3000 },
}

export const presets: { quickstart: Record<string, unknown>; paper: Record<string, unknown> } = {
  quickstart: {},
  paper,
}
