// Labels, scores and verdicts of a jury, over real HTTP; the truth is computed by hand.
import { parse } from '../../src/contracts/parse'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { readTask, taskFolder } from '../../src/data/task'
import { memberAlignments } from '../../src/evaluation/alignment'
import { juryTally } from '../../src/evaluation/jury-agreement'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { combined, disagreementOf, juryOf, type Jury } from '../../src/feedback/jury'
import { isUnanswered, type Labeler } from '../../src/feedback/labeler'
import { liveScores } from '../../src/feedback/live-score'
import { judgePairs } from '../../src/feedback/preference'
import type { PreferenceLabel } from '../../src/feedback/preference-label'
import { PLAIN, type Technique } from '../../src/feedback/technique'
import { judgeAlone } from '../../src/feedback/verdict'
import { startEndpoint, type Endpoint, type Rule } from './endpoint'

const helpful = readTask(taskFolder('helpful'))
const harmless = readTask(taskFolder('harmless'))
const cheerful = readTask(taskFolder('cheerful'))
const pair = { context: 'A text.', first: 'good', second: 'bad' }

const endpoints: Endpoint[] = []
afterEach(async () => {
  await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()))
})

async function labelerWith(rule: Rule): Promise<Labeler> {
  const endpoint = await startEndpoint(rule)
  endpoints.push(endpoint)
  const given = { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 }
  return endpointLabeler(parse(labelerSchema, given, 'labeler') as EndpointSettings)
}

/** A jury whose members answer by these rules. */
async function jury(
  rules: readonly Rule[],
  {
    combine = 'mean',
    quorum = 1,
    techniques = [],
  }: Partial<Pick<Jury, 'combine' | 'quorum'>> & { techniques?: Technique[] } = {},
): Promise<Jury> {
  const members = []
  for (const [i, rule] of rules.entries())
    members.push({ labeler: await labelerWith(rule), technique: techniques[i] ?? PLAIN })
  return juryOf(members, combine, quorum)
}

/** Prefers the good response with this probability, whatever its slot. */
const preferGood =
  (p: number): Rule =>
  (prompt) =>
    / 1 - good/.test(prompt) ? { '1': p, '2': 1 - p } : { '1': 1 - p, '2': p }
const silent: Rule = () => ({ maybe: 1 })
const labelsOf = (asked: Jury | Labeler, task = helpful, pairs = [pair]) => judgePairs(asked, pairs, { task, seed: 1 })

test('mean, median and trimmed mean of values, and their standard deviation', () => {
  expect(combined([0.2, 0.9, 0.4], 'mean')).toBeCloseTo(0.5, 15)
  expect(combined([0.2, 0.9, 0.4], 'median')).toBe(0.4)
  expect(combined([0.2, 0.9, 0.4, 0.6], 'median')).toBe(0.5)
  expect(combined([0, 0.9, 0.4, 0.6], 'trimmed')).toBe(0.5)
  expect(combined([0.2, 0.9], 'trimmed')).toBeCloseTo(0.55, 15)
  expect(disagreementOf([0.2, 0.9, 0.4])).toBeCloseTo(Math.sqrt((0.09 + 0.16 + 0.01) / 3), 15)
  expect(disagreementOf([0.7])).toBe(0)
})

test('the label of a pair is made of the probabilities of the members, and keeps what each said', async () => {
  const asked = await jury([preferGood(0.9), preferGood(0.6), preferGood(0.3)])
  const [label] = (await labelsOf(asked)) as [PreferenceLabel]
  expect(label.preferFirst).toBeCloseTo(0.6, 12)
  expect(label.slotOne).toEqual([expect.closeTo(0.6, 12), expect.closeTo(0.4, 12)])
  expect(label.disagreement).toBeCloseTo(Math.sqrt(0.06), 12)
  expect(label.members!.map((member) => (member as PreferenceLabel).preferFirst)).toEqual(
    [0.9, 0.6, 0.3].map((p) => expect.closeTo(p, 12) as number),
  )
  expect(new Set(label.members!.map(({ labeler }) => labeler)).size).toBe(3)
  expect(asked.tally).toEqual(Array.from({ length: 3 }, () => ({ answers: 1, failed: 0 })))
  const [median] = (await labelsOf({ ...asked, combine: 'median' })) as [PreferenceLabel]
  expect(median.preferFirst).toBeCloseTo(0.6, 12)
})

test('a task that asks for the worse response is inverted in each member, once', async () => {
  const [label] = (await labelsOf(await jury([preferGood(0.9), preferGood(0.7)]), harmless)) as [PreferenceLabel]
  expect(label.preferFirst).toBeCloseTo(0.2, 12)
})

test.each([['a pair', PLAIN] as const, ['each response', { comparison: 'pointwise', labels: 'soft' }] as const])(
  "a jury of one gives exactly its member's labels, asked about %s",
  async (_, technique) => {
    const rule: Rule = (prompt) =>
      / 1 - /.test(prompt)
        ? preferGood(0.123456789)(prompt, {})
        : { '7': prompt.includes('good') ? 0.7 : 0.1, '2': 0.3 }
    const labeler = await labelerWith(rule)
    const alone = (await judgePairs(labeler, [pair], { task: helpful, technique, seed: 1 }))[0]
    const ofJury = (await labelsOf(juryOf([{ labeler, technique }], 'trimmed', 1)))[0] as PreferenceLabel
    const { members, disagreement, ...label } = ofJury
    expect(label).toEqual(alone)
    expect(disagreement).toBe(0)
    expect(members).toEqual([{ labeler: labeler.name, ...(alone as object) }])
  },
)

test("a member's missing answer is left out and counted; below the quorum there is no label, and no number", async () => {
  const rules = [preferGood(0.9), silent, preferGood(0.7)]
  const asked = await jury(rules, { quorum: 2 })
  const [label] = (await labelsOf(asked)) as [PreferenceLabel]
  expect(label.preferFirst).toBeCloseTo(0.8, 12)
  expect(label.members![1]).toMatchObject({ failed: expect.stringMatching(/neither "1" nor "2"/) })
  expect(asked.tally.map(({ failed }) => failed)).toEqual([0, 1, 0])
  const [none] = await labelsOf(await jury([...rules.slice(0, 2), silent], { quorum: 2 }))
  expect(none).toEqual({
    failed: expect.stringMatching(
      /^1 of 3 members answered, and the quorum is 2 \(judge at .*neither "1" nor "2".*; judge/,
    ),
  })
  const alignment = memberAlignments([label, none as never], [{ preferred: 1 }, { preferred: 1 }])
  expect(alignment.map(({ failed, agreement }) => [failed, agreement.n])).toEqual([
    [0, 1],
    [1, 0],
    [0, 1],
  ])
  expect(alignment[0]!.calibrationError).toBeCloseTo(0.1, 12)
})

test('what no repetition can answer stays so: ties of all members are ties, not failures', async () => {
  const pointwise = { comparison: 'pointwise', labels: 'soft' } as const
  const asked = await jury([() => ({ '5': 1 }), () => ({ '6': 1 })], { techniques: [pointwise, pointwise] })
  const [label] = await labelsOf(asked)
  expect(label).toMatchObject({ failed: expect.any(String), tied: true })
  expect(asked.tally.map(({ failed }) => failed)).toEqual([0, 0])
})

test('members with techniques of their own: slots only where all were asked in the same orders', async () => {
  const pointwise = { comparison: 'pointwise', labels: 'hard' } as const
  const rule: Rule = (prompt) => ({ '8': prompt.includes('RESPONSE: good') ? 0.9 : 0.2, '2': 0.1 })
  const asked = await jury([preferGood(0.7), rule], { techniques: [PLAIN, pointwise] })
  const [label] = (await labelsOf(asked)) as [PreferenceLabel]
  expect(label.preferFirst).toBeCloseTo(0.85, 12)
  expect(label.slotOne).toEqual([])
})

test('live scores are combined in [-1, 1], verdicts as probabilities', async () => {
  const score =
    (value: string): Rule =>
    () => ({ [value]: 1 })
  const scored = await jury([score('10'), score('1'), score('10')], { combine: 'median' })
  const shown = [{ context: 'c', response: 'r' }]
  expect(await liveScores(scored, shown, { task: helpful })).toEqual([
    { reward: 1, disagreement: expect.closeTo(Math.sqrt(8 / 9), 12) },
  ])
  const feels =
    (p: number): Rule =>
    () => ({ ' good': p, ' bad': 1 - p })
  const verdicts = await judgeAlone(await jury([feels(0.9), feels(0.4)]), cheerful.verdict!, shown)
  expect(verdicts).toEqual([expect.closeTo(0.65, 12)])
  const [unscored] = await liveScores(await jury([silent, score('3')], { quorum: 2 }), shown, { task: helpful })
  expect(isUnanswered(unscored)).toBe(true)
})

test('agreement of members with each other, with the jury and with people is counted by pair', () => {
  const tally = juryTally()
  const of = (ps: readonly (number | undefined)[], people?: 1 | 2) => {
    const given = ps.filter((p) => p !== undefined)
    tally.add({
      preferFirst: combined(given, 'mean'),
      disagreement: disagreementOf(given),
      members: ps.map((p, i) => ({ labeler: 'ABC'[i]!, ...(p === undefined ? { failed: 'x' } : { preferFirst: p }) })),
      people,
    })
  }
  of([0.9, 0.8, 0.4], 1)
  of([0.1, 0.9, undefined], 2)
  of([1, 0, 0.5])
  const { members, disagreement, labels } = tally.result()!
  const [a, b, c] = members
  expect(labels).toBe(3)
  expect([a!.labels, a!.failed, c!.failed]).toEqual([3, 0, 1])
  expect(a!.withOthers.B).toMatchObject({ value: 1 / 3, n: 3 }) // together only on the first pair
  expect(a!.withOthers.C).toMatchObject({ value: 0.25, n: 2 }) // undecided counts one half
  expect(b!.withPeople).toMatchObject({ value: 0.5, n: 2 })
  expect(a!.withPeople).toMatchObject({ value: 1, n: 2 })
  expect(a!.calibrationError).toBeCloseTo(0.1, 12)
  expect(disagreement.map((bin) => bin.labels).reduce((x, y) => x + y)).toBe(3)
  expect(disagreement.at(-1)!.labels + disagreement.at(-2)!.labels).toBeGreaterThan(0)
})
