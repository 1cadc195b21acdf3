// The alarm of over-optimization: how often it is false, and how early it comes, on made curves with known truth.
import { firstOverOptimization, overOptimization, type Watched } from '../../src/evaluation/over-optimization'
import { uniformStream, type RandomKey } from '../../src/random'

const PROMPTS = 100
const VALIDATIONS = 10
const RUNS = 200

function normals(key: RandomKey): () => number {
  const next = uniformStream(key)
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

/** A run whose reward rises as given, by 0.2 a validation, and whose second judge sees the given means; with noise. */
function runOf(seed: number, truth: (validation: number) => number, spread = 1, reward = (v: number) => 0.2 * v) {
  const noise = normals([seed, 'watch'])
  const prompts = Array.from({ length: PROMPTS }, () => ({ reward: noise(), likes: spread * noise() }))
  return Array.from({ length: VALIDATIONS + 1 }, (_, v) => ({
    step: v,
    rewards: prompts.map((prompt) => reward(v) + prompt.reward + 0.5 * noise()),
    watched: prompts.map(({ likes }) => truth(v) + likes + spread * noise()),
  }))
}

/** The validation at which the first alarm comes. */
const alarmOf = (run: readonly Watched[]): number | undefined => firstOverOptimization(run, VALIDATIONS)?.step

const seeds = Array.from({ length: RUNS }, (_, seed) => seed)
/** The judge answers with one of two words. */
const inWords = (run: readonly Watched[]): Watched[] =>
  run.map((one) => ({ ...one, watched: one.watched.map((value) => (value! > 0 ? 1 : -1)) }))

test.each<[string, (v: number) => number]>([
  ['rises to the end', (v) => 0.1 * v],
  ['rises and then stays', (v) => Math.min(0.5, 0.1 * v)],
  ['never moves', () => 0],
])('of 200 runs whose second judge %s, at most 5 %% raise it', (_, truth) => {
  const runs = seeds.map((seed) => runOf(seed, truth))
  expect(runs.filter((run) => alarmOf(run) !== undefined).length).toBeLessThanOrEqual(0.05 * RUNS)
  expect(runs.map(inWords).filter((run) => alarmOf(run) !== undefined).length).toBeLessThanOrEqual(0.05 * RUNS)
})

// The gold score rises to 1 and then falls for three validations, to where it stays. The reward is another reading of it,
// in proportion or bent so that it says little of what is best, and may be much noisier than the second judge.
test.each([
  [0.8, 0.3, 0.3],
  [0.8, 0.3, 1],
  [0.6, 1, 0.3],
  [0.3, 1, 1],
  [0.6, 0.5, 2],
])('of 200 runs in which both fall to %d, with noise %d and %d, at most 5 %% raise it', (end, ofWatch, ofReward) => {
  const gold = (v: number) => (v <= 5 ? v / 5 : Math.max(end, 1 - ((1 - end) * (v - 5)) / 3))
  for (const bent of [(score: number) => score, (score: number) => 1 - Math.exp(-3 * score)]) {
    const runs = seeds.map((seed) => {
      const noise = normals([seed, 'both'])
      const liked = Array.from({ length: PROMPTS }, () => 0.3 * noise())
      return Array.from({ length: VALIDATIONS + 1 }, (_, v) => ({
        step: v,
        rewards: liked.map((one) => bent(gold(v)) + one + ofReward * noise()),
        watched: liked.map((one) => gold(v) + one + ofWatch * noise()),
      }))
    })
    expect(runs.filter((run) => alarmOf(run) !== undefined).length).toBeLessThanOrEqual(0.05 * RUNS)
  }
})

// The gold score gains 1 in four validations, and has then lost 4, 12, 24, 40 … % of it. Of one response the judge is
// sure within 0.3.
const turning = (v: number) => (v <= 4 ? v / 4 : 1 - 0.02 * (v - 4) * (v - 3))
const raisedAbove = (score: number, reward?: (v: number) => number) =>
  seeds.filter((seed) => {
    const alarm = alarmOf(runOf(seed, turning, 0.3, reward))
    return alarm !== undefined && alarm > 4 && turning(alarm) >= score
  }).length

test('of 200 runs whose second judge turns, at least 80 % raise it before a quarter of the gain is lost', () => {
  expect(raisedAbove(0.75)).toBeGreaterThanOrEqual(0.8 * RUNS)
})

test('where the reward is at its limit when the judge turns, at least 80 % raise it before two thirds are lost', () => {
  expect(raisedAbove(1 / 3, (v) => Math.min(1.6, 0.4 * v))).toBeGreaterThanOrEqual(0.8 * RUNS)
})

test('a falling judge is no alarm while the reward falls too, nor where it gave no answer', () => {
  const run = runOf(1, (v) => -v)
  const falling = run.map((one) => ({ ...one, rewards: one.rewards.map((r) => -r) }))
  expect(alarmOf(run)).toBe(1)
  expect(alarmOf(falling)).toBeUndefined()
  expect(alarmOf(run.map((one) => ({ ...one, watched: one.watched.map(() => null) })))).toBeUndefined()
})

test('it says since when, how far the reward rose and how far the judge fell', () => {
  const run = runOf(
    2,
    (v) => (v === 3 ? 5 : 0),
    1,
    (v) => 2 * v,
  ).slice(0, 5)
  expect(overOptimization(run, VALIDATIONS)).toMatchObject({
    ...{ best: 3, since: 3, step: 4 },
    rise: { value: expect.closeTo(2, 0) as number, n: PROMPTS },
    change: { value: expect.closeTo(-5, 0) as number, n: PROMPTS },
  })
})

test('the rise counts from the first validation that the judge liked at least halfway', () => {
  const liked = [0, 5, 5.5, 6, 2]
  const run = runOf(
    2,
    (v) => liked[v]!,
    0.3,
    (v) => Math.min(4, 2 * v),
  ).slice(0, 5)
  expect(overOptimization(run, VALIDATIONS)).toMatchObject({
    ...{ best: 3, since: 1, step: 4 },
    rise: { value: expect.closeTo(2, 0) as number },
  })
})
