import { claimsOf, estimateOf, MARGIN, verdictOf, type Estimate } from '../../src/evaluation/claims'
import type { Figure, SeedFigures } from '../../src/evaluation/paper-claims'
import { answers, claimLines, claimsMarkdown } from '../../src/report/claims'

const figure = (value: number, error = 0.02): Figure => ({ value, error })
const nothing: Omit<SeedFigures, 'seed'> = {
  gold: {},
  length: {},
  kl: {},
  duels: {},
  harmless: {},
  agreement: {},
  sameSlot: {},
  tokens: {},
  accuracy: {},
  accuracyBy: {},
  goldBySteps: {},
}
const seed = (n: number, figures: Partial<SeedFigures>): SeedFigures => ({ ...nothing, seed: n, ...figures })
const claim = (id: string, seeds: readonly SeedFigures[]) => claimsOf(seeds).find((claim) => claim.id === id)!
const wins = (first: string, second: string, ...values: number[]) =>
  values.map((value, i) =>
    seed(i + 1, { duels: { [`${first}/${second}`]: { raw: figure(value), controlled: figure(value - 0.1) } } }),
  )
const between = (low: number, high: number): Estimate => ({ value: (low + high) / 2, low, high, seeds: 5 })

test("an estimate over seeds is the mean with Student's interval, by hand; of one seed, with the interval over its prompts", () => {
  // 0.7, 0.8, 0.9: mean 0.8, deviation 0.1, t(0.975, 2) = 4.302653
  const estimate = estimateOf([0.7, 0.8, 0.9].map((value) => figure(value)))!
  expect(estimate.value).toBeCloseTo(0.8, 12)
  expect(estimate.high - estimate.value).toBeCloseTo((4.302653 * 0.1) / Math.sqrt(3), 5)
  expect(estimateOf([figure(0.7, 0.05)])).toEqual({
    value: 0.7,
    low: expect.closeTo(0.7 - 0.098, 3) as number,
    high: expect.closeTo(0.798, 3) as number,
    seeds: 1,
  })
  const equal = estimateOf([figure(1, 0.03), figure(1, 0.04)])! // no variance: over their prompts, √(0.03² + 0.04²) / 2
  expect(equal.high - equal.value).toBeCloseTo(1.96 * 0.025, 4)
  expect(estimateOf([figure(NaN)])).toBeUndefined()
})

test.each([
  [{ above: 0.5 }, between(0.51, 0.9), 'agrees'],
  [{ above: 0.5 }, between(0.2, 0.49), 'disagrees'],
  [{ above: 0.5 }, between(0.45, 0.9), 'undecided'],
  [{ notBelow: 0.5 }, between(0.41, 0.6), 'agrees'],
  [{ notBelow: 0.5 }, between(0.41, 0.49), 'disagrees'],
  [{ notBelow: 0.5 }, between(0.39, 0.6), 'undecided'],
  [{ notAbove: 0.5 }, between(0.3, 0.59), 'agrees'],
  [{ notAbove: 0.5 }, between(0.51, 0.59), 'disagrees'],
  [{ notAbove: 0.5 }, between(0.3, 0.61), 'undecided'],
  [{ near: 0.5 }, between(0.41, 0.59), 'agrees'],
  [{ near: 0.5 }, between(0.51, 0.59), 'disagrees'],
  [{ near: 0.5 }, between(0.35, 0.55), 'undecided'],
  [{ above: 0 }, { value: 1, low: NaN, high: NaN, seeds: 1 }, 'undecided'],
] as const)('rule %j, interval %j: %s', (rule, estimate, verdict) => {
  expect(verdictOf(rule, estimate, MARGIN['%'])).toBe(verdict)
})

test('a claim about two policies is tested on their win rate, the claim about length on what length control takes from it', () => {
  const found = wins('rlaif', 'sft', 0.7, 0.72, 0.74)
  expect(claim('rlaif-sft', found)).toMatchObject({
    verdict: 'agrees',
    estimate: { value: expect.closeTo(0.72, 10) as number, seeds: 3 },
  })
  expect(claim('length', found)).toMatchObject({
    verdict: 'agrees',
    estimate: { value: expect.closeTo(0.1, 10) as number },
  })
  expect(claim('rlaif-sft', wins('rlaif', 'sft', 0.3, 0.32, 0.31)).verdict).toBe('disagrees')
  expect(claim('rlhf-sft', found)).toMatchObject({ verdict: 'undecided', estimate: undefined })
})

test('pointwise labels are compared with those of both orders, each labeler with itself', () => {
  const asked = (technique: string, ...values: number[]) =>
    ['L', 'S', 'XS'].map((name, i) => [`${name}, ${technique}`, figure(values[i]!)] as const)
  const at = (n: number, shift: number) =>
    seed(n, {
      agreement: Object.fromEntries([
        ...asked('both orders', 0.78, 0.74, 0.63),
        ...asked('pointwise', 0.77, 0.75, 0.63 + shift),
      ]),
      tokens: Object.fromEntries([
        ...asked('both orders', 400, 400, 200),
        ...asked('pointwise', 300, 200, 100 + 10 * n),
      ]),
    })
  const seeds = [at(1, 0.001), at(2, 0.002), at(3, 0.003)]
  expect(claim('pointwise', seeds)).toMatchObject({
    verdict: 'agrees',
    estimate: { value: expect.closeTo(0.002 / 3, 10) as number, seeds: 3 },
  })
  // saved: 1/4, 1/2 and 0.45, 0.4, 0.35
  expect(claim('pointwise-tokens', seeds)).toMatchObject({
    verdict: 'agrees',
    estimate: { value: expect.closeTo((0.25 + 0.5 + 0.4) / 3, 10) as number },
  })
  expect(claim('pointwise-tokens', seeds.slice(0, 1)).verdict).toBe('undecided')
  const { 'XS, pointwise': _, ...without } = seeds[0]!.agreement
  expect(claim('pointwise', [seed(1, { agreement: without })]).estimate).toBeUndefined()
})

test('over-optimization is measured from the best step of the other seeds, never from that of the same seed', () => {
  const curve = (...golds: number[]) => golds.map((gold, i): [number, number] => [10 * i, gold])
  // In the means of the others, step 10 is best for each seed: falls of 0.9 − 0.5, 0.8 − 0.5, 0.7 − 0.5.
  const falls = [curve(0.6, 0.9, 0.5), curve(0.6, 0.8, 0.5), curve(0.6, 0.7, 0.5)].map((points, i) =>
    seed(i + 1, { goldBySteps: { 'rlaif pushed': points } }),
  )
  expect(claim('over-optimization', falls).estimate!.value).toBeCloseTo(0.3, 10)
  // A seed's own best step is chance: for a seed that is best at step 0, the step where the others were best counts.
  const lucky = [...falls, seed(4, { goldBySteps: { 'rlaif pushed': curve(0.65, 0.6, 0.5) } })]
  expect(claim('over-optimization', lucky).estimate!.value).toBeCloseTo((0.4 + 0.3 + 0.2 + 0.1) / 4, 10)
  expect(claim('over-optimization', falls.slice(0, 1)).verdict).toBe('undecided')
})

test('what is said of other feedback is tested on wins, agreement and, for rounds, the gold score', () => {
  const at = (n: number) =>
    seed(n, {
      duels: { 'grpo/rloo': { raw: figure(0.49 + 0.01 * n), controlled: figure(0.5) } },
      agreement: {
        'three XS, both orders': figure(0.7),
        'XS, both orders': figure(0.64 + 0.001 * n),
        'L, both orders': figure(0.79),
      },
      gold: { 'round 2': 0.9, 'one round': 0.85 + 0.001 * n },
    })
  const found = claimsOf([at(1), at(2), at(3)], 'feedback')
  const of = (id: string) => found.find((one) => one.id === id)!
  expect(of('grpo-rloo')).toMatchObject({ verdict: 'agrees', estimate: { value: expect.closeTo(0.51, 10) as number } })
  expect(of('jury-xs-agreement')).toMatchObject({ verdict: 'agrees', unit: 'points' })
  expect(of('jury-l-agreement').verdict).toBe('disagrees')
  expect(of('rounds-labels').estimate!.value).toBeCloseTo(0.048, 10)
  expect(of('dpo-sft').estimate).toBeUndefined()
  expect(claimsMarkdown(found, 'feedback')).toContain('| claim | source |')
})

test('the verdicts are told in sentences, as Markdown and for a terminal', () => {
  const claims = claimsOf(wins('rlaif', 'sft', 0.3, 0.32, 0.31))
  expect(answers(claims)[1]).toMatch(/^Not found: RLAIF beats SFT \(31\u00a0%, 29 to 33\)/)
  expect(claimsMarkdown(claims)).toContain(
    '| RLAIF beats SFT | 71 %, Table 1 | 31\u00a0%, 29 to 33 | wins of rlaif over sft: above 50 % | ✗\u00a0disagrees |',
  )
  expect(claimLines(claims)).toHaveLength(claims.length + 1)
})
