// Figures of Lee et al. (arXiv 2309.00267 v2) that reports show next to ours.

type TaskFigures = Partial<Record<string, number>>

/** Table 2: agreement of the labeler, PaLM 2 L, with people, in %, by variant and task. */
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

/** Appendix L: price of labelling a pair by GPT-4 and by people, in dollars of 2023. */
export const COST_PER_PAIR = { ai: 0.06, human: 0.67 }

/**
 * Tables 1, 8, 9 and 11: win rate of the first over the second by human raters, in %, raw and length-controlled, by
 * task.
 */
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

/** Tables 1 and 10: share of responses that human raters found harmless, in %. */
export const HARMLESS_RATES: Partial<Record<string, { raw: number; controlled: number }>> = {
  sft: { raw: 64, controlled: 64 },
  rlhf: { raw: 76, controlled: 78 },
  rlaif: { raw: 88, controlled: 91 },
}

/** Table 5: pairwise accuracy of reward models on held-out human preferences, in %. */
export const REWARD_MODEL_ACCURACY: Record<string, Partial<Record<string, number>>> = {
  rlhf: { summarization: 79.3, helpful: 76.0, harmless: 72.1 },
  rlaif: { summarization: 74.2, helpful: 67.8, harmless: 69.7 },
}

export interface StudyFigures {
  /** Where in the paper the figures are, and what they are. */
  source: string
  /** The swept field they belong to. */
  field: string
  /** In %, by level and task. */
  levels: Record<string, TaskFigures>
}

const ofSummaries = (levels: Record<string, number>): Record<string, TaskFigures> =>
  Object.fromEntries(Object.entries(levels).map(([level, summarization]) => [level, { summarization }]))
const winRatesOf = (levels: Record<string, string>, kind: 'raw' | 'controlled') =>
  Object.fromEntries(
    Object.entries(levels).map(([level, duel]) => [
      level,
      Object.fromEntries(
        Object.entries(WIN_RATES[duel]!).flatMap(([task, figures]) =>
          figures?.[kind] === undefined ? [] : [[task, figures[kind]]],
        ),
      ),
    ]),
  )

/** Figures for the presets of `sweep`, by name. Presets without figures in the paper are missing. */
export const STUDY_FIGURES: Record<string, StudyFigures[]> = {
  'labelling-techniques': [{ source: 'Table 2, labeler PaLM 2 L', field: 'variants', levels: TABLE_2_AGREEMENT }],
  'labeler-size': [{ source: 'Table 3', field: 'labeler', levels: ofSummaries({ L: 78, S: 73.8, XS: 62.7 }) }],
  'position-bias': [
    {
      source: 'Table 4, share of pairs in which the same slot is chosen in both orders',
      field: 'labeler',
      levels: ofSummaries({ L: 18, S: 21, XS: 56 }),
    },
  ],
  'self-consistency': [
    {
      source: 'Table 14; 4 rationales are said to lie within 0.4 points of 16',
      field: 'variants',
      levels: ofSummaries({
        '1 rationale, T 0': 78,
        '16 rationales, T 0.3': 76.2,
        '16 rationales, T 0.5': 75.1,
        '16 rationales, T 0.7': 74,
        '16 rationales, T 1': 72.8,
      }),
    },
  ],
  'reward-model-accuracy': [
    { source: 'Table 5', field: 'method', levels: REWARD_MODEL_ACCURACY },
    {
      source: 'Table 6, of the AI reward model; of the human one 78.7 and 79.3',
      field: 'rewardModel.init',
      levels: ofSummaries({ sft: 74.2, model: 73 }),
    },
  ],
  'direct-reward': [
    {
      source: 'Table 1',
      field: 'method',
      levels: winRatesOf({ 'same-size': 'same-size/sft', 'direct-rlaif': 'direct-rlaif/sft' }, 'raw'),
    },
  ],
  'same-size': [
    {
      source: 'Table 1',
      field: 'labeler',
      levels: winRatesOf({ rlaif: 'rlaif/sft', 'same-size': 'same-size/sft' }, 'raw'),
    },
  ],
  'combined-feedback': [
    {
      source: 'Tables 1 and 13; in Table 13 RLHF was rated anew: 74',
      field: 'method',
      levels: winRatesOf({ rlhf: 'rlhf/sft', rlaif: 'rlaif/sft', 'rlhf+rlaif': 'rlhf+rlaif/sft' }, 'raw'),
    },
  ],
  'length-control': [
    {
      source: 'Tables 8, 9 and 11',
      field: 'method',
      levels: winRatesOf({ rlhf: 'rlhf/sft', rlaif: 'rlaif/sft', 'direct-rlaif': 'direct-rlaif/sft' }, 'controlled'),
    },
  ],
}
