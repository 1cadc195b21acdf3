// Simulated annotators (the method of AlpacaFarm and of gold-reward studies): they read the prompt that a person or a
// labeler is really sent, judge by the gold score plus their own noise, and have a position bias. The noise belongs to
// the annotator and the pair: it is the same in both orders and every time. Annotators of one kind, such as XS and XS-2,
// err independently.
//
//   margin = gold(first) − gold(second) + noise · ε(annotator, pair)      P("1") = σ((margin + slotBias) / temperature)
import { normal } from '../random'

export interface Annotator {
  name: string
  /** Standard deviation of its error on a pair, on the scale of the gold score. */
  noise: number
  /** Position bias: above 0 it prefers the first slot. */
  slotBias: number
  /** Temperature of its probabilities: the lower, the more confident. */
  temperature: number
}

/**
 * Fitted to the paper: people agree with each other on 75 % of pairs, labelers with people on 78, 74 and 63 % (Table
 * 3). Labelers choose the same slot in both orders on 18, 21 and 56 % (Table 4): L the first, the others the second.
 * Fitted on 20,000 pairs of a seed that is used for nothing else.
 */
export const ANNOTATORS = {
  human: { noise: 0.23, slotBias: 0, temperature: 0.1 },
  L: { noise: 0.151, slotBias: 0.088, temperature: 0.1 },
  S: { noise: 0.255, slotBias: -0.116, temperature: 0.1 },
  XS: { noise: 0.637, slotBias: -0.564, temperature: 0.1 },
  /** The gold score itself, for the final evaluation. */
  gold: { noise: 0, slotBias: 0, temperature: 0.02 },
} satisfies Record<string, Omit<Annotator, 'name'>>

/** Names of the annotators, and of their colleagues: XS-2 errs as often and as far as XS, and on other pairs. */
const NAMED = new RegExp(`^(${Object.keys(ANNOTATORS).join('|')})(-[1-9][0-9]?)?$`)

/** @returns undefined if nobody has the name */
export function annotatorNamed(name: string): Annotator | undefined {
  const kind = NAMED.exec(name)?.[1] as keyof typeof ANNOTATORS | undefined
  return kind && { name, ...ANNOTATORS[kind] }
}

/** How much better the annotator considers the first response. @param gold scores of the two responses */
export function marginOf(
  { name, noise }: Annotator,
  gold: readonly [number, number],
  [first, second]: readonly [string, string],
  seed = 0,
): number {
  const [a, b] = first < second ? [first, second] : [second, first]
  const error = noise * normal([seed, 'annotator', name, a, b])
  return gold[0] - gold[1] + (first < second ? error : -error)
}

/** The probability of naming the first slot. */
export const preferFirst = ({ slotBias, temperature }: Annotator, margin: number): number =>
  1 / (1 + Math.exp(-(margin + slotBias) / temperature))

/** Standard deviation of what a rationale at temperature 1 adds to the margin, on the scale of the gold score. */
const RATIONALE_NOISE = 0.15

/** A rationale as an annotator writes it: states the margin, with noise that grows with the temperature. */
export function rationaleOf(margin: number, temperature: number, seed: number): string {
  const seen = margin + RATIONALE_NOISE * temperature * normal([seed, 'rationale', Math.round(margin * 1e6)])
  return `${seen > 0 ? 'The first' : 'The second'} tells more of what matters, by ${Math.abs(seen).toFixed(4)}.`
}

/** The margin that a rationale states, if the text contains one. */
export function marginIn(text: string): number | undefined {
  const [, which, by] = /The (first|second) tells more of what matters, by (\d+\.\d+)/.exec(text) ?? []
  return by === undefined ? undefined : which === 'first' ? Number(by) : -Number(by)
}

/** What the annotator takes the gold score of a response for, in units of its noise. */
const errorOn = ({ name }: Annotator, text: string, seed: number) => normal([seed, 'annotator', name, text])

/** Probabilities of the scores 1 … 10 that the annotator gives to one response. */
export const scoresOf = (annotator: Annotator, gold: number, text: string, seed = 0): number[] =>
  scoresAround(annotator, gold, errorOn(annotator, text, seed))

/**
 * The same for one aspect of the response, by its name. Half of the variance of the error is that of the annotator's score
 * of the whole response: who misreads a text misreads it in every respect.
 */
export function aspectScoresOf(annotator: Annotator, aspect: string, truth: number, text: string, seed = 0): number[] {
  const own = normal([seed, 'annotator', annotator.name, aspect, text])
  return scoresAround(annotator, truth, (errorOn(annotator, text, seed) + own) / Math.SQRT2)
}

function scoresAround({ noise, temperature }: Annotator, truth: number, error: number): number[] {
  const seen = 1 + 9 * (truth + (noise / Math.SQRT2) * error)
  const weights = Array.from({ length: 10 }, (_, i) =>
    Math.exp(-((i + 1 - seen) ** 2) / (2 * (10 * temperature + 0.2) ** 2)),
  )
  const total = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / total)
}
