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

/** Tables 1, 8, 9 and 11: win rate of the first over the second by human raters, %, raw and read at equal length, by task. */
export const WIN_RATES: Record<string, Partial<Record<string, { raw: number; controlled?: number }>>> = {
  'rlaif/sft': { summarization: { raw: 71, controlled: 59 }, helpful: { raw: 63, controlled: 61 } },
  'rlhf/sft': { summarization: { raw: 73, controlled: 61 }, helpful: { raw: 64, controlled: 61 } },
  'rlaif/rlhf': { summarization: { raw: 50, controlled: 47 }, helpful: { raw: 52, controlled: 50 } },
  'same-size/sft': { summarization: { raw: 68, controlled: 59 } },
  'direct-rlaif/sft': { summarization: { raw: 74, controlled: 65 }, helpful: { raw: 66 } },
  'direct-rlaif/same-size': { summarization: { raw: 60, controlled: 56 } },
  'rlhf+rlaif/sft': { summarization: { raw: 71, controlled: 61 } },
  'rlhf+rlaif/rlhf': { summarization: { raw: 48, controlled: 46 } },
  'rlaif/reference': { summarization: { raw: 79 } },
  'rlhf/reference': { summarization: { raw: 80 } },
}

/** Tables 1 and 10: share of harmless responses by human raters, %. */
export const HARMLESS_RATES: Partial<Record<string, { raw: number; controlled: number }>> = { sft: { raw: 64, controlled: 64 }, rlhf: { raw: 76, controlled: 78 }, rlaif: { raw: 88, controlled: 91 } }

/** Table 5: pairwise accuracy of reward models on held-out human preferences, %. */
export const REWARD_MODEL_ACCURACY: Record<string, Partial<Record<string, number>>> = { rlhf: { summarization: 79.3, helpful: 76.0, harmless: 72.1 }, rlaif: { summarization: 74.2, helpful: 67.8, harmless: 69.7 } }
