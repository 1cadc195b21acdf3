import type { Row } from '../../src/data/row'
import { readTask, taskFolder } from '../../src/data/task'
import { agreementWith, measureAlignment } from '../../src/evaluation/alignment'
import { correctedVariants, variantResult, type Judgement } from '../../src/evaluation/label-study'
import { binomialTest, mcnemarTest, wilson } from '../../src/evaluation/statistics'
import { judgeContests, winRate } from '../../src/evaluation/win-rate'
import { uniformStream } from '../../src/random'
import type { Labeler } from '../../src/feedback/labeler'
import { PLAIN } from '../../src/feedback/technique'

const options = { task: readTask(taskFolder('helpful')), technique: PLAIN, seed: 1 }
/** Answers "1" with the probability that `p` gives for the two responses of the prompt. */
const judge = (p: (first: string, second: string) => number): Labeler => ({
  name: 'rule',
  identity: {},
  write: async () => [],
  ask: async (questions) =>
    questions.map(({ text }) => {
      const [, first, second] = /Response 1 - (.*)\nResponse 2 - (.*)\n/.exec(text)!
      const one = p(first!, second!)
      return { logProbs: [Math.log(one), Math.log(1 - one)] }
    }),
})

test('Wilson\'s interval equals scipy\'s binomtest(k, n).proportion_ci(method="wilson")', () => {
  expect(wilson(7, 16)).toMatchObject({
    value: 0.4375,
    low: expect.closeTo(0.23098652405492354, 12),
    high: expect.closeTo(0.6682144360118811, 12),
  })
  expect(wilson(0, 10)).toMatchObject({ low: 0, high: expect.closeTo(0.27753279986288926, 12) })
  expect(wilson(0, 0)).toMatchObject({ value: NaN, low: 0, high: 1 })
})

test('win rate: identical responses are ties and are not sent to the judge; trailing junk is not judged', async () => {
  const asked: string[] = []
  const longer = judge((a, b) => {
    asked.push(a, b)
    return a.length > b.length ? 0.9 : 0.1
  })
  const contest = (id: string, policy: string, baseline: string) => ({ id, context: 'Human: x', policy, baseline })
  const judged = await judgeContests(
    longer,
    [contest('a', 'long answer', 'short'), contest('b', 'same', 'same'), contest('c', 'Hi. . . .', 'Hi.')],
    options,
  )
  expect(judged.map(({ preferPolicy }) => preferPolicy)).toEqual([expect.closeTo(0.9, 10), 0.5, 0.5])
  expect(new Set(asked)).toEqual(new Set(['long answer', 'short']))
  expect(winRate(judged)).toMatchObject({ value: 2 / 3, n: 3 })
})

test('alignment is the agreement with people and the position bias, without the pairs that people call a tie', async () => {
  const rows: Row[] = [1, 2, 1, 0].map((preferred, i) => ({
    id: `${i}`,
    messages: [{ role: 'user', content: 'x' }],
    context: 'x',
    pairs: [{ responses: ['good', 'bad'], preferred: preferred as 0 | 1 | 2 }],
  }))
  const right = await measureAlignment(
    judge((a) => (a === 'good' ? 0.9 : 0.1)),
    rows,
    10,
    options,
  )
  expect(right).toMatchObject({ agreement: { value: 2 / 3, n: 3 }, sameSlot: { value: 0 }, ties: 1, failed: 0 })
  const blind = await measureAlignment(
    judge(() => 0.9),
    rows,
    10,
    options,
  )
  expect(blind).toMatchObject({ sameSlot: { value: 1 } })
  expect(
    await measureAlignment(
      judge(() => 0.9),
      [{ ...rows[0]!, pairs: [] }],
      10,
      options,
    ),
  ).toBeUndefined()
})

test("the binomial and McNemar tests equal scipy's and statsmodels'", () => {
  expect(binomialTest(3, 10)).toBeCloseTo(0.34375, 10)
  expect(binomialTest(94, 100)).toBeCloseTo(2.005959521923613e-21, 25)
  expect(binomialTest(5, 10)).toBe(1)
  expect(binomialTest(480, 1000)).toBeCloseTo(0.2174482932041415, 10)
  expect(mcnemarTest(12, 4)).toBeCloseTo(0.076812744140625, 10)
  expect(mcnemarTest(0, 0)).toBe(1)
})

test('a variant has its agreement, its position bias and that bias’s direction, and is tested against the first on the pairs both judged', () => {
  const judgement = (id: number, preferFirst: number | undefined, slotOne: number[] = [0.6, 0.4]): Judgement => ({
    id: `${id}`,
    preferred: 1,
    ...(preferFirst === undefined ? { failed: 'x' } : { preferFirst, slotOne }),
  })
  const first = [judgement(1, 0.9), judgement(2, 0.9), judgement(3, 0.9), judgement(4, 0.1), judgement(5, undefined)]
  const other = [
    judgement(1, 0.1, [0.7, 0.6]),
    judgement(2, 0.1, [0.7, 0.6]),
    judgement(3, 0.9, [0.2, 0.3]),
    judgement(4, 0.9),
    judgement(5, 0.9),
  ]
  expect(variantResult('other', other, first)).toMatchObject({
    agreement: { value: 0.6, n: 5 },
    sameSlot: { value: 0.6 },
    leanToFirst: { value: 2 / 3, n: 3 },
    leanP: 1,
    failed: 0,
    againstFirstP: mcnemarTest(2, 1),
  })
  expect(variantResult('first', first)).toMatchObject({
    agreement: { value: 0.75, n: 4 },
    failed: 1,
    againstFirstP: undefined,
  })
})

test('a study of eleven equal variants names one as different in at most 7.5 % of 200 studies', () => {
  const judged = (study: number, variant: number) => {
    const random = uniformStream(['study', study, variant])
    return Array.from({ length: 300 }, (_, i): Judgement => ({
      id: `${i}`,
      preferred: 1,
      preferFirst: Number(random() < 0.7),
    }))
  }
  const alarms = Array.from({ length: 200 }, (_, study) => {
    const first = judged(study, 0)
    const others = Array.from({ length: 10 }, (_, i) => variantResult(`${i}`, judged(study, i + 1), first))
    return correctedVariants([variantResult('first', first), ...others]).some(({ againstFirstP: p = 1 }) => p < 0.05)
  }).filter(Boolean).length
  expect(alarms / 200).toBeLessThanOrEqual(0.075)
})

test('a label that prefers neither response agrees with people by one half, whichever they preferred', () => {
  expect([agreementWith(0.7, 1), agreementWith(0.7, 2), agreementWith(0.5, 1), agreementWith(0.5, 2)]).toEqual([
    1, 0, 0.5, 0.5,
  ])
  const study = [0.5, 0.5, 0.9, 0.2].map((preferFirst, i) => ({
    id: `${i}`,
    preferred: (i % 2 === 0 ? 1 : 2) as 1 | 2,
    preferFirst,
  }))
  expect(variantResult('even', study).agreement.value).toBe((0.5 + 0.5 + 1 + 1) / 4)
})
