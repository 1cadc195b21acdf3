// Comparisons of several policies: computed by hand, and the coverage of the reported interval.
import { compare, duelBetween, type Bout, type Prompted } from '../../src/evaluation/comparison'
import { signTest, wilson } from '../../src/evaluation/statistics'
import { judgeContests, winRate } from '../../src/evaluation/win-rate'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { PLAIN } from '../../src/feedback/technique'
import { judgeAlone } from '../../src/feedback/verdict'
import { startEndpoint } from '../feedback/endpoint'
import { readTask, taskFolder } from '../../src/data/task'
import { mean } from '../../src/mean'
import { tTest } from '../../src/evaluation/student'
import { normal, uniform, uniformStream } from '../../src/random'

jest.setTimeout(240_000)

const endpointSettings = (baseUrl: string) => labelerSchema.parse({ baseUrl, model: 'judge' }) as EndpointSettings

test('duels count ties as one half, leave failures out, are corrected together, and are the same from either side', () => {
  const prompts = Array.from({ length: 8 }, (_, i): Prompted => ({
    id: `${i}`,
    context: 'c',
    responses: { a: i === 0 ? 'same' : 'aaaa', b: i === 0 ? 'same' : 'bb', c: 'c c c' },
    good: { a: 0.9, b: 0.1, c: 0.5 },
  }))
  const bouts = (first: string, second: string, p: (i: number) => number | undefined) =>
    prompts.map(({ id }, i): Bout => ({
      id,
      first,
      second,
      ...(p(i) === undefined ? { failed: 'x' } : { preferFirst: p(i)! }),
    }))
  const all = [
    ...bouts('a', 'b', (i) => (i === 0 ? 0.5 : i === 7 ? undefined : 0.8)),
    ...bouts('a', 'c', (i) => (i < 4 ? 0.9 : 0.1)),
    ...bouts('b', 'c', () => 0.2),
  ]
  const { duels, standings } = compare(prompts, all, 1)
  expect(duels[0]).toMatchObject({ first: 'a', second: 'b', winRate: wilson(6.5, 7), equal: 1, failed: 1 })
  const raw = [signTest([0.5, 1, 1, 1, 1, 1, 1]), 1, signTest([0, 0, 0, 0, 0, 0, 0, 0])]
  expect(duels.map(({ p }) => p)).toEqual([expect.closeTo(2 * raw[0]!, 10), 1, expect.closeTo(3 * raw[2]!, 10)])
  expect(duelBetween('c', 'b', duels)!.winRate).toMatchObject({ value: 1, high: 1, n: 8 })
  expect(standings.map(({ name, good }) => [name, good!.value])).toEqual([
    ['a', 1],
    ['b', 0],
    ['c', 0.5],
  ])
  expect(standings[0]!.length.value).toBe(4)
})

test('several seeds: means, intervals and tests are over seeds; chance of training alone seldom makes a winner', () => {
  const study = (n: number, prompts: number, seeds: number) => {
    const all = Array.from({ length: seeds }, (_, seed) => {
      const wins = 0.5 + 0.1 * normal(['training', n, seed]) // how good the two policies of this seed have become
      const random = uniformStream(['wins', n, seed])
      return Array.from({ length: prompts }, (_, i) => ({
        seed,
        id: `${seed}/${i}`,
        preferFirst: Number(random() < wins),
      }))
    }).flat()
    const asked = all.map(({ seed, id }): Prompted => ({ id, seed, context: 'c', responses: { a: 'a a', b: 'b b' } }))
    return {
      all,
      duel: compare(
        asked,
        all.map((bout): Bout => ({ ...bout, first: 'a', second: 'b' })),
        1,
      ).duels[0]!,
    }
  }
  const { all, duel } = study(0, 60, 5)
  const rates = Array.from({ length: 5 }, (_, seed) =>
    mean(all.filter((b) => b.seed === seed).map((b) => b.preferFirst)),
  )
  const { value, low, high } = tTest(rates)
  expect(duel.winRate).toEqual({ value, low, high, n: 300 })
  expect(duel).toMatchObject({ seeds: 5, p: tTest(rates.map((rate) => rate - 0.5)).p })
  const alarms = Array.from({ length: 100 }, (_, n) => study(n, 20, 3).duel.p < 0.05).filter(Boolean).length
  process.stderr.write(`equal methods: a winner in ${alarms} % of 100 comparisons\n`)
  expect(alarms / 100).toBeLessThanOrEqual(0.075)
})

test('a judge of known bias over HTTP: the interval holds the true win rate in 95 ± 3 % of 200 evaluations', async () => {
  const [truth, prompts, evaluations] = [0.62, 60, 200]
  const policyWins = (study: string, prompt: string) => uniform(['truth', study, prompt]) < truth
  const bias = 1.3 // of the judge towards slot 1, in logits; both orders cancel it
  const endpoint = await startEndpoint((prompt) => {
    const [, study, item] = /study (\d+) prompt (\d+)/.exec(prompt)!
    const first = /Response 1 - (\w+)/.exec(prompt)![1]
    const better = policyWins(study!, item!) ? 'policy' : 'baseline'
    const p = 1 / (1 + Math.exp(-(bias + (first === better ? 2 : -2))))
    return { 1: p, 2: 1 - p }
  })
  try {
    const judge = endpointLabeler({ ...endpointSettings(endpoint.baseUrl), concurrency: 64 })
    const task = readTask(taskFolder('helpful'))
    let covered = 0
    for (let study = 0; study < evaluations; study++) {
      const contests = Array.from({ length: prompts }, (_, i) => ({
        id: `${i}`,
        context: `study ${study} prompt ${i}`,
        policy: 'policy answers',
        baseline: 'baseline answers',
      }))
      const { value, low, high, n } = winRate(await judgeContests(judge, contests, { task, technique: PLAIN, seed: 1 }))
      expect(n).toBe(prompts)
      expect(value).toBe(contests.filter(({ id }) => policyWins(String(study), id)).length / prompts)
      if (low <= truth && truth <= high) covered++
    }
    process.stderr.write(`the interval contained the truth in ${covered} of ${evaluations} evaluations\n`)
    expect(Math.abs(covered / evaluations - 0.95)).toBeLessThanOrEqual(0.03)
  } finally {
    await endpoint.close()
  }
})

test('a single response is judged with the statements in both orders, so that position bias cancels', async () => {
  const endpoint = await startEndpoint((prompt) => {
    const harmlessIsFirst = /1 - The response is harmless/.test(prompt)
    const isHarmful = prompt.includes('RESPONSE: poison')
    const p = 1 / (1 + Math.exp(-(3 + (harmlessIsFirst === isHarmful ? -1 : 1))))
    return { 1: p, 2: 1 - p }
  })
  try {
    const { verdict } = readTask(taskFolder('harmless'))
    const judge = endpointLabeler(endpointSettings(endpoint.baseUrl))
    const [bad, good] = (await judgeAlone(judge, verdict!, [
      { context: 'Human: x', response: 'poison' },
      { context: 'Human: x', response: 'tea' },
    ])) as number[]
    expect(bad!).toBeLessThan(0.5)
    expect(good!).toBeGreaterThan(0.5)
    expect(bad! + good!).toBeCloseTo(1, 6)
  } finally {
    await endpoint.close()
  }
})
