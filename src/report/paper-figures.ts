// Figures of Lee et al. that reports set beside ours (arXiv 2309.00267 v2).

type TaskFigures = Partial<Record<string, number>>

/** Table 2: agreement of the labeler with people, %, by variant and task. Labeler: PaLM 2 L. */
export const TABLE_2_AGREEMENT: Record<string, TaskFigures> = {
  'Base 0-shot': { summarization: 76.1, helpful: 67.8, harmless: 69.4 },
  'Base 1-shot': { summarization: 76.0, helpful: 67.1, harmless: 71.7 },
  'Base 2-shot': { summarization: 75.7, helpful: 66.8, harmless: 72.1 },
  'Base + CoT 0-shot': { summarization: 77.5, helpful: 69.1, harmless: 70.6 },
  'Detailed 0-shot': { summarization: 77.4, helpful: 67.6, harmless: 70.1 },
  'Detailed 1-shot': { summarization: 76.2, helpful: 67.6, harmless: 71.5 },
  'Detailed 2-shot': { summarization: 76.3, helpful: 67.3, harmless: 71.6 },
  'Detailed 8-shot': { summarization: 69.8 },
  'Detailed + CoT 0-shot': { summarization: 78.0, helpful: 67.8, harmless: 70.1 },
  'Detailed + CoT 1-shot': { summarization: 77.4, helpful: 67.4, harmless: 69.9 },
  'Detailed + CoT 2-shot': { summarization: 76.8, helpful: 67.4, harmless: 69.2 },
}

/** Appendix L, 2023 prices in dollars: a pair labelled by GPT-4, and by people. */
export const COST_OF_A_PAIR = { ai: 0.06, human: 0.67 }
