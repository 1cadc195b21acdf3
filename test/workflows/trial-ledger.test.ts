import { parse } from '../../src/contracts/parse'
import { sweepSchema, type SweepInput } from '../../src/contracts/sweep'
import type { Trial } from '../../src/contracts/sweep-trials'
import { openTrialLedger, TRIALS_A_RUN, type TrialLedger } from '../../src/workflows/trial-ledger'

const settings = (more: object = {}) =>
  parse(sweepSchema, { axes: [{ field: 'rl.steps', values: [1] }], ...more }, 'sweep') as SweepInput
const trials = (n: number): Trial[] =>
  Array.from({ length: n }, (_, trial) => ({ trial, levels: {}, repeat: 0, seed: 1, input: {} }))
const HOUR = 3_600_000

/** Begins whatever may begin. @returns their numbers */
function begin(ledger: TrialLedger, now = 0): number[] {
  const begun: number[] = []
  while (ledger.canStart()) begun.push(ledger.begin(now).trial)
  return begun
}

test('a parked trial holds no place, and takes one again when it goes on', () => {
  const ledger = openTrialLedger(settings({ maxConcurrent: 2 }), trials(5), 0)
  expect(begin(ledger)).toEqual([0, 1])
  ledger.park(0, 'endpoint is down')
  expect(begin(ledger)).toEqual([2])
  ledger.park(0, null)
  ledger.end(1, {}, 0)
  expect(begin(ledger)).toEqual([])
  ledger.fail(0, 'given up', 0)
  ledger.park(0, 'told too late')
  expect(begin(ledger)).toEqual([3])
  expect(ledger.isOver()).toBe(false)
})

test('after so many trials the run is full and goes on in a new one, but not while one is parked', () => {
  const ledger = openTrialLedger(settings({ maxConcurrent: 1 }), trials(TRIALS_A_RUN + 20), 0)
  ledger.begin(0)
  ledger.park(0, 'waits for a person')
  for (let i = 1; i < TRIALS_A_RUN + 5; i++) ledger.end(ledger.begin(0).trial, {}, 0)
  expect([ledger.canStart(), ledger.isToContinue()]).toEqual([true, false])
  ledger.end(0, {}, 0)
  expect([ledger.canStart(), ledger.isToContinue(), ledger.isOver()]).toEqual([false, true, false])
  const next = openTrialLedger(settings(), ledger.trials, 0, {
    ended: [...ledger.ended.values()],
    startedAt: 0,
    paused: true,
  })
  expect(next.waiting).toHaveLength(15)
  expect(next.canStart()).toBe(false)
  next.pause(false)
  expect(next.begin(0).trial).toBe(TRIALS_A_RUN + 5)
})

test('hours and money of the budget, and the share of failures, stop what has not begun', () => {
  const late = openTrialLedger(settings({ budget: { hours: 2 } }), trials(3), HOUR)
  late.heedLimits(2.9 * HOUR)
  expect([late.stopped, late.timeLeft(2 * HOUR)]).toEqual([undefined, HOUR])
  late.begin(HOUR)
  late.heedLimits(3 * HOUR)
  expect(late.stopped).toBe('"budget.hours" is over: 2')
  expect([late.canStart(), late.isOver()]).toEqual([false, false])
  late.end(0, {}, 3 * HOUR)
  expect(late.results().map(({ state }) => state)).toEqual(['done', 'skipped', 'skipped'])

  const failing = openTrialLedger(settings({ tolerate: 0.4, maxConcurrent: 9 }), trials(9), 0)
  begin(failing)
    .slice(0, 4)
    .forEach((trial) => failing.fail(trial, 'x'.repeat(5000), 0))
  failing.heedLimits(0)
  expect(failing.stopped).toBeUndefined() // fewer than five: too few to judge
  expect(failing.results()[0]!.message!.length).toBeLessThan(400)
})

test('what a trial spent is what its run spent itself, else what its only artifact cost; the figure is found by stage', () => {
  const ledger = openTrialLedger(settings({ maxConcurrent: 3 }), trials(3), 0)
  begin(ledger)
  const artifact = (summary: Record<string, number>) => ({
    uri: 'file:///x',
    sha256: 'a'.repeat(64),
    bytes: 1,
    summary,
  })
  ledger.end(0, { report: artifact({}), stages: { evaluate: artifact({ winRate: 0.7, cost: 9 }) }, spent: 2 }, 5000)
  ledger.end(1, artifact({ winRate: 0.4, cost: 3 }), 0)
  ledger.end(2, { report: artifact({}), stages: {}, spent: 0 }, 0)
  const result = { uri: 'file:///x', sha256: 'a'.repeat(64) }
  expect(ledger.results()).toEqual([
    { trial: 0, state: 'done', seconds: 5, cost: 2, metric: 0.7, result },
    { trial: 1, state: 'done', seconds: 0, cost: 3, metric: 0.4, result },
    { trial: 2, state: 'done', seconds: 0, result },
  ])
})

test('failed trials run again, also after they had stopped the sweep', () => {
  const ledger = openTrialLedger(settings({ maxConcurrent: 5 }), trials(6), 0)
  begin(ledger).forEach((trial) => ledger.fail(trial, 'no device', 0))
  ledger.heedLimits(0)
  expect([ledger.stopped, ledger.canStart()]).toEqual([expect.stringMatching(/tolerate/), false])
  expect(ledger.retryFailed()).toBe(5)
  expect(begin(ledger)).toEqual([5, 0, 1, 2, 3])
})
