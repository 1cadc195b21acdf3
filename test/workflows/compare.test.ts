// Comparisons as workflows. Real server and workflows; the stages are fakes that do nothing.
import { ApplicationFailure } from '@temporalio/activity'
import type { RunStatus } from '../../src/contracts/status'
import { fakes, record } from './fakes'
import { openSkippingServer, type WorkflowServer } from './server'

jest.setTimeout(120_000)

let server: WorkflowServer
beforeAll(async () => {
  server = await openSkippingServer()
})
afterAll(() => server.close())

test('each arm is its own run, each seed has a contest, and one report covers them all', async () => {
  const { asked, activities } = fakes()
  await server.withWorker(activities, async () => {
    const arms = ['sft', 'same-size', { name: 'gentle', like: 'rlaif', input: { rl: { klWeight: 0.2 } } }]
    const handle = await server.start(
      'compare',
      { arms, seeds: [1, 2], maxConcurrent: 2, base: { task: 'harmless', rl: { steps: 3 } } },
      'compared',
    )
    const { contests, policies } = (await handle.result()) as { contests: object[]; policies: object }
    expect(contests).toHaveLength(2)
    expect(Object.keys(policies)).toEqual([
      'sft, seed 1',
      'same-size, seed 1',
      'gentle, seed 1',
      'sft, seed 2',
      'same-size, seed 2',
      'gentle, seed 2',
    ])
    const { stages } = await handle.query<RunStatus>('status')
    expect(stages.map(({ stage, state }) => `${stage} ${state}`)).toEqual(
      expect.arrayContaining([
        'gentle, seed 2 done',
        'respond: sft, seed 1 done',
        'contest, seed 2 done',
        'comparison done',
      ]),
    )
    expect(
      asked
        .filter(({ stage }) => stage === 'rl')
        .map(({ input }) => input.settings as { klWeight: number; steps: number })
        .map(({ klWeight, steps }) => [klWeight, steps]),
    ).toEqual(
      expect.arrayContaining([
        [0.05, 3],
        [0.2, 3],
      ]),
    )
    const labelled = asked
      .filter(({ stage }) => stage === 'label')
      .map(({ input }) => (input.labeler as { settings: { model: string } }).settings.model)
    expect(labelled.sort()).toEqual(['default', 'default', 'policy', 'policy'])
    await record(handle, 'compare')
  })
})

test('a failed arm is reported and leaves the others alone; fewer than two completed arms fail the run', async () => {
  const { asked, activities } = fakes((stage, input) => {
    if (stage === 'rl' && (input.settings as { steps: number }).steps === 13)
      throw ApplicationFailure.nonRetryable('the device is on fire')
  })
  await server.withWorker(activities, async () => {
    const bad = { name: 'bad', input: { rl: { steps: 13 } } }
    const handle = await server.start('compare', { arms: ['sft', 'rlaif', bad], onFailure: 'fail' }, 'one-fails')
    await handle.result()
    const report = asked.find(({ stage }) => stage === 'comparison')!.input as {
      arms: { name: string; failed?: string }[]
    }
    expect(report.arms.map(({ name, failed }) => [name, failed])).toEqual([
      ['sft', undefined],
      ['rlaif', undefined],
      ['bad', expect.stringMatching(/fire/)],
    ])
    await record(handle, 'compare-arm-failed')
    const alone = await server.start('compare', { arms: ['sft', bad], onFailure: 'fail' }, 'all-fail')
    await expect(alone.result()).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/fewer than two arms completed.*bad: .*fire/) },
    })
  })
})

test.each([
  [{ arms: ['sft'] }, /field "arms"/],
  [{ arms: ['sft', 'sft'] }, /"arms" names sft twice/],
  [{ arms: ['sft', { name: 'x', input: { rl: { stepz: 3 } } }] }, /arm x: .*stepz/s],
  [{ base: { task: 7 } }, /arm sft: .*"task"/s],
])('%j is refused with a message that names the arm and the field', async (input, message) => {
  const { activities } = fakes()
  await server.withWorker(activities, async () => {
    const handle = await server.start('compare', input, `bad-${JSON.stringify(input).length}`)
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: expect.stringMatching(message) } })
  })
})

test('responses for a contest are sampled in the precision of the arm that they are of', async () => {
  const { asked, activities } = fakes()
  await server.withWorker(activities, async () => {
    const arms = ['sft', { name: 'exact', input: { precision: 'float32' } }]
    await (await server.start('compare', { arms, base: { method: 'sft', precision: 'bfloat16' } }, 'halves')).result()
    const sampled = asked.filter(({ stage }) => stage === 'respond').map(({ input }) => input.precision)
    expect(sampled).toEqual(['bfloat16', 'float32'])

    asked.length = 0
    await (await server.start('compare', { arms: ['sft', 'rlaif'] }, 'no halves')).result()
    expect(JSON.stringify(asked.map(({ input }) => input))).not.toContain('precision')
  })
})

describe('rounds', () => {
  /** Fakes whose evaluation of a round has an interval that begins at the given share. */
  function roundsOf(lows: readonly number[], fail?: Parameters<typeof fakes>[0]) {
    const { asked, activities } = fakes(fail)
    let evaluated = 0
    const evaluate = activities.evaluate!
    activities.evaluate = async (input) => {
      const artifact = (await evaluate(input)) as { summary: object }
      const low = lows[evaluated++]!
      return {
        ...artifact,
        summary: { ...artifact.summary, winRate: low + 0.1, winRateLow: low, winRateHigh: low + 0.2 },
      }
    }
    return { asked, activities, of: (stage: string) => asked.filter((one) => one.stage === stage) }
  }
  const uriOf = (asked: Parameters<typeof roundsOf>[0] | unknown[], one: unknown, stage: string) =>
    `file:///store/${stage}/${asked.indexOf(one as never) + 1}`

  test('each starts from the policy of the one before, and all policies meet at the end', async () => {
    const { asked, activities, of } = roundsOf([0.6, 0.55, 0.52])
    await server.withWorker(activities, async () => {
      const input = { rounds: 3, judge: 'policy', base: { method: 'direct-rlaif', rl: { candidates: 0 } } }
      const handle = await server.start('rounds', input, 'three-rounds')
      const result = (await handle.result()) as { ended: string; policy: object; policies: Record<string, object> }
      expect(Object.keys(result.policies)).toEqual(['before', 'round 1', 'round 2', 'round 3'])
      expect(result.ended).toBe('all 3 rounds ran')
      expect(result.policy).toEqual(result.policies['round 3'])
      const models = of('model').map(({ input }) => input.spec)
      const chosen = of('choose').map((one) => uriOf(asked, one, 'choose'))
      expect(models).toEqual(expect.arrayContaining(['default', chosen[0], chosen[1]]))
      expect(of('sft')).toHaveLength(1)
      const [contest] = of('contest')
      expect((contest!.input.arms as { name: string }[]).map(({ name }) => name)).toEqual(Object.keys(result.policies))
      const before = uriOf(asked, of('sft')[0], 'sft')
      expect(of('evaluate').map(({ input }) => (input.baseline as { uri: string }).uri)[0]).toBe(before)
      await record(handle, 'rounds')
    })
  })

  test('end with the first one that brings nothing beyond its interval; its policy is not the result', async () => {
    const { activities, of } = roundsOf([0.6, 0.45])
    await server.withWorker(activities, async () => {
      const handle = await server.start('rounds', { rounds: 5 }, 'no-gain')
      const result = (await handle.result()) as { ended: string; policy: object; policies: Record<string, object> }
      expect(result.ended).toBe('round 2 brought nothing beyond the interval of its win rate, 55 % (45–65)')
      expect(result.policy).toEqual(result.policies['round 1'])
      expect(of('rl')).toHaveLength(2)
      await record(handle, 'rounds-end-without-gain')
      const all = await server.start('rounds', { rounds: 2, stopWithoutGain: false }, 'gain-not-needed')
      expect(await all.result()).toMatchObject({ ended: 'all 2 rounds ran' })
    })
  })

  test('a failed one ends them, and the report says so; without any there is none', async () => {
    let trained = 0
    const { activities, of } = roundsOf([0.6, 0.6], (stage) => {
      if (stage === 'rl' && ++trained !== 1) throw ApplicationFailure.nonRetryable('the device is on fire')
    })
    await server.withWorker(activities, async () => {
      const handle = await server.start('rounds', { onFailure: 'fail' }, 'second-fails')
      expect(await handle.result()).toMatchObject({ ended: expect.stringMatching(/^round 2 failed: .*on fire/) })
      expect(of('comparison')[0]!.input).toMatchObject({
        workflow: 'rounds',
        arms: [{ name: 'before' }, { name: 'round 1' }, { name: 'round 2', failed: expect.stringMatching(/on fire/) }],
      })
      const first = await server.start('rounds', { onFailure: 'fail' }, 'first-fails')
      await expect(first.result()).rejects.toMatchObject({ cause: expect.anything() })
    })
  })

  test.each([
    [{ base: { method: 'sft' } }, /field "base\.method" got "sft"/],
    [{ base: { seed: 2 } }, /field "base\.seed".*give "seed" of the run/],
    [{ base: { rl: { stepz: 3 } } }, /rounds: base: .*stepz/s],
    [{ rounds: 1 }, /field "rounds"/],
  ])('%j is refused with a message that names the field', async (input, message) => {
    await server.withWorker(fakes().activities, async () => {
      const handle = await server.start('rounds', input, `bad-rounds-${JSON.stringify(input).length}`)
      await expect(handle.result()).rejects.toMatchObject({ cause: { message: expect.stringMatching(message) } })
    })
  })
})
