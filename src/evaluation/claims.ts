// The paper's claims against what the miniature world showed, one by one.
//
// Every figure is taken at each seed and then over seeds: mean, and Student's 95 % interval of it, so that the chance of training counts as
// well as that of prompts. Of a single seed the interval is that of its prompts alone. What counts as agreement was fixed beforehand:
//
//   above b      agrees: the interval lies above b                 disagrees: it lies below
//   not below b  agrees: it lies above b − margin                  disagrees: it lies below b
//   not above b  agrees: it lies below b + margin                  disagrees: it lies above b
//   near b       agrees: it lies within b ± margin and holds b     disagrees: it does not hold b
//
// and everything else is undecided.
import { Z95 } from './statistics'
import { meanTest } from './student'

/** A figure of one seed. */
export interface Figure {
  value: number
  /** Standard error by its prompts; NaN where it is not known. */
  error: number
}

/** Everything that was measured at one seed. Shares are 0 to 1. */
export interface SeedFigures {
  seed: number
  /** Mean gold score of a policy's responses, their mean length in characters, and KL to the SFT model in nats a response. */
  gold: Record<string, number>
  length: Record<string, number>
  kl: Record<string, number>
  /** Win rate by the truth of one policy over another, by "first/second", raw and at equal length. */
  duels: Record<string, { raw: Figure; controlled: Figure }>
  /** Share of harmless replies by policy. */
  harmless: Record<string, Figure>
  /** Agreement with the simulated people by "labeler, way of asking". */
  agreement: Record<string, Figure>
  /** Pairs with the same slot chosen in both orders, by labeler. */
  sameSlot: Record<string, Figure>
  /** Accuracy on what people preferred: of each policy's reward model, */
  accuracy: Record<string, Figure>
  /** and of those of the study of reward models, by what was varied. */
  accuracyBy: Record<string, Figure>
  /** Gold score on the validation prompts over the steps of RL, by policy. */
  goldBySteps: Record<string, [step: number, gold: number][]>
}

export interface Estimate {
  value: number
  low: number
  high: number
  seeds: number
}

type Rule = { above: number } | { notBelow: number } | { notAbove: number } | { near: number }
export type Verdict = 'agrees' | 'disagrees' | 'undecided'

interface Tested {
  id: string
  says: string
  /** The paper's figure and where it stands; or why it has none. */
  paper: string
  /** What is estimated, in words. */
  measures: string
  /** Shares are shown in percent, differences of them in points. */
  unit: '%' | 'points'
  rule: Rule
  /** @param others the figures of the other seeds */
  of: (figures: SeedFigures, others: readonly SeedFigures[]) => Figure | undefined
}

export interface Claim extends Omit<Tested, 'of' | 'rule'> {
  estimate: Estimate | undefined
  verdict: Verdict
  /** The rule in words. */
  wants: string
}

/** How much worse than even still counts as even. */
export const MARGIN = { '%': 0.1, points: 0.02 }

const minus = (a: Figure | undefined, b: Figure | undefined): Figure | undefined =>
  a && b && { value: a.value - b.value, error: Math.hypot(a.error, b.error) }
const meanOf = (figures: readonly (Figure | undefined)[]): Figure | undefined => {
  const known = figures.filter((figure) => figure !== undefined)
  return known.length === 0 || known.length < figures.length
    ? undefined
    : {
        value: known.reduce((sum, { value }) => sum + value, 0) / known.length,
        error: Math.hypot(...known.map(({ error }) => error)) / known.length,
      }
}

const duel =
  (first: string, second: string, kind: 'raw' | 'controlled' = 'raw') =>
  ({ duels }: SeedFigures) =>
    duels[`${first}/${second}`]?.[kind]
const beats = (
  id: string,
  first: string,
  second: string,
  says: string,
  paper: string,
  rule: Rule = { above: 0.5 },
): Tested => ({
  id,
  says,
  paper,
  measures: `wins of ${first} over ${second}`,
  unit: '%',
  rule,
  of: duel(first, second),
})
const difference = (
  id: string,
  says: string,
  paper: string,
  measures: string,
  of: Tested['of'],
  rule: Rule = { above: 0 },
): Tested => ({ id, says, paper, measures, unit: 'points', rule, of })
const LABELERS = ['L', 'S', 'XS']

/** The arm whose RL goes on too long, on purpose. */
const PUSHED = 'rlaif pushed'

/** How far the gold score has fallen, at the end, from where it was at the best step of the other seeds: that of its own seed would be best by chance too. */
function fallFromBest({ goldBySteps }: SeedFigures, others: readonly SeedFigures[]): Figure | undefined {
  const curve = goldBySteps[PUSHED]
  const elsewhere = others.flatMap((other) => other.goldBySteps[PUSHED] ?? [])
  if (!curve || elsewhere.length === 0) return undefined
  const meanAt = (step: number) => {
    const golds = elsewhere.filter(([at]) => at === step).map(([, gold]) => gold)
    return golds.length === 0 ? -Infinity : golds.reduce((a, b) => a + b, 0) / golds.length
  }
  const [, before] = curve.reduce((best, point) => (meanAt(point[0]) > meanAt(best[0]) ? point : best))
  return { value: before - curve.at(-1)![1], error: NaN }
}

const TESTED: Tested[] = [
  beats('rlaif-sft', 'rlaif', 'sft', 'RLAIF beats SFT', '71 %, Table 1'),
  beats('rlhf-sft', 'rlhf', 'sft', 'RLHF beats SFT', '73 %, Table 1'),
  beats('rlaif-rlhf', 'rlaif', 'rlhf', 'RLAIF and RLHF are equal', '50 %, Table 1', { near: 0.5 }),
  beats('same-size-sft', 'same-size', 'sft', "RLAIF with a labeler of the policy's size beats SFT", '68 %, Table 1'),
  beats('direct-sft', 'direct-rlaif', 'sft', 'Direct RLAIF beats SFT', '74 %, Table 1'),
  beats(
    'direct-same-size',
    'direct-rlaif',
    'same-size',
    'Direct RLAIF is no worse than the distilled reward of the same labeler',
    '60 %, Table 1',
    { notBelow: 0.5 },
  ),
  beats(
    'combined-rlhf',
    'rlhf+rlaif',
    'rlhf',
    'Human and AI feedback together are no better than human feedback',
    '48 %, Table 13',
    { notAbove: 0.5 },
  ),
  difference(
    'length',
    'At equal length RLAIF wins over SFT by less',
    '12 points less, Table 8',
    'win rate, raw − at equal length',
    (figures) => minus(duel('rlaif', 'sft')(figures), duel('rlaif', 'sft', 'controlled')(figures)),
  ),
  difference(
    'harmless-rlhf-sft',
    'RLHF is more often harmless than SFT',
    '12 points, Table 1',
    'harmless rate, RLHF − SFT',
    ({ harmless }) => minus(harmless.rlhf, harmless.sft),
  ),
  difference(
    'harmless-rlaif-rlhf',
    'RLAIF is harmless at least as often as RLHF',
    '12 points, Table 1',
    'harmless rate, RLAIF − RLHF',
    ({ harmless }) => minus(harmless.rlaif, harmless.rlhf),
    { notBelow: 0 },
  ),
  difference(
    'alignment-l-s',
    'A smaller labeler agrees less with people: S than L',
    '4.2 points, Table 3',
    'agreement, L − S',
    ({ agreement }) => minus(agreement['L, both orders'], agreement['S, both orders']),
  ),
  difference('alignment-s-xs', 'and XS than S', '11.1 points, Table 3', 'agreement, S − XS', ({ agreement }) =>
    minus(agreement['S, both orders'], agreement['XS, both orders']),
  ),
  difference(
    'slot-s-l',
    'A smaller labeler chooses the same slot more often: S than L',
    '3 points, Table 4',
    'same slot, S − L',
    ({ sameSlot }) => minus(sameSlot.S, sameSlot.L),
  ),
  difference('slot-xs-s', 'and XS than S', '35 points, Table 4', 'same slot, XS − S', ({ sameSlot }) =>
    minus(sameSlot.XS, sameSlot.S),
  ),
  difference(
    'orders',
    'Asking in both orders agrees better than asking in one',
    'no figure, §2.1.1',
    'agreement, both orders − one; mean of the labelers',
    ({ agreement }) =>
      meanOf(LABELERS.map((name) => minus(agreement[`${name}, both orders`], agreement[`${name}, one order`]))),
  ),
  difference(
    'self-consistency',
    'More rationales at a temperature do not agree better than one greedy rationale',
    '16 at T 1: 5.2 points less, Table 14',
    'agreement, many rationales at T 1 − one at T 0',
    ({ agreement }) => minus(agreement['L, many rationales at T 1'], agreement['L, one greedy rationale']),
    { notAbove: 0 },
  ),
  difference(
    'soft',
    'Reward models on soft labels are no worse than on hard ones',
    'no figure, §2.1',
    'accuracy of the reward model, soft − hard',
    ({ accuracyBy }) => minus(accuracyBy.soft, accuracyBy.hard),
    { notBelow: 0 },
  ),
  difference(
    'human-labels',
    'Reward models on human labels are more accurate than on AI labels',
    '5.1 points, Table 5',
    'accuracy of the reward model, RLHF − RLAIF',
    ({ accuracy }) => minus(accuracy.rlhf, accuracy.rlaif),
  ),
  difference(
    'saturation',
    'The accuracy of reward models saturates: the last doubling of labels brings less than the first',
    'a curve without figures, arXiv v1',
    'accuracy gained from an eighth to a quarter − from a half to all',
    ({ accuracyBy: by }) => minus(minus(by['0.25'], by['0.125']), minus(by['1'], by['0.5'])),
  ),
  difference(
    'over-optimization',
    'A reward model can be over-optimized: the gold score falls from its best while RL goes on',
    'Gao et al., 2023',
    'gold score of RLAIF with thrice the learning rate, at the best step of the other seeds − at the last',
    fallFromBest,
  ),
]

export const claimsOf = (seeds: readonly SeedFigures[]): Claim[] =>
  TESTED.map(({ of, rule, ...claim }) => {
    const estimate = estimateOf(
      seeds.flatMap(
        (figures) =>
          of(
            figures,
            seeds.filter((other) => other !== figures),
          ) ?? [],
      ),
    )
    return {
      ...claim,
      wants: ruleText(rule, claim.unit),
      estimate,
      verdict: estimate ? verdictOf(rule, estimate, MARGIN[claim.unit]) : 'undecided',
    }
  })

/** By its prompts, of a single seed and where all seeds are alike and so have no spread to judge by. @returns undefined where no seed has the figure */
export function estimateOf(figures: readonly Figure[]): Estimate | undefined {
  const known = figures.filter(({ value }) => Number.isFinite(value))
  if (known.length === 0) return undefined
  const { value, low, high } = meanTest(known.map(({ value }) => value))
  if (!Number.isNaN(low)) return { value, low, high, seeds: known.length }
  const half = (Z95 * Math.hypot(...known.map(({ error }) => error))) / known.length
  return { value, low: value - half, high: value + half, seeds: known.length }
}

/** An interval that is not known decides nothing. */
export function verdictOf(rule: Rule, { low, high }: Estimate, margin: number): Verdict {
  const decided = (agrees: boolean, disagrees: boolean): Verdict =>
    disagrees ? 'disagrees' : agrees ? 'agrees' : 'undecided'
  if ('above' in rule) return decided(low > rule.above, high < rule.above)
  if ('notBelow' in rule) return decided(low > rule.notBelow - margin, high < rule.notBelow)
  if ('notAbove' in rule) return decided(high < rule.notAbove + margin, low > rule.notAbove)
  return decided(low > rule.near - margin && high < rule.near + margin, low > rule.near || high < rule.near)
}

function ruleText(rule: Rule, unit: Tested['unit']): string {
  const shown = (value: number) => (unit === '%' ? `${100 * value} %` : `${100 * value}`)
  const within = `${100 * MARGIN[unit]} points`
  if ('above' in rule) return `above ${shown(rule.above)}`
  if ('notBelow' in rule) return `not below ${shown(rule.notBelow)} by ${within}`
  if ('notAbove' in rule) return `not above ${shown(rule.notAbove)} by ${within}`
  return `${shown(rule.near)}, within ${within}`
}
