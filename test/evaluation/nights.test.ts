// What a sweep is said to have found, on simulated nights whose seeds share noise, as trials do that share data, SFT
// model, labels and prompts: how often chance alone raises an alarm, and how often a true change is found.
import { bestSettings, changesSince, mainEffects, type SweepChanges, type SweptTrial } from '../../src/evaluation/sweep'
import { uniformStream } from '../../src/random'

const METRIC = 'evaluate.winRate'
const WEEKS = 200
const OTHER_FIGURES = ['rl.kl', 'rl.lastReward', 'reward-model.accuracy', 'evaluate.controlled']
const POINTS = ['0.01', '0.05', '0.2'].flatMap((beta) => ['base', 'detailed'].map((preamble) => ({ beta, preamble })))

interface Night {
  /** Identifies the night: all its noise and its seeds depend on it. */
  key: string
  seeds: number
  /** Standard deviation of the noise that the trials of a seed share, in those of a trial's own noise. */
  shared: number
  /** Added to every trial's metric, in standard deviations of a trial's total noise. */
  change?: number
}

const { sqrt, log, cos, PI } = Math // looked up once: Jest's globals are slow

/** Standard normal numbers, all determined by the key (Box–Muller). */
function normals(key: string): () => number {
  const random = uniformStream([key])
  return () => sqrt(-2 * log(1 - random())) * cos(2 * PI * random())
}

/** Figures have a part of their noise in common, and each some of its own; so has the time of the only stage. */
function night({ key, seeds, shared, change = 0 }: Night): SweptTrial[] {
  const draw = normals(key)
  const firstSeed = Math.floor(2 ** 30 * uniformStream([key, 'seed'])())
  return Array.from({ length: seeds }, (_, repeat) => {
    const ofSeed = [shared * draw(), shared * draw(), shared * draw()]
    return POINTS.map((levels, i): SweptTrial => {
      const common = draw()
      const figures = OTHER_FIGURES.map((name, j) => [name, (draw() + common) / Math.SQRT2 + ofSeed[j % 2]!])
      const metric = common + ofSeed[0]! + change * Math.hypot(1, shared)
      const seconds = Math.exp(draw() + ofSeed[2]!)
      return {
        trial: repeat * POINTS.length + i,
        levels,
        repeat,
        seed: firstSeed + repeat,
        state: 'done',
        figures: { [METRIC]: metric, ...(Object.fromEntries(figures) as Record<string, number>) },
        stages: [{ stage: 'rl', uri: `file:///rl/${key}/${repeat}/${i}`, seconds }],
      }
    })
  }).flat()
}

const claimsSomething = ({ metric, others, stages }: SweepChanges) =>
  [...metric, ...others, ...stages].some(({ p }) => p < 0.05)
const share = (outcomes: readonly boolean[]) => outcomes.filter(Boolean).length / outcomes.length
const report = (text: string) => process.stderr.write(`${text}\n`)

/** Share of nights that claim anything, each compared with the night before. */
function alarms(nights: number, seeds: number, shared: number): number {
  const claims = Array.from({ length: WEEKS }, (_, week) => {
    const all = Array.from({ length: nights }, (_, day) =>
      night({ key: `${shared} ${seeds} ${week} ${day}`, seeds, shared }),
    )
    return all.slice(1).map((now, day) => claimsSomething(changesSince(now, all[day]!, METRIC)))
  }).flat()
  report(`shared ${shared}, ${seeds} seeds: ${(100 * share(claims)).toFixed(1)} % of ${claims.length} nights`)
  return share(claims)
}

describe.each([0.5, 1, 2])('noise that the trials of a seed share, %d times their own', (shared) => {
  test('of 200 weeks of nights that differ by chance alone, at most 7.5 % of the nights claim a change', () => {
    expect(alarms(7, 5, shared)).toBeLessThanOrEqual(0.075)
  })

  test('a true change of two standard deviations is found in at least 80 % of the nights with five seeds', () => {
    const found = Array.from({ length: 400 }, (_, i) => {
      const before = night({ key: `before ${shared} ${i}`, seeds: 5, shared })
      const now = night({ key: `now ${shared} ${i}`, seeds: 5, shared, change: 2 })
      return changesSince(now, before, METRIC).metric[0]!.p < 0.05
    })
    report(`shared ${shared}: a true change is found in ${(100 * share(found)).toFixed(1)} % of ${found.length} nights`)
    expect(share(found)).toBeGreaterThanOrEqual(0.8)
  })
})

test.each([2, 3, 10])('with %d seeds it is the same', (seeds) => {
  expect(alarms(2, seeds, 1)).toBeLessThanOrEqual(0.075)
})

/** Trials of one seed and one beta share an artifact, as RL runs share a reward model. */
function withSharedStage(key: string, seeds: number): SweptTrial[] {
  const draw = normals(`${key} stage`)
  const ofStage = Array.from({ length: seeds }, () => ({ '0.01': 2 * draw(), '0.05': 2 * draw(), '0.2': 2 * draw() }))
  return night({ key, seeds, shared: 1 }).map((trial) => ({
    ...trial,
    figures: {
      [METRIC]: trial.figures[METRIC]! + ofStage[trial.repeat]![trial.levels.beta as '0.2'],
    },
  }))
}

test('of sweeps without any effect, at most 7.5 % claim one, or that the best differs from the second', () => {
  const sweeps = Array.from({ length: 400 }, (_, i) => withSharedStage(`effects ${i}`, 5))
  const effects = share(
    sweeps.map((trials) =>
      mainEffects(trials, METRIC).some(({ levels }) =>
        levels.some(({ difference }) => difference && difference.p < 0.05),
      ),
    ),
  )
  const best = share(sweeps.slice(0, 200).map((trials) => bestSettings(trials, METRIC, true)!.difference!.p < 0.05))
  report(`no effect: ${(100 * effects).toFixed(1)} % claim one, ${(100 * best).toFixed(1)} % that the best is better`)
  expect(effects).toBeLessThanOrEqual(0.075)
  expect(best).toBeLessThanOrEqual(0.075)
})

test('the interval of a level covers its mean over seeds in 95 ± 3 % of the sweeps', () => {
  const covered = Array.from({ length: 400 }, (_, i) => {
    const { low, high } = mainEffects(night({ key: `level ${i}`, seeds: 5, shared: 2 }), METRIC)[1]!.levels[0]!.metric
    return low <= 0 && 0 <= high
  })
  expect(Math.abs(share(covered) - 0.95)).toBeLessThanOrEqual(0.03)
})

test('with one seed nothing is claimed, whatever the number of trials and the size of the change', () => {
  const [before, now] = [night({ key: 'a', seeds: 1, shared: 1 }), night({ key: 'b', seeds: 1, shared: 1, change: 50 })]
  const found = changesSince(now, before, METRIC)
  expect(claimsSomething(found)).toBe(false)
  expect(found.metric).toEqual([expect.objectContaining({ what: 'all trials', n: 1, p: NaN })])
  for (const { levels } of mainEffects(now, METRIC))
    for (const { difference, metric } of levels) expect([difference?.p ?? NaN, metric.low]).toEqual([NaN, NaN])
})

test('trials that failed in one seed only do not shift the comparison or the choice of the best', () => {
  const level: Record<string, number> = { '0.01': 0, '0.05': 10, '0.2': 30 }
  const graded = (key: string) =>
    night({ key, seeds: 4, shared: 1 }).map((trial) => ({
      ...trial,
      figures: { [METRIC]: trial.figures[METRIC]! + level[trial.levels.beta!]! },
    }))
  const lost = graded('now').filter(({ levels, repeat }) => repeat > 0 || levels.beta !== '0.2')
  expect(Math.abs(changesSince(lost, graded('before'), METRIC).metric[0]!.value)).toBeLessThan(2)
  const lucky = Array.from({ length: 4 }, (_, repeat) => ['good', 'rare'].map((arm) => ({ arm, repeat })))
    .flat()
    .filter(({ arm, repeat }) => arm === 'good' || repeat === 3)
    .map(({ arm, repeat }, trial) => ({
      ...graded('now')[0]!,
      trial,
      repeat,
      seed: repeat,
      levels: { arm },
      figures: { [METRIC]: 10 * repeat + (arm === 'good' ? 1 : 0) },
    }))
  expect(bestSettings(lucky, METRIC, true)!.levels).toEqual({ arm: 'good' })
})
