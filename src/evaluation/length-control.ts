// Length-controlled win rates (paper, Appendix J): a logistic regression of "A was preferred" on the ratio of lengths,
// evaluated at ratio 1.
//
//   logit P(A preferred) = a + b · (len A / len B − 1)          controlled win rate = σ(a)
//
// Lengths are in characters. The authors call the method imperfect: it assumes the same effect of length everywhere.
// What the paper leaves open, and what is done here:
//   1. A tie counts as one half for each side.
//   2. A judge that looks at length alone separates the data, and b would grow without bound. A ridge penalty of 1e-3
//      on b prevents this; it is too small to change the third digit of any other fit.
//   3. The interval is the Wald interval of a from the Fisher information, mapped through σ. It is wide for few
//      contests, as it should be.
import { Z95, type Share } from './statistics'

const RIDGE = 1e-3
const MAX_STEPS = 200
/** Rounding error of the log-likelihood, a sum of many logarithms. */
const ROUNDING = 1e-9

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

/** A response's length as a multiple of another's; an empty one counts as one character. */
export const lengthRatio = (text: string, other: string): number => Math.max(1, text.length) / Math.max(1, other.length)

/**
 * The win rate at length ratio 1.
 * @param ratios length of the response as a multiple of the length of what it is compared with
 * @param outcomes 1 where it was preferred, 0 where it was not, ½ for a tie
 */
export function lengthControlled(ratios: readonly number[], outcomes: readonly number[]): Share {
  const n = ratios.length
  if (n === 0) return { value: NaN, low: 0, high: 1, n }
  const { a, variance } = fit(
    ratios.map((ratio) => ratio - 1),
    outcomes,
  )
  const half = Z95 * Math.sqrt(variance)
  return { value: sigmoid(a), low: sigmoid(a - half), high: sigmoid(a + half), n }
}

/** Newton's method on the penalized log-likelihood; steps that would lower it are halved. */
function fit(xs: readonly number[], ys: readonly number[]): { a: number; variance: number } {
  let [a, b] = [0, 0]
  let likelihood = logLikelihood(xs, ys, a, b)
  for (let step = 0; step < MAX_STEPS; step++) {
    const { gradient, information } = derivatives(xs, ys, a, b)
    const [da, db] = solve(information, gradient)
    let scale = 1
    while (logLikelihood(xs, ys, a + scale * da, b + scale * db) < likelihood - ROUNDING && scale > 1e-6) scale /= 2
    a += scale * da
    b += scale * db
    likelihood = logLikelihood(xs, ys, a, b)
    if (Math.abs(da) + Math.abs(db) < 1e-9) break
  }
  const { information } = derivatives(xs, ys, a, b)
  return { a, variance: solve(information, [1, 0])[0] }
}

/** log σ(z) without overflow. */
const logSigmoid = (z: number) => (z < 0 ? z - Math.log1p(Math.exp(z)) : -Math.log1p(Math.exp(-z)))

function logLikelihood(xs: readonly number[], ys: readonly number[], a: number, b: number): number {
  return xs.reduce(
    (sum, x, i) => sum + ys[i]! * logSigmoid(a + b * x) + (1 - ys[i]!) * logSigmoid(-a - b * x),
    (-RIDGE * b * b) / 2,
  )
}

type Matrix = readonly [readonly [number, number], readonly [number, number]]

function derivatives(
  xs: readonly number[],
  ys: readonly number[],
  a: number,
  b: number,
): { gradient: [number, number]; information: Matrix } {
  const gradient: [number, number] = [0, -RIDGE * b]
  let [aa, ab, bb] = [1e-12, 0, RIDGE]
  xs.forEach((x, i) => {
    const p = sigmoid(a + b * x)
    const weight = p * (1 - p)
    gradient[0] += ys[i]! - p
    gradient[1] += (ys[i]! - p) * x
    aa += weight
    ab += weight * x
    bb += weight * x * x
  })
  return {
    gradient,
    information: [
      [aa, ab],
      [ab, bb],
    ],
  }
}

function solve([[aa, ab], [, bb]]: Matrix, [u, v]: readonly [number, number]): [number, number] {
  const determinant = aa * bb - ab * ab
  return [(bb * u - ab * v) / determinant, (aa * v - ab * u) / determinant]
}
