import { parse } from '../../src/contracts/parse'
import { sweepSchema, type SweepInput } from '../../src/contracts/sweep'
import type { Trial } from '../../src/contracts/sweep-trials'
import { TRIALS_PER_RUN, TrialLedger } from '../../src/workflows/trial-ledger'

const settings = (more: object = {}) =>
  parse(sweepSchema, { axes: [{ field: 'rl.steps', values: [1] }], ...more }, 'sweep') as SweepInput
const trials = (n: number): Trial[] =>
  Array.from({ length: n }, (_, trial) => ({ trial, levels: {}, repeat: 0, seed: 1, input: {} }))
const HOUR = 3_600_000

/** Starts every trial that may start. @returns their numbers */
function startAll(ledger: TrialLedger, now = 0): number[] {
  const started: number[] = []
  while (ledger.canStart()) started.push(ledger.start(now).trial)
  return started
}

test('a parked trial does not count against maxConcurrent, and counts again when it resumes', () => {
  const ledger = new TrialLedger(settings({ maxConcurrent: 2 }), trials(5), 0)
  expect(startAll(ledger)).toEqual([0, 1])
  ledger.park(0, 'endpoint is down')
  expect(startAll(ledger)).toEqual([2])
  ledger.park(0, null)
  ledger.end(1, {}, 0)
  expect(startAll(ledger)).toEqual([])
  ledger.fail(0, 'given up', 0)
  ledger.park(0, 'reported too late')
  expect(startAll(ledger)).toEqual([3])
  expect(ledger.isOver()).toBe(false)
})

test('after TRIALS_PER_RUN trials the sweep continues in a new run, but not while a trial is parked', () => {
  const ledger = new TrialLedger(settings({ maxConcurrent: 1 }), trials(TRIALS_PER_RUN + 20), 0)
  ledger.start(0)
  ledger.park(0, 'waits for a person')
  for (let i = 1; i < TRIALS_PER_RUN + 5; i++) ledger.end(ledger.start(0).trial, {}, 0)
  expect([ledger.canStart(), ledger.mustContinueAsNew()]).toEqual([true, false])
  ledger.end(0, {}, 0)
  expect([ledger.canStart(), ledger.mustContinueAsNew(), ledger.isOver()]).toEqual([false, true, false])
  const next = new TrialLedger(settings(), ledger.trials, 0, {
    ended: [...ledger.ended.values()],
    startedAt: 0,
    paused: true,
  })
  expect(next.waiting).toHaveLength(15)
  expect(next.canStart()).toBe(false)
  next.paused = false
  expect(next.start(0).trial).toBe(TRIALS_PER_RUN + 5)
})

test('the hours and the cost of the budget, and the share of failures, stop trials that have not started', () => {
  const late = new TrialLedger(settings({ budget: { hours: 2 } }), trials(3), HOUR)
  late.checkLimits(2.9 * HOUR)
  expect([late.stopped, late.timeLeft(2 * HOUR)]).toEqual([undefined, HOUR])
  late.start(HOUR)
  late.checkLimits(3 * HOUR)
  expect(late.stopped).toBe('"budget.hours" is over: 2')
  expect([late.canStart(), late.isOver()]).toEqual([false, false])
  late.end(0, {}, 3 * HOUR)
  expect(late.results().map(({ state }) => state)).toEqual(['done', 'skipped', 'skipped'])

  const failing = new TrialLedger(settings({ tolerate: 0.4, maxConcurrent: 9 }), trials(9), 0)
  startAll(failing)
    .slice(0, 4)
    .forEach((trial) => failing.fail(trial, 'x'.repeat(5000), 0))
  failing.checkLimits(0)
  expect(failing.stopped).toBeUndefined() // fewer than five: too few to judge
  expect(failing.results()[0]!.message!.length).toBeLessThan(400)
})

test('the cost of a trial is that of its run, else of its only artifact; the metric is found by its stage', () => {
  const ledger = new TrialLedger(settings({ maxConcurrent: 3 }), trials(3), 0)
  startAll(ledger)
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

test('failed trials run again, even after they stopped the sweep', () => {
  const ledger = new TrialLedger(settings({ maxConcurrent: 5 }), trials(6), 0)
  startAll(ledger).forEach((trial) => ledger.fail(trial, 'no device', 0))
  ledger.checkLimits(0)
  expect([ledger.stopped, ledger.canStart()]).toEqual([expect.stringMatching(/tolerate/), false])
  expect(ledger.retryFailed()).toBe(5)
  expect(startAll(ledger)).toEqual([5, 0, 1, 2, 3])
})
