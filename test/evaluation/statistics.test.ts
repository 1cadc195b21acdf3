// Statistics compared with scipy, statsmodels, scikit-learn and numpy (test/reference/statistics.py), and on data with a
// known answer.
import { cohenKappa, kendallW } from '../../src/evaluation/agreement'
import { bootstrap, bootstrapMean, jackknife, quantile } from '../../src/evaluation/bootstrap'
import { distinctN } from '../../src/evaluation/diversity'
import { lengthControlled, lengthRatio } from '../../src/evaluation/length-control'
import { holm, signTest } from '../../src/evaluation/statistics'
import { tTest, tCdf, tQuantile, twoSampleTTest } from '../../src/evaluation/student'
import { normal, uniform } from '../../src/random'
import reference from '../reference/statistics.json'

test("the length-controlled share and its interval are those of statsmodels' logistic regression", () => {
  const { ratios, outcomes, value, low, high } = reference.lengthControl
  expect(lengthControlled(ratios, outcomes)).toEqual({
    value: expect.closeTo(value, 3),
    low: expect.closeTo(low, 3),
    high: expect.closeTo(high, 3),
    n: ratios.length,
  })
})

test.each([
  [
    'by a coin biased towards the longer',
    (ratio: number, i: number) => Number(uniform(['coin', i]) < 1 / (1 + Math.exp(-6 * (ratio - 1)))),
  ],
  ['always the longer', (ratio: number) => Number(ratio > 1)],
])(
  'a judge that prefers length alone, %s, has a win rate far from 50 %% raw, and within 3 points of it at equal length',
  (_, judge) => {
    const ratios = Array.from({ length: 8000 }, (_, i) => Math.exp(0.35 + 0.3 * normal(['ratio', i])))
    const outcomes = ratios.map(judge)
    const raw = outcomes.reduce((a, b) => a + b, 0) / outcomes.length
    expect(raw).toBeGreaterThan(0.75)
    expect(Math.abs(lengthControlled(ratios, outcomes).value - 0.5)).toBeLessThan(0.03)
  },
)

test('a judge that ignores length keeps its win rate; without contests there is none', () => {
  const ratios = Array.from({ length: 4000 }, (_, i) => Math.exp(0.3 * normal(['r', i])))
  const outcomes = ratios.map((_, i) => Number(uniform(['fair', i]) < 0.7))
  expect(lengthControlled(ratios, outcomes).value).toBeCloseTo(0.7, 1)
  expect(lengthControlled([], [])).toMatchObject({ value: NaN, low: 0, high: 1 })
  expect(lengthControlled([1.2, 0.8, 1.1], [1, 1, 1]).high).toBeLessThanOrEqual(1)
  expect(lengthRatio('', 'four')).toBe(0.25)
})

test("Kendall's W, Cohen's kappa, Holm's correction and the sign test equal the reference", () => {
  expect(kendallW(reference.kendall.rankings)).toBeCloseTo(reference.kendall.w, 10)
  expect(
    kendallW([
      [1, 2, 3],
      [1, 2, 3],
    ]),
  ).toBe(1)
  expect(
    kendallW([
      [1, 2],
      [2, 1],
    ]),
  ).toBe(0)
  expect(kendallW([[1, 2]])).toBeNaN()
  expect(cohenKappa(reference.kappa.first, reference.kappa.second)).toBeCloseTo(reference.kappa.kappa, 10)
  holm(reference.holm.p).forEach((p, i) => expect(p).toBeCloseTo(reference.holm.adjusted[i]!, 10))
  holm(reference.holm.p, reference.holm.weights).forEach((p, i) =>
    expect(p).toBeCloseTo(reference.holm.weighted[i]!, 10),
  )
  const { wins, losses, ties, p } = reference.signTest
  expect(
    signTest([...Array<number>(wins).fill(1), ...Array<number>(losses).fill(0), ...Array<number>(ties).fill(0.5)]),
  ).toBeCloseTo(p, 10)
})

test("the bootstrap interval of a mean is numpy's within resampling noise, and has the coverage it claims", () => {
  const { values, mean, low, high } = reference.bootstrap
  const ours = bootstrapMean(values, 1)
  expect(ours.value).toBeCloseTo(mean, 8)
  expect(Math.abs(ours.low - low) / (high - low)).toBeLessThan(0.05)
  expect(Math.abs(ours.high - high) / (high - low)).toBeLessThan(0.05)
  expect(
    quantile(
      [...values].sort((a, b) => a - b),
      0.3,
    ),
  ).toBeCloseTo(reference.bootstrap.quantile, 8)
  let covered = 0
  for (let study = 0; study < 200; study++) {
    const sample = Array.from({ length: 60 }, (_, i) => normal(['study', study, i]))
    const interval = bootstrap(60, (indices) => indices.reduce((sum, i) => sum + sample[i]!, 0) / 60, study, 300)
    if (interval.low <= 0 && interval.high >= 0) covered++
  }
  expect(covered / 200).toBeGreaterThan(0.9)
})

test('the jackknife of a mean gives its standard error', () => {
  const { values, mean } = reference.bootstrap
  const { value, low, high } = jackknife(
    values.length,
    (indices) => indices.reduce((sum, i) => sum + values[i]!, 0) / indices.length,
    values.length,
  )
  const standardError = Math.sqrt(
    values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1) / values.length,
  )
  expect([value, low, high]).toEqual([
    expect.closeTo(mean, 8),
    expect.closeTo(mean - 1.959964 * standardError, 4),
    expect.closeTo(mean + 1.959964 * standardError, 4),
  ])
})

test('distinct-n counts words without regard to case, over all texts', () => {
  expect(distinctN(['The cat saw the cat', 'the dog'], 1)).toBeCloseTo(4 / 7)
  expect(distinctN(['a b a b'], 2)).toBeCloseTo(2 / 3)
  expect(distinctN(['one'], 2)).toBeNaN()
})

test("Student's t: distribution, quantiles, intervals and tests of a mean are scipy's", () => {
  for (const [t, df, p] of reference.student.cdf as [number, number, number][]) expect(tCdf(t, df)).toBeCloseTo(p, 12)
  for (const [p, df, t] of reference.student.quantile as [number, number, number][])
    expect(tQuantile(p, df) / t).toBeCloseTo(1, 9)
  for (const { values, value, low, high, p } of reference.student.tests)
    expect(tTest(values)).toEqual({
      value: expect.closeTo(value, 12),
      low: expect.closeTo(low, 9),
      high: expect.closeTo(high, 9),
      p: expect.closeTo(p, 10),
      n: values.length,
    })
})

test("the t-test of two samples is scipy's; without variance it is the exact permutation test", () => {
  const { now, then, p, low, high } = reference.student.twoSample
  expect(twoSampleTTest(now, then)).toMatchObject({
    low: expect.closeTo(low, 9),
    high: expect.closeTo(high, 9),
    p: expect.closeTo(p, 10),
    n: then.length,
  })
  expect(twoSampleTTest([1], [2, 3])).toMatchObject({ value: -1.5, p: NaN })
  expect(twoSampleTTest([2, 2, 2, 2, 2], [1, 1, 1, 1, 1])).toMatchObject({ value: 1, low: NaN, p: 2 / 252 })
  expect(twoSampleTTest([0.1, 0.1, 0.1], [0.1, 0.1])).toMatchObject({ p: 1 })
})

test('a mean of one value cannot be tested; values that are all equal are tested by their sign', () => {
  expect(tTest([0.3])).toMatchObject({ value: 0.3, p: NaN, low: NaN })
  expect(tTest([0.25, 0.25])).toMatchObject({ p: 0.5, low: NaN })
  expect(tTest(Array.from({ length: 8 }, () => 0.1)).p).toBeCloseTo(2 / 256)
  expect(tTest([0, 0, 0])).toMatchObject({ value: 0, p: 1 })
})
