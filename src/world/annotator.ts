// Simulated annotators (the method of AlpacaFarm and of gold-reward studies): they read the prompt that a person or a labeler is really sent,
// see the truth through noise of their own, and like a slot. A pair looks the same to an annotator in both orders and whenever it is shown.
//
//   margin = gold(first) − gold(second) + noise · ε(annotator, pair)        P("1") = σ((margin + slotBias) / temperature)
import { normal } from '../random'

export interface Annotator {
  name: string
  /** Standard deviation of what it misjudges a pair by, on the scale of the gold score. */
  noise: number
  /** Above 0 for a liking for the first slot. */
  slotBias: number
  /** Of its probabilities: the lower, the surer. */
  temperature: number
}

/**
 * Matched to the paper: people agree with each other on 75 % of pairs; labelers with people on 78, 74 and 63 % (Table 3), naming one slot in
 * both orders on 18, 21 and 56 % (Table 4), L the first, the others the second. Solved for on 20,000 pairs of a seed that is used for nothing else.
 */
export const ANNOTATORS = {
  human: { noise: 0.23, slotBias: 0, temperature: 0.1 },
  L: { noise: 0.151, slotBias: 0.088, temperature: 0.1 },
  S: { noise: 0.255, slotBias: -0.116, temperature: 0.1 },
  XS: { noise: 0.637, slotBias: -0.564, temperature: 0.1 },
  /** The truth itself, for the final judging. */
  gold: { noise: 0, slotBias: 0, temperature: 0.02 },
} satisfies Record<string, Omit<Annotator, 'name'>>
export type AnnotatorName = keyof typeof ANNOTATORS

/** How much better the first response is in the annotator's eyes. @param gold of the two @param texts of the two */
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

/** What a rationale at temperature 1 adds to a margin that was seen without one: deviation, on the scale of the gold score. */
const RATIONALE_NOISE = 0.15

/** A rationale as an annotator writes it: what it sees, more loosely the higher the temperature. */
export function rationaleOf(margin: number, temperature: number, seed: number): string {
  const seen = margin + RATIONALE_NOISE * temperature * normal([seed, 'rationale', Math.round(margin * 1e6)])
  return `${seen > 0 ? 'The first' : 'The second'} tells more of what matters, by ${Math.abs(seen).toFixed(4)}.`
}

/** The margin that a rationale speaks of, if the text has one. */
export function marginIn(text: string): number | undefined {
  const [, which, by] = /The (first|second) tells more of what matters, by (\d+\.\d+)/.exec(text) ?? []
  return by === undefined ? undefined : which === 'first' ? Number(by) : -Number(by)
}

/** Probabilities of the scores 1 … 10 that it gives to one summary. */
export function scoresOf({ name, noise, temperature }: Annotator, gold: number, text: string, seed = 0): number[] {
  const seen = 1 + 9 * (gold + (noise / Math.SQRT2) * normal([seed, 'annotator', name, text]))
  const weights = Array.from({ length: 10 }, (_, i) =>
    Math.exp(-((i + 1 - seen) ** 2) / (2 * (10 * temperature + 0.2) ** 2)),
  )
  const total = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / total)
}
