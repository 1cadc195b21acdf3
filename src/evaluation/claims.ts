// Tests claims, those of the paper or of the sources of other feedback, against what the miniature world showed, one
// by one.
//
// Every figure is measured at each seed. The estimate is its mean over seeds with Student's 95 % interval, so that it
// covers the randomness of training as well as that of the prompts. With a single seed the interval covers its prompts
// only. What counts as agreement was fixed before the study:
//
//   above b      agrees: the interval lies above b                    disagrees: it lies below b
//   not below b  agrees: it lies above b − margin                     disagrees: it lies below b
//   not above b  agrees: it lies below b + margin                     disagrees: it lies above b
//   near b       agrees: it lies within b ± margin and contains b     disagrees: it does not contain b
//
// Everything else is undecided.
import { FEEDBACK_CLAIMS } from './feedback-claims'
import { PAPER_CLAIMS, type Figure, type PaperClaim, type Rule, type SeedFigures } from './paper-claims'
import { Z95 } from './statistics'
import { tTest } from './student'

/** A figure over all seeds, with its 95 % interval. */
export interface Estimate {
  value: number
  low: number
  high: number
  seeds: number
}

export type ClaimVerdict = 'agrees' | 'disagrees' | 'undecided'

export interface Claim extends Omit<PaperClaim, 'measure' | 'rule'> {
  estimate: Estimate | undefined
  verdict: ClaimVerdict
  /** The rule in words. */
  wants: string
}

/** Equivalence margin: how far from the bound still counts as no difference. */
export const MARGIN = { '%': 0.1, points: 0.02 }

/** @param study whose claims are tested */
export const claimsOf = (seeds: readonly SeedFigures[], study: 'paper' | 'feedback' = 'paper'): Claim[] =>
  (study === 'paper' ? PAPER_CLAIMS : FEEDBACK_CLAIMS).map(({ measure, rule, ...claim }) => {
    const estimate = estimateOf(
      seeds.flatMap(
        (figures) =>
          measure(
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

/**
 * Mean over seeds with its interval. A single seed, and seeds with no variance between them, have the interval over
 * their prompts.
 * @returns undefined where no seed has the figure
 */
export function estimateOf(figures: readonly Figure[]): Estimate | undefined {
  const finite = figures.filter(({ value }) => Number.isFinite(value))
  if (finite.length === 0) return undefined
  const { value, low, high } = tTest(finite.map(({ value }) => value))
  if (!Number.isNaN(low)) return { value, low, high, seeds: finite.length }
  // eslint-disable-next-line no-restricted-syntax -- one value for each seed
  const half = (Z95 * Math.hypot(...finite.map(({ error }) => error))) / finite.length
  return { value, low: value - half, high: value + half, seeds: finite.length }
}

/** Without an interval the verdict is undecided. */
export function verdictOf(rule: Rule, { low, high }: Estimate, margin: number): ClaimVerdict {
  const decided = (agrees: boolean, disagrees: boolean): ClaimVerdict =>
    disagrees ? 'disagrees' : agrees ? 'agrees' : 'undecided'
  if ('above' in rule) return decided(low > rule.above, high < rule.above)
  if ('notBelow' in rule) return decided(low > rule.notBelow - margin, high < rule.notBelow)
  if ('notAbove' in rule) return decided(high < rule.notAbove + margin, low > rule.notAbove)
  return decided(low > rule.near - margin && high < rule.near + margin, low > rule.near || high < rule.near)
}

function ruleText(rule: Rule, unit: PaperClaim['unit']): string {
  const shown = (value: number) => (unit === '%' ? `${100 * value} %` : `${100 * value}`)
  const within = `${100 * MARGIN[unit]} points`
  if ('above' in rule) return `above ${shown(rule.above)}`
  if ('notBelow' in rule) return `not below ${shown(rule.notBelow)} by ${within}`
  if ('notAbove' in rule) return `not above ${shown(rule.notAbove)} by ${within}`
  return `${shown(rule.near)}, within ${within}`
}
