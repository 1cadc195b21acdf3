// The paper's claims: what each says, what the paper found, and which figure of the miniature study tests it.

/** A figure measured at one seed. */
export interface Figure {
  value: number
  /** Standard error over its prompts; NaN where it is unknown. */
  error: number
}

/** Everything measured at one seed. Shares are between 0 and 1. */
export interface SeedFigures {
  seed: number
  /**
   * By policy: mean gold score of its responses, their mean length in characters, and KL to the SFT model in nats per
   * response.
   */
  gold: Record<string, number>
  length: Record<string, number>
  kl: Record<string, number>
  /** Win rate of one policy over another with the gold score as judge, by "first/second", raw and length-controlled. */
  duels: Record<string, { raw: Figure; controlled: Figure }>
  /** Share of harmless replies, by policy. */
  harmless: Record<string, Figure>
  /** Agreement with the simulated people, by "labeler, technique". */
  agreement: Record<string, Figure>
  /** Share of pairs in which the same slot is chosen in both orders, by labeler. */
  sameSlot: Record<string, Figure>
  /** Tokens of the questions and answers of a pair, by "labeler, technique". */
  tokens: Record<string, Figure>
  /** Accuracy on the people's preferences of each policy's reward model, */
  accuracy: Record<string, Figure>
  /** and of the reward models of the reward-model study, by what was varied. */
  accuracyBy: Record<string, Figure>
  /** Gold score on the validation prompts over the RL steps, by policy. */
  goldBySteps: Record<string, [step: number, gold: number][]>
}

/** Where the estimate must lie for the claim to hold. See claims.ts. */
export type Rule = { above: number } | { notBelow: number } | { notAbove: number } | { near: number }

export interface PaperClaim {
  id: string
  says: string
  /** The paper's figure and where it is found; or why there is none. */
  paper: string
  /** What is measured, in words. */
  measures: string
  /** Shares are shown in percent, differences of shares in percentage points. */
  unit: '%' | 'points'
  rule: Rule
  /** The figure at one seed. @param others the figures of the other seeds */
  measure: (figures: SeedFigures, others: readonly SeedFigures[]) => Figure | undefined
}

export const difference = (a: Figure | undefined, b: Figure | undefined): Figure | undefined =>
  a && b && { value: a.value - b.value, error: Math.hypot(a.error, b.error) }
const meanOf = (figures: readonly (Figure | undefined)[]): Figure | undefined => {
  const present = figures.filter((figure) => figure !== undefined)
  return present.length === 0 || present.length < figures.length
    ? undefined
    : {
        value: present.reduce((sum, { value }) => sum + value, 0) / present.length,
        // eslint-disable-next-line no-restricted-syntax -- one value for each seed
        error: Math.hypot(...present.map(({ error }) => error)) / present.length,
      }
}

const duel =
  (first: string, second: string, kind: 'raw' | 'controlled' = 'raw') =>
  ({ duels }: SeedFigures) =>
    duels[`${first}/${second}`]?.[kind]
/** A claim about the win rate of one policy over another. */
export const winRateClaim = (
  first: string,
  second: string,
  { id, says, paper, rule = { above: 0.5 } }: Pick<PaperClaim, 'id' | 'says' | 'paper'> & { rule?: Rule },
): PaperClaim => ({
  id,
  says,
  paper,
  measures: `wins of ${first} over ${second}`,
  unit: '%',
  rule,
  measure: duel(first, second),
})
/** A claim about a difference of two shares. */
export const differenceClaim = ({
  id,
  says,
  paper,
  measures,
  rule = { above: 0 },
  measure,
}: Omit<PaperClaim, 'unit' | 'rule'> & { rule?: Rule }): PaperClaim => ({
  id,
  says,
  paper,
  measures,
  unit: 'points',
  rule,
  measure,
})

export const LABELERS = ['L', 'S', 'XS']
/** The labelers' figure with one technique, compared with that of another. */
const betweenTechniques =
  (
    of: (figures: SeedFigures) => Record<string, Figure>,
    [one, other]: readonly [string, string],
    compared: (one: Figure | undefined, other: Figure | undefined) => Figure | undefined = difference,
  ) =>
  (figures: SeedFigures) =>
    meanOf(LABELERS.map((name) => compared(of(figures)[`${name}, ${one}`], of(figures)[`${name}, ${other}`])))
/** How much less one is than the other, as a share of the other. */
const saving = (one: Figure | undefined, other: Figure | undefined): Figure | undefined =>
  one && other && { value: 1 - one.value / other.value, error: NaN }

/** The arm whose reward model is over-optimized on purpose. */
const PUSHED = 'rlaif pushed'

/**
 * How far the gold score has fallen at the end, compared with the step that is best for the other seeds. (The best step
 * of the same seed would be biased: it is the maximum of noisy values.)
 */
function fallFromBest({ goldBySteps }: SeedFigures, others: readonly SeedFigures[]): Figure | undefined {
  const curve = goldBySteps[PUSHED]
  const otherCurves = others.flatMap((other) => other.goldBySteps[PUSHED] ?? [])
  if (!curve || otherCurves.length === 0) return undefined
  const meanAt = (step: number) => {
    const golds = otherCurves.filter(([at]) => at === step).map(([, gold]) => gold)
    return golds.length === 0 ? -Infinity : golds.reduce((a, b) => a + b, 0) / golds.length
  }
  const [, before] = curve.reduce((best, point) => (meanAt(point[0]) > meanAt(best[0]) ? point : best))
  return { value: before - curve.at(-1)![1], error: NaN }
}

const WIN_RATE_CLAIMS: PaperClaim[] = [
  winRateClaim('rlaif', 'sft', { id: 'rlaif-sft', says: 'RLAIF beats SFT', paper: '71 %, Table 1' }),
  winRateClaim('rlhf', 'sft', { id: 'rlhf-sft', says: 'RLHF beats SFT', paper: '73 %, Table 1' }),
  winRateClaim('rlaif', 'rlhf', {
    id: 'rlaif-rlhf',
    says: 'RLAIF and RLHF are equal',
    paper: '50 %, Table 1',
    rule: { near: 0.5 },
  }),
  winRateClaim('same-size', 'sft', {
    id: 'same-size-sft',
    says: "RLAIF with a labeler of the policy's size beats SFT",
    paper: '68 %, Table 1',
  }),
  winRateClaim('direct-rlaif', 'sft', { id: 'direct-sft', says: 'Direct RLAIF beats SFT', paper: '74 %, Table 1' }),
  winRateClaim('direct-rlaif', 'same-size', {
    id: 'direct-same-size',
    says: 'Direct RLAIF is no worse than the distilled reward of the same labeler',
    paper: '60 %, Table 1',
    rule: { notBelow: 0.5 },
  }),
  winRateClaim('rlhf+rlaif', 'rlhf', {
    id: 'combined-rlhf',
    says: 'Human and AI feedback together are no better than human feedback',
    paper: '48 %, Table 13',
    rule: { notAbove: 0.5 },
  }),
  differenceClaim({
    id: 'length',
    says: 'At equal length RLAIF wins over SFT by less',
    paper: '12 points less, Table 8',
    measures: 'win rate, raw − at equal length',
    measure: (figures) => difference(duel('rlaif', 'sft')(figures), duel('rlaif', 'sft', 'controlled')(figures)),
  }),
]

const HARMLESS_CLAIMS: PaperClaim[] = [
  differenceClaim({
    id: 'harmless-rlhf-sft',
    says: 'RLHF is more often harmless than SFT',
    paper: '12 points, Table 1',
    measures: 'harmless rate, RLHF − SFT',
    measure: ({ harmless }) => difference(harmless.rlhf, harmless.sft),
  }),
  differenceClaim({
    id: 'harmless-rlaif-rlhf',
    says: 'RLAIF is harmless at least as often as RLHF',
    paper: '12 points, Table 1',
    measures: 'harmless rate, RLAIF − RLHF',
    rule: { notBelow: 0 },
    measure: ({ harmless }) => difference(harmless.rlaif, harmless.rlhf),
  }),
]

const LABELER_CLAIMS: PaperClaim[] = [
  differenceClaim({
    id: 'alignment-l-s',
    says: 'A smaller labeler agrees less with people: S than L',
    paper: '4.2 points, Table 3',
    measures: 'agreement, L − S',
    measure: ({ agreement }) => difference(agreement['L, both orders'], agreement['S, both orders']),
  }),
  differenceClaim({
    id: 'alignment-s-xs',
    says: 'A smaller labeler agrees less with people: XS than S',
    paper: '11.1 points, Table 3',
    measures: 'agreement, S − XS',
    measure: ({ agreement }) => difference(agreement['S, both orders'], agreement['XS, both orders']),
  }),
  differenceClaim({
    id: 'slot-s-l',
    says: 'A smaller labeler chooses the same slot more often: S than L',
    paper: '3 points, Table 4',
    measures: 'same slot, S − L',
    measure: ({ sameSlot }) => difference(sameSlot.S, sameSlot.L),
  }),
  differenceClaim({
    id: 'slot-xs-s',
    says: 'A smaller labeler chooses the same slot more often: XS than S',
    paper: '35 points, Table 4',
    measures: 'same slot, XS − S',
    measure: ({ sameSlot }) => difference(sameSlot.XS, sameSlot.S),
  }),
  differenceClaim({
    id: 'orders',
    says: 'Asking in both orders agrees better than asking in one',
    paper: 'no figure, §2.1.1',
    measures: 'agreement, both orders − one; mean of the labelers',
    measure: betweenTechniques(({ agreement }) => agreement, ['both orders', 'one order']),
  }),
  differenceClaim({
    id: 'pointwise',
    says: 'Asking about each response alone agrees no worse than asking about pairs in both orders',
    paper: 'not asked there',
    measures: 'agreement, pointwise − both orders; mean of the labelers',
    rule: { notBelow: 0 },
    measure: betweenTechniques(({ agreement }) => agreement, ['pointwise', 'both orders']),
  }),
  {
    id: 'pointwise-tokens',
    says: 'Asking about each response alone takes fewer tokens',
    paper: 'not asked there',
    measures: 'tokens a pair that pointwise saves, of those of both orders; mean of the labelers',
    unit: '%',
    rule: { above: 0 },
    measure: betweenTechniques(({ tokens }) => tokens, ['pointwise', 'both orders'], saving),
  },
  differenceClaim({
    id: 'self-consistency',
    says: 'More rationales at a temperature do not agree better than one greedy rationale',
    paper: '16 at T 1: 5.2 points less, Table 14',
    measures: 'agreement, many rationales at T 1 − one at T 0',
    rule: { notAbove: 0 },
    measure: ({ agreement }) =>
      difference(agreement['L, many rationales at T 1'], agreement['L, one greedy rationale']),
  }),
]

const REWARD_MODEL_CLAIMS: PaperClaim[] = [
  differenceClaim({
    id: 'soft',
    says: 'Reward models on soft labels are no worse than on hard ones',
    paper: 'no figure, §2.1',
    measures: 'accuracy of the reward model, soft − hard',
    rule: { notBelow: 0 },
    measure: ({ accuracyBy }) => difference(accuracyBy.soft, accuracyBy.hard),
  }),
  differenceClaim({
    id: 'human-labels',
    says: 'Reward models on human labels are more accurate than on AI labels',
    paper: '5.1 points, Table 5',
    measures: 'accuracy of the reward model, RLHF − RLAIF',
    measure: ({ accuracy }) => difference(accuracy.rlhf, accuracy.rlaif),
  }),
  differenceClaim({
    id: 'saturation',
    says: 'The accuracy of reward models saturates: the last doubling of labels brings less than the first',
    paper: 'a curve without figures, arXiv v1',
    measures: 'accuracy gained from an eighth to a quarter − from a half to all',
    measure: ({ accuracyBy: by }) => difference(difference(by['0.25'], by['0.125']), difference(by['1'], by['0.5'])),
  }),
  differenceClaim({
    id: 'over-optimization',
    says: 'A reward model can be over-optimized: the gold score falls from its best while RL goes on',
    paper: 'Gao et al., 2023',
    measures: 'gold score of RLAIF with thrice the learning rate, at the best step of the other seeds − at the last',
    measure: fallFromBest,
  }),
]

/** In the order of the reports. */
export const PAPER_CLAIMS: PaperClaim[] = [
  ...WIN_RATE_CLAIMS,
  ...HARMLESS_CLAIMS,
  ...LABELER_CLAIMS,
  ...REWARD_MODEL_CLAIMS,
]
