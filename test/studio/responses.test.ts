// Responses across validations, as stages really write them, and of a run of 2,000 prompts × 50 validations.
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readValidations } from '../../src/activities/rows'
import { openLiveValidations, openValidations } from '../../src/studio/validations'
import { promptAcross, PROMPTS_A_PAGE, responsesPage } from '../../src/studio/responses'
import { startEndpoint, type Endpoint } from '../feedback/endpoint'
import { temporaryFolder } from '../tiny-folder'
import { HOSTILE, writtenValidations } from './written-validations'

jest.setTimeout(120_000)

/** Two judges of no taste: the score goes with the length of what is asked, and the first response always is better. */
const anyScore = (prompt: string) => ({ [String(1 + (prompt.length % 7))]: 0.9, '2': 0.05 })

describe('as stages write them', () => {
  let endpoint: Endpoint
  let written: Awaited<ReturnType<typeof writtenValidations>>
  beforeAll(async () => {
    endpoint = await startEndpoint(anyScore)
    written = await writtenValidations(endpoint)
  })
  afterAll(() => endpoint.close())

  test('each prompt is read across all steps, with the reward of each response, the judge and the KL', () => {
    const validations = openValidations(written.trained, written.chosen)!
    const texts = readValidations(written.trained)
    // what single responses were given is no part of the artifact's content, as in earlier versions
    const line = readFileSync(join(written.trained, 'validations.jsonl'), 'utf8')
    expect(line).toMatch(/^\{"step":0,"reward":[^,]+,"responses":\["/)
    expect(validations.prompts).toBe(6)
    expect(validations.list.map(({ step }) => step)).toEqual([0, 1, 2, 3])
    for (let prompt = 0; prompt < 6; prompt++) {
      const { steps, context } = promptAcross(validations, prompt)!
      expect(context).toContain('Post')
      expect(steps.map(({ response }) => response)).toEqual(texts.map(({ responses }) => responses[prompt]))
      expect(steps.every(({ scores }) => scores.some(({ by, score }) => by === 'reward' && score !== null))).toBe(true)
    }
    validations.list.forEach(({ reward, scores }) => {
      const rewards = scores.reward as number[]
      expect(rewards.reduce((a, b) => a + b) / 6).toBeCloseTo(reward, 10)
    })
    expect(validations.list[0]!.scores.judge).toEqual(Array(6).fill(0.5))
    expect(validations.list.filter(({ scores }) => scores.judge)).toHaveLength(3) // and two candidates
    expect(validations.list.slice(1).every(({ kl }) => Number.isFinite(kl))).toBe(true)
    expect(promptAcross(validations, 6)).toBeUndefined()
    expect(promptAcross(validations, -1)).toBeUndefined()
    expect(promptAcross(validations, 0.5)).toBeUndefined()
  })

  test('a prompt is found by its text, a hostile one as it is, and what nobody said is not found', async () => {
    const validations = openValidations(written.trained, written.chosen)!
    const hostile = await responsesPage(validations, { query: HOSTILE.toUpperCase() })
    expect(hostile.prompts.length).toBeGreaterThan(0)
    expect(hostile.prompts.every(({ context }) => context.includes(HOSTILE))).toBe(true)
    const said = readValidations(written.trained)[2]!.responses
    const longest = said.reduce((a, b) => (b.length > a.length ? b : a))
    const found = await responsesPage(validations, { query: longest })
    expect(found.prompts.map(({ prompt }) => prompt)).toContain(said.indexOf(longest))
    expect((await responsesPage(validations, { query: 'said by nobody at all' })).found).toBe(0)
  })

  test('while the stage runs its validations are read from its checkpoints: the same texts and scores', () => {
    const live = openLiveValidations(written.checkpoints)!
    const ended = openValidations(written.trained)!
    expect(live.isLive).toBe(true)
    expect(live.list.map(({ step, reward, scores }) => ({ step, reward, scores }))).toEqual(
      ended.list.map(({ step, reward, scores }) => ({ step, reward, scores })),
    )
    for (let prompt = 0; prompt < 6; prompt++) {
      const texts = (of: typeof live) => promptAcross(of, prompt)!.steps.map(({ response }) => response)
      expect(texts(live)).toEqual(texts(ended))
      expect(live.readPrompts([prompt])).toEqual(ended.readPrompts([prompt]))
    }
    const folder = join(written.checkpoints, 'validations')
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([])
    expect(openLiveValidations(temporaryFolder())).toBeUndefined()
  })

  test('an artifact of an earlier version has no single rewards: it is read, and the page says what is missing', async () => {
    rmSync(join(written.trained, 'validation-scores.jsonl'))
    const validations = openValidations(written.trained)!
    const { prompts, without } = await responsesPage(validations, { order: 'gain' })
    expect(prompts.map(({ prompt }) => prompt)).toEqual([0, 1, 2, 3, 4, 5])
    expect(without.gain).toMatch(/did not record the reward of each response/)
    expect(without.disagreement).toBeDefined()
    expect(existsSync(join(written.trained, 'validations.jsonl'))).toBe(true)
    rmSync(join(written.trained, 'validations.jsonl'))
    expect(openValidations(written.trained)).toBeUndefined()
  })
})

/** Files as `rl` writes them. @param scores of each validation, by who gave them */
function made(prompts: number, steps: number, text: (step: number, prompt: number) => string, scores?: Scored) {
  const folder = temporaryFolder()
  const numbers = Array.from({ length: prompts }, (_, i) => i)
  const rows = numbers.map((i) => ({ id: `row ${i}`, context: `Question ${i}: ${'why? '.repeat(40)}` }))
  const initial = { step: 0, reward: 0, responses: numbers.map((i) => text(0, i)) }
  writeFileSync(join(folder, 'candidates.json'), JSON.stringify({ rows, initial, candidates: [initial] }))
  for (let step = 0; step < steps; step++) {
    const responses = numbers.map((i) => text(step, i))
    const line = { step: 10 * step, reward: step / steps, responses }
    appendFileSync(join(folder, 'validations.jsonl'), `${JSON.stringify(line)}\n`)
    const given = { step: 10 * step, scores: scores?.(step, prompts) ?? {} }
    appendFileSync(join(folder, 'validation-scores.jsonl'), `${JSON.stringify(given)}\n`)
  }
  return folder
}
type Scored = (step: number, prompts: number) => Record<string, (number | null)[]>

test('quotes, backslashes, surrogates and what looks like the end of a list are texts, in any chunk of the file', () => {
  const odd = [
    '\\',
    '\\\\"',
    '"],"responses":["',
    '},{"id":"x","context":"',
    '\ud83d\ude00 \u2028',
    '',
    '\\"'.repeat(600_000),
  ]
  const folder = made(odd.length, 3, (step, prompt) => odd[(step + prompt) % odd.length]!)
  const validations = openValidations(folder)!
  expect(validations.prompts).toBe(odd.length)
  for (let prompt = 0; prompt < odd.length; prompt++)
    expect(promptAcross(validations, prompt)!.steps.map(({ response }) => response)).toEqual(
      [0, 1, 2].map((step) => odd[(step + prompt) % odd.length]),
    )
})

test('prompts are sorted by gain, by loss and by how far the judges disagree', async () => {
  // the reward rises with the prompt's number; the other judge agrees, but for prompt 0, which it likes best
  const scores: Scored = (step, prompts) => ({
    reward: Array.from({ length: prompts }, (_, i) => (i === 3 ? null : step * (i - 2))),
    watch: Array.from({ length: prompts }, (_, i) => 5 + step * (i === 0 ? 100 : i)),
  })
  const validations = openValidations(made(6, 3, (step, i) => `${step} ${i}`, scores))!
  const sorted = async (order: 'gain' | 'loss' | 'disagreement') =>
    (await responsesPage(validations, { order })).prompts.map(({ prompt }) => prompt)
  expect(await sorted('gain')).toEqual([5, 4, 2, 1, 0, 3])
  expect(await sorted('loss')).toEqual([0, 1, 2, 4, 5, 3])
  expect((await sorted('disagreement'))[0]).toBe(0)
  expect((await sorted('disagreement')).at(-1)).toBe(3)
  const { prompts, without } = await responsesPage(validations, {})
  expect(without).toEqual({})
  expect(prompts[5]!.changes).toEqual([
    { by: 'reward', first: 0, last: 6 },
    { by: 'watch', first: 5, last: 15 },
  ])
  expect(prompts[0]!.disagreement).toBeCloseTo(1, 12) // by the reward the last of five, by the other the first
})

test('2,000 prompts × 50 validations: pages, one prompt and a search, without the texts in memory', async () => {
  const words = 'the policy says this, at some length, and changes little of it. '.repeat(14)
  const folder = made(
    2000,
    50,
    (step, prompt) => `${prompt} at ${step}: ${words}`,
    (step, prompts) => ({
      reward: Array.from({ length: prompts }, (_, i) => step * Math.sin(i)),
    }),
  )
  const bytes = readFileSync(join(folder, 'validations.jsonl')).length
  expect(bytes).toBeGreaterThan(90e6)
  global.gc?.()
  const before = process.memoryUsage().rss
  const validations = openValidations(folder)!
  const first = await responsesPage(validations, { order: 'gain' })
  expect(first.pages).toBe(2000 / PROMPTS_A_PAGE)
  const one = promptAcross(validations, 1234)!
  expect(one.steps.at(-1)!.response).toBe(`1234 at 49: ${words}`)
  const found = await responsesPage(validations, { query: '777 AT 33:' })
  expect(found.prompts.map(({ prompt }) => prompt)).toEqual([777, 1777])
  const grown = (process.memoryUsage().rss - before) / 1e6
  expect(grown).toBeLessThan(200)
})
