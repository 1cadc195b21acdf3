// The alarm of over-optimization: how often it is false, and how early it comes, on made curves with known truth.
import { firstOverOptimization, overOptimization, type Watched } from '../../src/evaluation/over-optimization'
import { uniformStream } from '../../src/random'

const PROMPTS = 100
const VALIDATIONS = 10
const RUNS = 200

/** A run whose reward rises by 0.2 a validation, and whose second judge sees the given means, each with noise. */
function runOf(seed: number, truth: (validation: number) => number, spread = 1): Watched[] {
  const next = uniformStream([seed, 'watch'])
  const noise = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const prompts = Array.from({ length: PROMPTS }, () => ({ reward: noise(), likes: spread * noise() }))
  return Array.from({ length: VALIDATIONS + 1 }, (_, v) => ({
    step: v,
    rewards: prompts.map(({ reward }) => 0.2 * v + reward + 0.5 * noise()),
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

// The gold score gains 1 in four validations, and has then lost 4, 12, 24, 40 … % of it. Of one response the judge is
// sure within 0.3.
test('of 200 runs whose second judge turns, at least 80 % raise it before a quarter of the gain is lost', () => {
  const truth = (v: number) => (v <= 4 ? v / 4 : 1 - 0.02 * (v - 4) * (v - 3))
  const inTime = seeds.filter((seed) => {
    const alarm = alarmOf(runOf(seed, truth, 0.3))
    return alarm !== undefined && alarm > 4 && truth(alarm) >= 0.75
  })
  expect(inTime.length).toBeGreaterThanOrEqual(0.8 * RUNS)
})

test('a falling judge is no alarm while the reward falls too, nor where it gave no answer', () => {
  const run = runOf(1, (v) => -v)
  const falling = run.map((one) => ({ ...one, rewards: one.rewards.map((r) => -r) }))
  expect(alarmOf(run)).toBe(1)
  expect(alarmOf(falling)).toBeUndefined()
  expect(alarmOf(run.map((one) => ({ ...one, watched: one.watched.map(() => null) })))).toBeUndefined()
})

test('it says since when, how far the reward rose and how far the judge fell', () => {
  const run = runOf(2, (v) => (v === 3 ? 5 : 0)).slice(0, 5)
  expect(overOptimization(run, VALIDATIONS)).toMatchObject({
    best: 3,
    step: 4,
    rise: { value: expect.closeTo(0.2, 0) as number, n: PROMPTS },
    change: { value: expect.closeTo(-5, 0) as number, n: PROMPTS },
  })
})
