// The statistics of a sweep, on trials with known effects.
import { bestSettings, changesSince, mainEffects, type SweptTrial } from '../../src/evaluation/sweep'
import { normal } from '../../src/random'
import reference from '../reference/statistics.json'

type Rule = (levels: Record<string, string>, repeat: number) => number

/** Every combination of two axes, each with several seeds. */
function swept(rule: Rule, repeats = 4, more: (trial: SweptTrial) => Partial<SweptTrial> = () => ({})): SweptTrial[] {
  const points = ['small', 'middle', 'large'].flatMap((size) => ['one', 'both'].map((orders) => ({ size, orders })))
  return Array.from({ length: repeats }, (_, repeat) => points.map((levels) => ({ levels, repeat })))
    .flat()
    .map(({ levels, repeat }, trial) => {
      const base: SweptTrial = {
        trial,
        levels,
        repeat,
        seed: repeat,
        state: 'done',
        seconds: 10,
        figures: { 'judge.agreement': rule(levels, repeat) },
        stages: [],
      }
      return { ...base, ...more(base) }
    })
}
const METRIC = 'judge.agreement'
const SIZE: Record<string, number> = { small: 0, middle: 0.1, large: 0.3 }
const noise = (...key: (string | number)[]) => 0.01 * normal(key)

test('main effects are differences between trials that are otherwise equal, by seed: a strong field does not hide a weak one', () => {
  const trials = swept(
    ({ size, orders }, repeat) =>
      0.5 + SIZE[size!]! + (orders === 'both' ? 0.03 : 0) + 0.2 * repeat + noise(size!, orders!, repeat),
    6,
  )
  const [size, orders] = mainEffects(trials, METRIC)
  expect(size!.levels.map(({ level, trials }) => [level, trials])).toEqual([
    ['small', 12],
    ['middle', 12],
    ['large', 12],
  ])
  expect(size!.levels[0]!.difference).toBeUndefined()
  expect(size!.levels[2]!.difference!.value).toBeCloseTo(0.3, 1)
  const both = orders!.levels[1]!
  expect(both.metric.low).toBeLessThan(orders!.levels[0]!.metric.value) // the levels' own intervals overlap
  expect(both.difference).toMatchObject({ n: 6, value: expect.closeTo(0.03, 1) }) // seeds
  expect(both.difference!.p).toBeLessThan(0.001)
  expect(both.seconds).toBe(180)
})

test('the best settings are found, and how often they stay best when the seeds are resampled', () => {
  const clear = bestSettings(
    swept(({ size }, repeat) => SIZE[size!]! + noise('c', size!, repeat)).filter(
      ({ levels }) => levels.orders === 'both',
    ),
    METRIC,
    true,
  )!
  expect(clear).toMatchObject({ levels: { size: 'large', orders: 'both' }, runnerUp: { size: 'middle' }, stays: 1 })
  expect(clear.difference!.p).toBeLessThan(0.001)
  const even = bestSettings(
    swept(({ size, orders }, repeat) => noise('e', size!, orders!, repeat)),
    METRIC,
    true,
  )!
  expect(even.stays).toBeLessThan(0.95)
  expect(
    bestSettings(
      swept(({ size }) => SIZE[size!]!),
      METRIC,
      false,
    )!.levels.size,
  ).toBe('small')
  expect(bestSettings([], METRIC, true)).toBeUndefined()
})

/** One setting; a value for each seed, numbered from the first. */
const night = (values: readonly number[], firstSeed: number) =>
  values.map((value, repeat): SweptTrial => ({
    trial: repeat,
    levels: { x: '1' },
    repeat,
    seed: firstSeed + repeat,
    state: 'done',
    figures: { [METRIC]: value },
    stages: [],
  }))

test("sweeps with the same seeds are compared by scipy's paired t-test, others by its test of two samples", () => {
  const { paired, twoSample } = reference.student
  const overall = (now: SweptTrial[], then: SweptTrial[]) => changesSince(now, then, METRIC)
  const same = overall(night(paired.now, 1), night(paired.then, 1))
  expect(same).toMatchObject({ sameSeeds: true, metric: [{ what: 'all trials', n: 12 }, { what: 'x = 1' }] })
  // Its only level is all of it: two tests of one hypothesis share the level at 95 : 2.
  expect(same.metric[0]!.p).toBeCloseTo((paired.p * 97) / 95, 10)
  const others = overall(night(twoSample.now, 1), night(twoSample.then, 100))
  expect(others).toMatchObject({ sameSeeds: false, metric: [{ n: twoSample.then.length }, {}] })
  expect(others.metric[0]!.p).toBeCloseTo((twoSample.p * 97) / 95, 10)
  expect(others.metric[0]!.low).toBeCloseTo(twoSample.low, 9)
})

test('changes at one level, new and fixed failures and slower stages are found, an artifact of all seeds is one draw', () => {
  const stage =
    (night: number, seconds: number) =>
    ({ trial }: SweptTrial) => ({
      stages: [
        { stage: 'rl', seconds: seconds * (1 + 0.05 * normal([night, trial])), uri: `file:///${night}/${trial}` },
        { stage: 'sft', seconds, uri: `file:///${night}/shared` },
      ],
    })
  const then = swept(
    ({ size }, repeat) => SIZE[size!]! + noise('then', size!, repeat),
    4,
    (trial) => ({ ...stage(1, 10)(trial), ...(trial.trial === 0 && { state: 'failed', figures: {} }) }),
  )
  const now = swept(
    ({ size }, repeat) => SIZE[size!]! + (size === 'large' ? 0.1 : 0) + noise('now', size!, repeat),
    4,
    (trial) => ({ ...stage(2, 15)(trial), ...(trial.trial === 3 && { state: 'failed', figures: {} }) }),
  )
  const found = changesSince(now, then, METRIC)
  const moved = found.metric.filter(({ p }) => p < 0.05).map(({ what }) => what)
  expect(moved.slice(0, 1)).toEqual(['all trials']) // a third of them
  expect(moved.filter((what) => what.startsWith('size'))).toEqual(['size = large'])
  expect(found.newFailures.map(({ trial }) => trial)).toEqual([3])
  expect(found.mended.map(({ trial }) => trial)).toEqual([0])
  expect(found.stages).toEqual([
    expect.objectContaining({ stage: 'rl', n: 4, ratio: expect.objectContaining({ value: expect.closeTo(1.5, 1) }) }),
  ])
  expect(changesSince(now, now, METRIC).stages).toEqual([]) // the same artifacts
})
